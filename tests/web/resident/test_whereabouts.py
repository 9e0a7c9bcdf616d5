"""Of a resident whom the national register flags, no page tells where they live: not theirs, and not a worker's."""

from __future__ import annotations

from broker.identity.models import Resident
from tests.people import ADA_BORN, ADA_NUMBER, NOON
from tests.web.conftest import Door, Visitor


def flag(door: Door) -> None:
    with door.broker.sessions() as session:
        session.get_one(Resident, "ada").sensitive_since = NOON
        session.commit()


def test_whereabouts_leave_every_page_when_the_register_flags_somebody(door: Door, gp: Visitor) -> None:
    ada = door.signed_in("resident:ada")
    asked = f"{gp.find(ADA_NUMBER, ADA_BORN)}/team-permission/direct-care"
    sent = {"sections": ["person-demographics", "problems"], "reason": "In clinic."}
    assert "Weir Cottages" in ada.get("/my/record").text
    assert "Weir Cottages" in gp.send(asked, **sent).text
    flag(door)
    for page in (ada.get("/my/record").text, gp.send(asked, **sent).text):
        assert "Weir Cottages" not in page
        assert "Asthma" in page
