"""What may be put on the trail is checked before it gets there: codes, and nothing that names or describes anybody."""

from __future__ import annotations

from typing import Any

import pytest

from broker.audit.event import Event
from broker.vocabulary import AuditAction, Purpose, Section

NUMBER = "9434765919"  # a published test number with a true check digit


def event(**more: Any) -> Event:
    return Event(**{"action": AuditAction.DECISION, "actor": "person:p1", **more})


def test_codes_numbers_and_lists_of_them_may_be_put_on_the_trail() -> None:
    body = event(
        body={
            "purpose": Purpose.DIRECT_CARE,
            "sections": frozenset({Section.PROBLEMS, Section.ALERTS}),
            "refused": {"problems": {"gp": ["no-agreement"]}},
            "count": 3,
            "at": 1_795_000_000,
            "agreed": True,
            "until": None,
        }
    ).body
    assert body["purpose"] == "direct-care"
    assert body["sections"] == ["alerts", "problems"]
    assert body["refused"] == {"problems": {"gp": ["no-agreement"]}}


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "She seemed upset"},
        {"seen": ["Ada Bright"]},
        {"a name": "x"},
        {"note": "line\nbreak"},
        {"name": "Zoë"},
        {"what": object()},
        {"what": b"bytes"},
        {"long": "x" * 401},
        {"deep": {"a": {"b": {"c": {"d": {"e": 1}}}}}},
    ],
)
def test_free_text_is_refused_in_the_body(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"code|nested"):
        event(body=body)


@pytest.mark.parametrize(
    "body",
    [
        {"who": NUMBER},
        {"who": f"nhs-{NUMBER}"},
        {"who": ["943-476-5919"]},
        {NUMBER: 1},
        {"who": int(NUMBER)},
        {"a": {NUMBER: 1}},
    ],
)
def test_an_nhs_number_is_refused_wherever_it_hides(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="NHS number"):
        event(body=body)


def test_ten_digits_that_are_no_nhs_number_are_a_code() -> None:
    assert event(body={"order": "9434765918"}).body == {"order": "9434765918"}


@pytest.mark.parametrize("actor", ["broker", "person:p1", "client:c-1", "resident:abc", "operator:night-shift"])
def test_an_actor_is_named_by_kind_and_id(actor: str) -> None:
    assert event(actor=actor).actor == actor


@pytest.mark.parametrize(
    "actor", ["", "Ada Bright", "person:", "person:Ada Bright", "robot:r2", "broker:x", f"resident:{NUMBER}"]
)
def test_an_actor_named_any_other_way_is_refused(actor: str) -> None:
    with pytest.raises(ValueError, match="actor"):
        event(actor=actor)


def test_a_note_is_not_shown_where_events_are_printed() -> None:
    assert "upset" not in repr(event(note="She seemed upset"))
