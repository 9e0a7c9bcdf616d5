"""A use of emergency access, from the clinician who declares it to whoever reviews it, and what waits until then."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from broker.identity.models import Membership
from broker.notices.models import EmergencyReview
from broker.vocabulary import Role
from tests.conformance.rows import row
from tests.people import BEN_BORN, BEN_NUMBER, NOON, SURGERY
from tests.web.conftest import Door, Visitor

REASON = "Collapsed in the waiting room."


def declare(gp: Visitor) -> int:
    """Declare an emergency for Ben; gives the status of the answer."""
    return gp.send(f"{gp.find(BEN_NUMBER, BEN_BORN)}/emergency", reason=REASON).status_code


@pytest.fixture
def used(door: Door, gp: Visitor) -> EmergencyReview:
    assert declare(gp) == 200
    with door.broker.sessions() as session:
        return session.scalars(select(EmergencyReview)).one()


def test_every_use_waits_for_a_review_by_somebody_else(door: Door, used: EmergencyReview) -> None:
    guardian = door.signed_in("guardian")
    assert "Review by 24 November 2026" in guardian.get("/governance/emergencies").text
    page = f"/governance/emergencies/{used.decision}"
    refused = guardian.send(page, page=page, found="", words="")
    assert refused.status_code == 422
    assert "Say whether it was appropriate." in refused.text
    assert guardian.send(page, page=page, found="appropriate", words="An ambulance came.").status_code == 303
    assert "Nothing waits for a review." in guardian.get("/governance/emergencies").text
    assert guardian.get(page).status_code == 404


def test_another_organisations_reviewer_sees_nothing_of_it(door: Door, used: EmergencyReview) -> None:
    stranger = door.signed_in("privacy-officer")
    assert "Nothing waits for a review." in stranger.get("/governance/emergencies").text
    theirs = stranger.get(f"/governance/emergencies/{used.decision}")
    unknown = stranger.get("/governance/emergencies/never")
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.data == unknown.data


def test_who_used_it_does_not_review_it(door: Door, used: EmergencyReview) -> None:
    second_hat = Membership(
        id="gp-too", person_id="gp", organisation_code=SURGERY, role=Role.PRIVACY_OFFICER, started_at=NOON
    )
    with door.broker.sessions() as session:
        session.add(second_hat)
        session.commit()
    myself = door.visitor()
    myself.send("/demo/sign-in", who="membership:gp-too")
    page = f"/governance/emergencies/{used.decision}"
    assert "never whoever used it" in myself.get(page).text
    assert myself.send(page, page="/governance/emergencies", found="appropriate", words="Fine.").status_code == 403


@row("T14")
def test_who_has_one_overdue_may_not_declare_another_until_it_is_reviewed(
    door: Door, gp: Visitor, used: EmergencyReview
) -> None:
    door.clock.forward(timedelta(days=3))
    gp.become("gp")
    assert declare(gp) == 200, "it is due on Tuesday"
    door.clock.forward(timedelta(days=1, minutes=1))
    gp.become("gp")
    assert declare(gp) == 403
    guardian = door.signed_in("guardian")
    page = f"/governance/emergencies/{used.decision}"
    assert guardian.send(page, page=page, found="appropriate", words="An ambulance came.").status_code == 303
    assert declare(gp) == 200
