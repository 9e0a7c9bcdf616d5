"""How I may be asked: quiet hours, blocking from a request's page and undoing it, and what is told of joiners."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from broker.consent import asking
from broker.consent.asking import Preferences, Quiet
from broker.consent.models import AccessRequestRecord
from broker.vocabulary import AuditAction, Section
from tests.people import ADA_BORN, ADA_NUMBER, FOOD_BANK, NOON
from tests.web.conftest import Door, Visitor, choices_of

QUIET = {"quiet": "yes", "from": "21", "until": "8", "joiners": "yes"}


@pytest.fixture
def asked(adviser: Visitor) -> AccessRequestRecord:
    return adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING)


def kept(door: Door, resident: str = "ada") -> Preferences:
    with door.broker.sessions() as session:
        return asking.preferences(session, resident)


def test_quiet_hours_are_chosen_and_shown_again(door: Door, ada: Visitor) -> None:
    answer = ada.send("/my/asking", **QUIET)
    assert answer.status_code == 303
    page = ada.get(answer.headers["Location"]).text
    assert "Saved." in page
    assert '<option value="21" selected>9pm</option>' in page
    assert '<option value="8" selected>8am</option>' in page
    assert kept(door) == Preferences(quiet=Quiet(from_=time(21), until=time(8)), tell_of_joiners=True)
    ada.send("/my/asking", quiet="no", joiners="no")
    assert kept(door) == Preferences()
    assert kept(door, "ben") == Preferences()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"quiet": ""}, "Choose whether you want quiet hours."),
        ({"until": "21"}, "Choose when quiet hours begin, and another time when they end."),
        ({"from": "24"}, "Choose when quiet hours begin, and another time when they end."),
        ({"from": "²"}, "Choose when quiet hours begin, and another time when they end."),
        ({"joiners": "maybe"}, "Choose whether to be told."),
    ],
)
def test_a_choice_that_is_not_clear_changes_nothing(
    door: Door, ada: Visitor, wrong: dict[str, str], words: str
) -> None:
    answer = ada.send("/my/asking", **{**QUIET, **wrong})
    assert answer.status_code == 422
    assert answer.text.count(words) == 2
    assert kept(door) == Preferences()
    assert not door.trail(AuditAction.ASKING_CHANGED)


def test_a_request_made_at_night_is_not_on_the_first_page_until_morning(door: Door, ada: Visitor) -> None:
    ada.send("/my/asking", **QUIET)
    door.clock.forward(datetime(2026, 11, 20, 22, tzinfo=UTC) - NOON)
    adviser = door.signed_in("adviser")
    record = adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING)
    assert "Your request has been sent" in adviser.get(f"/partner/requests/{record.id}").text
    ada.become("resident:ada")
    assert "Nobody is waiting for an answer" in ada.get("/my").text
    assert ada.get(f"/my/requests/{record.id}").status_code == 404
    door.clock.forward(timedelta(hours=10))
    ada.become("resident:ada")
    assert "1 request waits for your answer" in ada.get("/my").text


def test_an_organisation_is_blocked_from_its_request_and_sees_no_difference(
    door: Door, ada: Visitor, adviser: Visitor, asked: AccessRequestRecord
) -> None:
    before = adviser.get(f"/partner/requests/{asked.id}").text
    answer = ada.send(f"/my/requests/{asked.id}/block", page=f"/my/requests/{asked.id}")
    page = ada.get(answer.headers["Location"]).text
    assert "Blocked. They are not told." in page
    assert "Harvest Shelf" in page
    assert "Nobody is waiting for an answer" in ada.get("/my").text
    assert ada.get(f"/my/requests/{asked.id}").status_code == 404
    assert adviser.get(f"/partner/requests/{asked.id}").text == before
    again = adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.MONEY)
    assert "Your request has been sent" in adviser.get(f"/partner/requests/{again.id}").text
    assert "Nobody is waiting for an answer" in ada.get("/my").text


def test_blocking_needs_nothing_proved_again_and_can_be_undone(
    door: Door, ada: Visitor, asked: AccessRequestRecord
) -> None:
    door.clock.forward(timedelta(minutes=20))
    ada.send(f"/my/requests/{asked.id}/block", page=f"/my/requests/{asked.id}")
    undone = ada.send("/my/asking/unblock", page="/my/asking", organisation=FOOD_BANK)
    assert "You can see their requests again." in ada.get(undone.headers["Location"]).text
    assert "1 request waits for your answer" in ada.get("/my").text
    bodies = [entry.body for entry in reversed(door.trail(AuditAction.ASKING_CHANGED))]
    assert bodies == [{"blocked": FOOD_BANK}, {"unblocked": FOOD_BANK}]


def test_nobody_blocks_by_somebody_elses_request(door: Door, asked: AccessRequestRecord) -> None:
    ben = door.signed_in("resident:ben")
    assert ben.send(f"/my/requests/{asked.id}/block", page="/my/asking").status_code == 404
    assert not door.trail(AuditAction.ASKING_CHANGED)


def test_saying_yes_needs_a_fresh_proof_and_saying_no_does_not(
    door: Door, ada: Visitor, asked: AccessRequestRecord
) -> None:
    door.clock.forward(timedelta(minutes=10))
    yes = ada.send(f"/my/requests/{asked.id}", answer="yes")
    assert yes.status_code == 303
    assert yes.headers["Location"].startswith("/sign-in/again")
    assert not choices_of(door, "ada")
    no = ada.send(f"/my/requests/{asked.id}", answer="no")
    assert no.headers["Location"] == "/my/requests/said-no"


def test_the_code_is_at_the_top_and_says_what_it_is_for(ada: Visitor, asked: AccessRequestRecord) -> None:
    page = ada.get(f"/my/requests/{asked.id}").text
    assert f">{asked.binding_code}</p>" in page
    assert "The worker should read you this code." in page


def test_a_request_that_asks_for_a_surer_sign_in_says_so(door: Door, ada: Visitor, asked: AccessRequestRecord) -> None:
    with door.broker.sessions() as session:
        session.get_one(AccessRequestRecord, asked.id).assurance = 4
        session.commit()
    answer = ada.send(f"/my/requests/{asked.id}", answer="yes")
    assert answer.status_code == 422
    assert answer.text.count("sign in again in a surer way") == 2
    assert not choices_of(door, "ada")


def test_the_pages_are_the_residents_alone(door: Door, adviser: Visitor) -> None:
    for path in ("/my/asking", "/my/pairing"):
        assert adviser.get(path).status_code == 403
        assert door.visitor().get(path).status_code == 303
