"""Being told is real: what a decision obliges somebody to be told is there for them to read, and for nobody else."""

from __future__ import annotations

from tests.people import ADA_BORN, ADA_NUMBER, BEN_BORN, BEN_NUMBER
from tests.web.conftest import Door, Visitor


def break_glass(gp: Visitor) -> None:
    gp.send(f"{gp.find(BEN_NUMBER, BEN_BORN)}/emergency", reason="Collapsed in the waiting room.")


def test_a_resident_is_told_of_emergency_access_on_their_first_page(gp: Visitor, door: Door, ada: Visitor) -> None:
    break_glass(gp)
    page = door.signed_in("resident:ben").get("/my").text
    assert "Millrace Surgery used emergency access to see part of your record" in page
    assert "You should know" not in ada.get("/my").text, "it is nobody else's to know"


def test_an_ordinary_look_is_no_notice(gp: Visitor, ada: Visitor) -> None:
    sections = ["allergies-and-adverse-reaction"]
    gp.send(f"{gp.find(ADA_NUMBER, ADA_BORN)}/team-permission/direct-care", sections=sections, reason="In clinic.")
    assert "You should know" not in ada.get("/my").text


def test_those_who_answer_for_an_organisation_see_its_own_notices(gp: Visitor, ig_lead: Visitor, door: Door) -> None:
    break_glass(gp)
    assert "There is nothing to look at" in ig_lead.get("/governance/notices").text, "another organisation's"
    with door.broker.sessions() as session:
        from broker.notices.models import Notice

        kinds = {notice.kind for notice in session.query(Notice).filter(Notice.organisation_code.is_not(None))}
    assert kinds == {"notify-privacy-officer", "review"}


def test_notices_are_for_those_who_answer_for_governance(adviser: Visitor, ada: Visitor) -> None:
    for somebody_else in (adviser, ada):
        assert somebody_else.get("/governance/notices").status_code == 403
