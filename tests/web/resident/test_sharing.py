"""Stopping, narrowing, undoing and withholding: as short as giving, and only ever one's own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broker.vocabulary import AuditAction, ConsentStatus, Section
from tests.people import ADA_BORN, ADA_NUMBER
from tests.web.conftest import TOKEN, Door, Visitor, choices_of


@pytest.fixture
def shared(adviser: Visitor, ada: Visitor, door: Door) -> str:
    """The address of Ada's permission for the food bank: housing and money, for four weeks."""
    record = adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING, Section.MONEY)
    ada.send(f"/my/requests/{record.id}", answer="yes")
    return f"/my/sharing/{choices_of(door, 'ada')[0].id}"


def _in_use(ada: Visitor) -> str:
    page = ada.get("/my/sharing").text
    return page.split("With your permission")[1].split("While they care for you")[0]


def test_who_can_see_what_is_one_page(ada: Visitor, shared: str) -> None:
    page = ada.get("/my/sharing").text
    assert "Harvest Shelf" in _in_use(ada)
    assert "They can see: Housing and Money, debt and benefits." in page
    assert "until 18 December 2026" in page
    standing = page.split("While they care for you")[1]
    assert "Millrace Surgery" in standing
    assert "Harvest Shelf" not in standing.split("What you have chosen")[0]


def test_stopping_takes_no_more_pages_than_giving_did(ada: Visitor, shared: str, door: Door) -> None:
    """Giving: open the request, send the answer. Stopping: open the permission, press the button."""
    assert "If you stop" in ada.get(shared).text
    answer = ada.send(f"{shared}/stop", page=shared, what="all")
    assert answer.headers["Location"] == f"{shared}/stopped"
    assert "cannot look again" in ada.get(f"{shared}/stopped").text
    assert "You have not given anybody permission." in _in_use(ada)
    assert len(door.trail(AuditAction.CONSENT_WITHDRAWN)) == 1


def test_stopping_can_be_undone_with_one_button(ada: Visitor, shared: str) -> None:
    ada.send(f"{shared}/stop", page=shared, what="all")
    answer = ada.send(f"{shared}/again", page=f"{shared}/stopped")
    assert "done=again" in answer.headers["Location"]
    assert "You have shared it again." in ada.get(answer.headers["Location"]).text
    assert "Housing and Money, debt and benefits" in _in_use(ada)
    assert "until 18 December 2026" in _in_use(ada)


def test_some_of_it_can_be_stopped_and_given_again(ada: Visitor, shared: str, door: Door) -> None:
    answer = ada.send(f"{shared}/stop", page=shared, what="some", sections=["money-and-benefits"])
    assert "done=narrowed" in answer.headers["Location"]
    assert "They can see: Housing." in _in_use(ada)
    assert len(door.trail(AuditAction.CONSENT_NARROWED)) == 1
    ada.send(f"{shared}/again", page=answer.headers["Location"])
    assert "Money, debt and benefits" in _in_use(ada)


def test_stopping_every_section_one_by_one_is_stopping(ada: Visitor, shared: str, door: Door) -> None:
    ada.send(f"{shared}/stop", page=shared, what="some", sections=["money-and-benefits", "housing"])
    assert choices_of(door, "ada")[0].status is ConsentStatus.INACTIVE


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "Choose how much to stop."),
        ({"what": "some"}, "Choose what to stop sharing."),
        ({"what": "some", "sections": ["problems"]}, "Choose what to stop sharing."),
    ],
)
def test_what_to_stop_must_be_said(ada: Visitor, shared: str, form: dict[str, object], words: str) -> None:
    answer = ada.send(f"{shared}/stop", page=shared, **form)
    assert answer.status_code == 422
    assert answer.text.count(words) == 2


def test_stopping_twice_is_no_fault(ada: Visitor, shared: str) -> None:
    ada.send(f"{shared}/stop", page=shared, what="all")
    again = ada.send(f"{shared}/stop", page="/my/withhold", what="all")
    assert again.status_code == 409
    assert "already been stopped" in again.text
    assert ada.get(shared).headers["Location"] == f"{shared}/stopped"


def test_undoing_what_was_not_stopped_changes_nothing(ada: Visitor, shared: str, door: Door) -> None:
    answer = ada.send(f"{shared}/again", page=shared)
    assert answer.status_code == 409
    assert len(choices_of(door, "ada")) == 1


def test_undoing_leaves_one_permission_and_stopping_it_stops_all_of_it(ada: Visitor, shared: str) -> None:
    narrowed = ada.send(f"{shared}/stop", page=shared, what="some", sections=["money-and-benefits"])
    ada.send(f"{shared}/again", page=narrowed.headers["Location"])
    assert _in_use(ada).count("Stop or change") == 1
    assert "Housing and Money, debt and benefits" in _in_use(ada)
    answer = ada.send(f"{shared}/stop", page=shared, what="all")
    assert answer.headers["Location"] == f"{shared}/stopped"
    assert "You have not given anybody permission." in _in_use(ada)


def test_what_is_stopped_is_stopped_in_every_permission_for_the_same(
    adviser: Visitor, ada: Visitor, shared: str
) -> None:
    """She said yes twice: stopping housing once is enough."""
    again = adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING, Section.DEMOGRAPHICS)
    ada.send(f"/my/requests/{again.id}", answer="yes")
    ada.send(f"{shared}/stop", page=shared, what="some", sections=["housing"])
    assert "Housing" not in _in_use(ada)
    assert "Person demographics and Money, debt and benefits" in _in_use(ada)


def test_undoing_the_last_stop_leaves_an_earlier_one_as_it_is(ada: Visitor, shared: str, door: Door) -> None:
    ada.send(f"{shared}/stop", page=shared, what="some", sections=["money-and-benefits"])
    door.clock.forward(timedelta(minutes=5))
    ada.send(f"{shared}/stop", page=shared, what="all")
    ada.send(f"{shared}/again", page=f"{shared}/stopped")
    assert "They can see: Housing." in _in_use(ada)


def test_who_cares_for_somebody_now_comes_before_who_might(ada: Visitor, door: Door) -> None:
    ben = door.signed_in("resident:ben")
    folded = "Services that could look if they start to care for you"
    assert folded not in ada.get("/my/sharing").text
    assert "Millrace Surgery" in ben.get("/my/sharing").text.split(folded)[1]


@pytest.mark.parametrize("act", ["stop", "again"])
def test_somebody_elses_choice_looks_like_none_at_all(door: Door, shared: str, act: str) -> None:
    ben = door.signed_in("resident:ben")
    for page in (shared, f"{shared}/stopped"):
        theirs, missing = ben.get(page), ben.get("/my/sharing/none")
        assert (theirs.status_code, missing.status_code) == (404, 404)
        assert TOKEN.sub("", theirs.text) == TOKEN.sub("", missing.text)
    assert ben.send(f"{shared}/{act}", page="/my/withhold", what="all").status_code == 404
    assert choices_of(door, "ada")[0].status is ConsentStatus.ACTIVE
