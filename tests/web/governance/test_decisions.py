"""Decisions with their reasons, for those who answer for them and nobody else's."""

from __future__ import annotations

import pytest

from broker.vocabulary import Section
from tests.people import ADA_BORN, ADA_NUMBER, FOOD_BANK, INTEGRATOR, SURGERY, ToldSource, connect
from tests.web.conftest import Door, Visitor


@pytest.fixture
def decided(gp: Visitor, adviser: Visitor) -> None:
    """One yes for the surgery and one no for the food bank."""
    found = gp.find(ADA_NUMBER, ADA_BORN)
    gp.send(f"{found}/team-permission/direct-care", sections=["problems"], reason="In clinic.")
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    adviser.send(f"{found}/team-permission/advice-debt", sections=["housing"], reason="She came to us.")


@pytest.mark.usefixtures("decided")
def test_each_decision_says_who_for_what_and_why(ig_lead: Visitor) -> None:
    page = ig_lead.get("/governance/decisions").text
    for words in (
        "Millrace Surgery: direct care",
        ">\n  Shared\n</strong>",
        "Permitted: Problems and conditions",
        'href="/governance/agreements/TB-CARE">Agreement TB-CARE</a>',
        "Harvest Shelf: debt and money advice",
        ">\n  Refused\n</strong>",
        "There is no current relationship with this resident.",
    ):
        assert words in page
    assert "In clinic." not in page
    assert "ada" not in page.lower().replace("canada", "")


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        (f"organisation={SURGERY}", "Millrace Surgery: direct", "Harvest Shelf: debt"),
        (f"organisation={FOOD_BANK}", "Harvest Shelf: debt", "Millrace Surgery: direct"),
        ("outcome=permitted", "Millrace Surgery: direct", "Harvest Shelf: debt"),
        ("outcome=refused", "Harvest Shelf: debt", "Millrace Surgery: direct"),
        ("outcome=permitted&organisation=GB-CHC-9900001", "No decision matches.", "Millrace Surgery: direct"),
    ],
)
def test_decisions_can_be_narrowed(ig_lead: Visitor, query: str, shown: str, hidden: str) -> None:
    page = ig_lead.get(f"/governance/decisions?{query}").text
    assert shown in page
    assert hidden not in page


@pytest.mark.usefixtures("decided")
def test_an_organisations_own_ig_lead_sees_its_own_alone(door: Door) -> None:
    council = door.signed_in("ig-lead")
    for query in ("", f"?organisation={SURGERY}", "?organisation=&outcome=permitted"):
        page = council.get(f"/governance/decisions{query}").text
        assert "Millrace Surgery" not in page
        assert ("No decision matches." if "outcome" in query else "Nothing has been asked yet.") in page


def test_a_controller_sees_who_was_allowed_to_see_what_it_holds(adviser: Visitor, gp: Visitor, door: Door) -> None:
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    record = adviser.ask(found, Section.HOUSING)
    door.signed_in("resident:ada").send(f"/my/requests/{record.id}", answer="yes")
    adviser.send(f"/partner/requests/{record.id}/record", page=f"/partner/requests/{record.id}")
    gp.send(f"{gp.find(ADA_NUMBER, ADA_BORN)}/team-permission/direct-care", sections=["problems"], reason="In clinic.")
    page = door.signed_in("ig-lead").get("/governance/decisions").text
    assert "Harvest Shelf: debt and money advice" in page
    assert "Millrace Surgery" not in page


def test_a_source_outside_the_agreement_is_named_and_is_no_reason(
    gp: Visitor, ig_lead: Visitor, door: Door, told: dict[str, ToldSource]
) -> None:
    told["place-directory"] = ToldSource("place-directory", INTEGRATOR, {Section.HOUSING: ("Housing office",)})
    with door.broker.sessions() as session:
        connect(session, "place-directory", INTEGRATOR)
    gp.send(f"{gp.find(ADA_NUMBER, ADA_BORN)}/team-permission/direct-care", sections=["housing"], reason="In clinic.")
    page = ig_lead.get("/governance/decisions").text
    assert "Outside the agreement, so not asked: Place Directory." in page
    assert "Why something was refused" not in page


def test_a_yes_to_some_of_it_says_why_not_the_rest(gp: Visitor, ig_lead: Visitor) -> None:
    gp.send(f"{gp.find(ADA_NUMBER, ADA_BORN)}/emergency", reason="Collapsed in the waiting room.")
    page = ig_lead.get("/governance/decisions").text
    for words in ("Emergency access", "Emergency access does not open this section.", "Tell the privacy officer."):
        assert words in page


@pytest.mark.parametrize("query", ["before=x", "organisation=%3Cscript%3E", "outcome=maybe", "before=-1"])
def test_a_query_that_makes_no_sense_is_no_fault(ig_lead: Visitor, query: str) -> None:
    assert ig_lead.get(f"/governance/decisions?{query}").status_code == 200
