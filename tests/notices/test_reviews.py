"""Emergency access waits for its review: how long, by whom, and what follows where nobody reviews it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.trail import Trail
from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted
from broker.notices import reviews
from broker.notices.models import EmergencyReview
from broker.vocabulary import AuditAction
from tests.people import COUNCIL, NOON, SURGERY, settle


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=b"k" * 32)


@pytest.fixture
def used(session: Session) -> EmergencyReview:
    """The GP's use of emergency access, at noon on a Friday."""
    settle(session)
    review = EmergencyReview(
        decision="decision-1",
        organisation_code=SURGERY,
        person_id="gp",
        used_at=NOON,
        due_at=reviews.due(NOON),
    )
    session.add(review)
    session.commit()
    return review


def close(session: Session, trail: Trail, **changes: Any) -> EmergencyReview:
    said = {"organisation": SURGERY, "appropriate": True, "words": "An ambulance came.", "person": "adviser"}
    return reviews.close(session, "decision-1", **{**said, **changes}, trail=trail, now=NOON)


@pytest.mark.parametrize(("used_on", "due_on"), [(16, 18), (17, 19), (18, 20), (19, 23), (20, 24), (21, 24), (22, 24)])
def test_a_review_is_due_two_working_days_later(used_on: int, due_on: int) -> None:
    at = datetime(2026, 11, used_on, 9, 30, tzinfo=UTC)  # the 16th is a Monday
    assert reviews.due(at) == datetime(2026, 11, due_on, 9, 30, tzinfo=UTC)


def test_it_is_overdue_from_that_instant_and_for_that_person_alone(session: Session, used: EmergencyReview) -> None:
    before = used.due_at - timedelta(seconds=1)
    assert not reviews.overdue(session, "gp", now=before)
    assert reviews.overdue(session, "gp", now=used.due_at)
    assert not reviews.overdue(session, "adviser", now=used.due_at)
    assert not reviews.overdue(session, None, now=used.due_at)


def test_a_review_ends_the_waiting_whatever_it_found(session: Session, used: EmergencyReview, trail: Trail) -> None:
    assert reviews.waiting(session, SURGERY) == [used]
    close(session, trail, appropriate=False)
    assert reviews.waiting(session, SURGERY) == []
    assert not reviews.overdue(session, "gp", now=used.due_at)
    (entry,) = trail.entries(session, actions=[AuditAction.EMERGENCY_REVIEWED])
    assert entry.body == {"decision": "decision-1", "appropriate": False}
    assert entry.note == "An ambulance came."


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"person": "gp"}, NotPermitted),
        ({"organisation": COUNCIL}, NotFound),
        ({"words": "  "}, InvalidInput),
    ],
)
def test_nobody_reviews_their_own_or_anothers_or_without_a_word(
    session: Session, used: EmergencyReview, trail: Trail, changes: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        close(session, trail, **changes)
    assert reviews.waiting(session, SURGERY) == [used]
    assert trail.entries(session, actions=[AuditAction.EMERGENCY_REVIEWED]) == []


def test_it_is_reviewed_once(
    session: Session, used: EmergencyReview, trail: Trail, sessions: sessionmaker[Session]
) -> None:
    def attempt(_: int) -> bool:
        with sessions() as own:
            try:
                close(own, trail)
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, range(8))).count(True) == 1
    assert len(trail.entries(session, actions=[AuditAction.EMERGENCY_REVIEWED])) == 1
