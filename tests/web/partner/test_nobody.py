"""Somebody who is not known here leaves the same trail, and gets the same page, as somebody a worker does not serve."""

from __future__ import annotations

from sqlalchemy import update

from broker.identity.models import Organisation
from broker.vocabulary import AuditAction
from tests.people import BEN_BORN, BEN_NUMBER, NOON, STRANGER_NUMBER, SURGERY
from tests.web.conftest import Door, Visitor

ASKED = {"sections": ["problems"], "reason": "In clinic."}


def test_every_no_is_decided_and_written_down_whoever_it_is_about(gp: Visitor, door: Door) -> None:
    for number in (BEN_NUMBER, STRANGER_NUMBER):
        found = gp.find(number, BEN_BORN)
        assert gp.send(f"{found}/team-permission/direct-care", **ASKED).status_code == 403
    stranger, nobody = reversed(door.trail(AuditAction.DECISION))
    assert stranger.body["reasons"] == nobody.body["reasons"] == ["no-relationship"]
    assert stranger.body["refused"] == nobody.body["refused"]
    assert stranger.note == nobody.note == "In clinic."


def test_an_emergency_learns_that_there_is_nobody_and_that_is_written_down(gp: Visitor, door: Door) -> None:
    found = gp.find(STRANGER_NUMBER, BEN_BORN)
    answer = gp.send(f"{found}/emergency", reason="Collapsed in the waiting room.")
    assert answer.status_code == 403
    assert "Nobody with these details is known here." in answer.text
    (decided,) = door.trail(AuditAction.DECISION)
    assert (decided.body["break_glass"], decided.note) == (True, "Collapsed in the waiting room.")


def test_a_session_ends_when_the_organisation_leaves(gp: Visitor, door: Door) -> None:
    assert gp.get("/partner/find").status_code == 200
    with door.broker.sessions() as session:
        session.execute(update(Organisation).where(Organisation.code == SURGERY).values(left_at=NOON))
        session.commit()
    assert gp.get("/partner/find").status_code == 303
