"""One decision explained, to those it concerns, and never unseen."""

from __future__ import annotations

import pytest

from broker.vocabulary import AuditAction
from tests.people import ADA_BORN, ADA_NUMBER
from tests.web.conftest import Door, Visitor


@pytest.fixture
def permitted(gp: Visitor, door: Door) -> str:
    """The address of a decision that shared something with the surgery."""
    found = gp.find(ADA_NUMBER, ADA_BORN)
    gp.send(f"{found}/team-permission/direct-care", sections=["problems", "housing"], reason="In clinic.")
    return _newest(door)


@pytest.fixture
def refused(adviser: Visitor, door: Door) -> str:
    """The address of a decision that refused the food bank everything."""
    found = adviser.find(ADA_NUMBER, ADA_BORN)
    adviser.send(f"{found}/team-permission/advice-debt", sections=["housing"], reason="She came to us.")
    return _newest(door)


def _newest(door: Door) -> str:
    return f"/governance/decisions/{door.trail(AuditAction.DECISION)[0].body['decision']}"


def test_a_refusal_says_why_what_came_near_and_what_would_change_it(ig_lead: Visitor, refused: str) -> None:
    assert f'href="{refused}"' in ig_lead.get("/governance/decisions").text
    page = ig_lead.get(refused).text
    for words in (
        "Harvest Shelf: debt and money advice",
        "There is no current relationship with this resident.",
        "Relationship with the resident",
        "It would be allowed if",
        "What the requester is told",
        "What the resident is told",
        "They are not caring for you, or helping you, at the moment.",
    ):
        assert words in page, words
    assert "Okoro" not in page
    assert "She came to us." not in page


def test_a_permission_says_what_was_shared(ig_lead: Visitor, permitted: str) -> None:
    page = ig_lead.get(permitted).text
    assert "Permitted: Problems and conditions" in page
    assert "Asked for: Problems and conditions" in page


def test_opening_one_is_on_the_trail_and_the_page_says_so(ig_lead: Visitor, door: Door, permitted: str) -> None:
    assert not door.trail(AuditAction.DECISIONS_READ)
    assert "That you opened this decision is on the trail." in ig_lead.get(permitted).text
    (entry,) = door.trail(AuditAction.DECISIONS_READ)
    assert entry.actor == "person:overseer"


def test_it_is_for_ones_own_organisation_alone(door: Door, permitted: str, refused: str) -> None:
    for who, opens, closed in (("guardian", permitted, refused), ("pantry-lead", refused, permitted)):
        visitor = door.signed_in(who)
        assert visitor.get(opens).status_code == 200
        assert visitor.get(closed).status_code == 404
        listed = visitor.get("/governance/decisions").text
        assert f'href="{opens}"' in listed
        assert f'href="{closed}"' not in listed
    assert len(door.trail(AuditAction.DECISIONS_READ)) == 2


def test_what_is_not_there_and_what_is_somebody_elses_look_alike(door: Door, permitted: str) -> None:
    visitor = door.signed_in("pantry-lead")
    assert visitor.get(permitted).text == visitor.get("/governance/decisions/none").text


def test_no_worker_and_no_resident_opens_one(door: Door, permitted: str) -> None:
    for who in ("gp", "resident:ada"):
        assert door.signed_in(who).get(permitted).status_code == 403
    assert not door.trail(AuditAction.DECISIONS_READ)
