"""After asking: reminding once, and a professional who passes a request on in person and answers nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broker.consent.models import AccessRequestRecord
from broker.vocabulary import AuditAction, RequestState, Section
from tests.people import ADA_BORN, ADA_NUMBER
from tests.web.conftest import TOKEN, Door, Visitor


@pytest.fixture
def asked(adviser: Visitor) -> AccessRequestRecord:
    return adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING)


def test_a_worker_reminds_once_after_half_the_time(door: Door, asked: AccessRequestRecord) -> None:
    path = f"/partner/requests/{asked.id}"
    adviser = door.signed_in("adviser")
    assert "You can remind them once, after half of the time has gone." in adviser.get(path).text
    assert adviser.send(f"{path}/remind", page=path).status_code == 409
    door.clock.forward(timedelta(days=7))
    adviser.become("adviser")
    assert adviser.send(f"{path}/remind", page=path).status_code == 303
    assert "You reminded them on 27 November 2026." in adviser.get(path).text
    assert adviser.send(f"{path}/remind", page=path).status_code == 409
    ada = door.signed_in("resident:ada")
    assert "They asked again on 27 November 2026." in ada.get("/my").text
    assert "They reminded you of this on 27 November 2026" in ada.get(f"/my/requests/{asked.id}").text


def test_nobody_reminds_for_somebody_else(door: Door, gp: Visitor, asked: AccessRequestRecord) -> None:
    door.clock.forward(timedelta(days=7))
    gp.become("gp")
    answer = gp.send(f"/partner/requests/{asked.id}/remind", page="/partner/find")
    assert answer.status_code == 404
    assert len(door.trail(AuditAction.ACCESS_REQUESTED)) == 1


def test_a_professional_prints_a_request_and_the_resident_answers_it(
    door: Door, gp: Visitor, asked: AccessRequestRecord
) -> None:
    found = gp.find(ADA_NUMBER, ADA_BORN)
    assert f'href="{found}/pass-on"' in gp.get(found).text
    page = gp.send(f"{found}/pass-on", code=asked.binding_code).text
    for words in (asked.binding_code, "Harvest Shelf", "To help you with your rent.", "You cannot answer for them"):
        assert words in page
    with door.broker.sessions() as session:
        assert session.get_one(AccessRequestRecord, asked.id).state is RequestState.PENDING
    ada = door.signed_in("resident:ada")
    assert "Told you of a request in person" in ada.get("/my/activity").text
    assert "1 request waits for your answer" in ada.get("/my").text


def test_a_professional_without_the_code_learns_nothing(door: Door, gp: Visitor, asked: AccessRequestRecord) -> None:
    found = gp.find(ADA_NUMBER, ADA_BORN)
    waiting = gp.send(f"{found}/pass-on", code="BBBBBB")
    door.signed_in("resident:ada").send(f"/my/requests/{asked.id}", answer="no")
    none = gp.send(f"{found}/pass-on", code="BBBBBB")
    assert (waiting.status_code, none.status_code) == (422, 422)
    assert TOKEN.sub("", waiting.text) == TOKEN.sub("", none.text)


def test_other_workers_pass_nothing_on(adviser: Visitor, asked: AccessRequestRecord) -> None:
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    assert "pass-on" not in adviser.get(found).text
    assert adviser.send(f"{found}/pass-on", code=asked.binding_code).status_code == 403


def test_another_organisations_handle_passes_nothing_on(adviser: Visitor, gp: Visitor) -> None:
    theirs = adviser.find(ADA_NUMBER, ADA_BORN)
    assert gp.get(f"{theirs}/pass-on").status_code == 404
    assert gp.send(f"{theirs}/pass-on", page="/partner/find", code="BBBBBB").status_code == 404
