"""Answering a request: yes, less or no, on one page; and never somebody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broker.consent.models import AccessRequestRecord
from broker.vocabulary import AuditAction, Section
from tests.people import ADA_BORN, ADA_NUMBER, NOON
from tests.web.conftest import TOKEN, Door, Visitor, choices_of


@pytest.fixture
def asked(adviser: Visitor) -> AccessRequestRecord:
    return adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING, Section.MONEY)


def _provisions(door: Door) -> list[tuple[frozenset[Section] | None, object]]:
    with door.broker.sessions() as session:
        from broker.consent.models import Provision

        return [(each.sections, each.until_at) for each in session.query(Provision).order_by(Provision.id)]


def test_a_request_says_who_what_why_until_when_and_the_code(ada: Visitor, asked: AccessRequestRecord) -> None:
    assert "1 request waits for your answer" in ada.get("/my").text
    page = ada.get(f"/my/requests/{asked.id}").text
    for words in (
        "Sol Marsh, Harvest Shelf",
        "Debt and money advice",
        "Housing",
        "Money, debt and benefits",
        "To help you with your rent.",
        "18 December 2026",
        asked.binding_code,
        "It is needed.",  # the agreement's own words for why
        "Saying no does not change the care you get.",
    ):
        assert words in page


def test_yes_shares_exactly_what_was_asked(door: Door, ada: Visitor, asked: AccessRequestRecord) -> None:
    answer = ada.send(f"/my/requests/{asked.id}", answer="yes")
    assert "done=given" in answer.headers["Location"]
    assert "You have given permission." in ada.get(answer.headers["Location"]).text
    assert _provisions(door) == [(frozenset({Section.HOUSING, Section.MONEY}), NOON + timedelta(days=28))]


def test_less_shares_less_for_less_long(door: Door, ada: Visitor, asked: AccessRequestRecord) -> None:
    ada.send(f"/my/requests/{asked.id}", answer="less", sections=["housing"], sooner="7")
    assert _provisions(door) == [(frozenset({Section.HOUSING}), NOON + timedelta(days=7))]


def test_no_shares_nothing(door: Door, ada: Visitor, asked: AccessRequestRecord) -> None:
    answer = ada.send(f"/my/requests/{asked.id}", answer="no")
    assert answer.headers["Location"] == "/my/requests/said-no"
    assert "Nothing is shared." in ada.get("/my/requests/said-no").text
    assert not choices_of(door, "ada")
    assert "Nobody is waiting for an answer" in ada.get("/my").text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "Choose your answer."),
        ({"answer": "maybe"}, "Choose your answer."),
        ({"answer": "less", "sooner": "7"}, "Choose at least one thing to share, or say no."),
        ({"answer": "less", "sections": ["problems"], "sooner": "7"}, "Choose at least one thing to share, or say no."),
        ({"answer": "less", "sections": ["housing"], "sooner": "9999"}, "Choose when sharing ends."),
    ],
)
def test_an_answer_that_is_not_clear_shares_nothing(
    door: Door, ada: Visitor, asked: AccessRequestRecord, form: dict[str, object], words: str
) -> None:
    answer = ada.send(f"/my/requests/{asked.id}", **form)
    assert answer.status_code == 422
    assert answer.text.count(words) == 2
    assert not choices_of(door, "ada")


def test_somebody_elses_request_looks_like_none_at_all(door: Door, asked: AccessRequestRecord) -> None:
    ben = door.signed_in("resident:ben")
    theirs, missing = ben.get(f"/my/requests/{asked.id}"), ben.get("/my/requests/none")
    assert (theirs.status_code, missing.status_code) == (404, 404)
    assert TOKEN.sub("", theirs.text) == TOKEN.sub("", missing.text)
    assert ben.send(f"/my/requests/{asked.id}", page="/my/withhold", answer="yes").status_code == 404
    assert not door.trail(AuditAction.ACCESS_ANSWERED)


def test_a_request_is_answered_once_and_in_time(door: Door, ada: Visitor, asked: AccessRequestRecord) -> None:
    ada.send(f"/my/requests/{asked.id}", answer="no")
    assert ada.send(f"/my/requests/{asked.id}", page="/my/withhold", answer="yes").status_code == 404
    assert not choices_of(door, "ada")


def test_a_request_that_ran_out_cannot_be_answered(door: Door, ada: Visitor, asked: AccessRequestRecord) -> None:
    door.clock.forward(timedelta(days=15))
    ada.become("resident:ada")
    assert ada.get(f"/my/requests/{asked.id}").status_code == 404
    assert ada.send(f"/my/requests/{asked.id}", page="/my/withhold", answer="yes").status_code == 404
