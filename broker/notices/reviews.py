"""The review that every use of emergency access waits for: by somebody else there, within two working days.

Who has a review overdue may not use emergency access again until it is done; the policy asks ``overdue`` each time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from broker.access.request import AccessRequest, Decision
from broker.audit.trail import Event, Trail
from broker.database import Instant, table_of
from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted
from broker.notices.models import EmergencyReview
from broker.vocabulary import AuditAction

WORKING_DAYS = 2
_SATURDAY = 5
_REVIEW = table_of(EmergencyReview).c
_OVERDUE = (
    select(_REVIEW.decision)
    .where(
        _REVIEW.person_id == bindparam("person"),
        _REVIEW.reviewed_at.is_(None),
        _REVIEW.due_at <= bindparam("at", type_=Instant),
    )
    .limit(1)
)


def of(request: AccessRequest, decision: Decision, *, now: datetime) -> EmergencyReview:
    """The review that this use of emergency access waits for."""
    return EmergencyReview(
        decision=decision.id,
        organisation_code=request.requester.organisation,
        person_id=request.requester.person,
        used_at=now,
        due_at=due(now),
    )


def due(used_at: datetime) -> datetime:
    """Two working days later, at the same time. Saturdays and Sundays do not count; bank holidays do."""
    left, at = WORKING_DAYS, used_at
    while left:
        at += timedelta(days=1)
        left -= at.weekday() < _SATURDAY
    return at


def overdue(session: Session, person: str | None, *, now: datetime) -> bool:
    """Whether somebody's use of emergency access waits for its review longer than it may."""
    return person is not None and session.execute(_OVERDUE, {"person": person, "at": now}).first() is not None


def waiting(session: Session, organisation: str) -> list[EmergencyReview]:
    """What waits for an organisation's reviewer, longest first."""
    theirs = select(EmergencyReview).where(
        EmergencyReview.organisation_code == organisation, EmergencyReview.reviewed_at.is_(None)
    )
    return list(session.scalars(theirs.order_by(EmergencyReview.used_at, EmergencyReview.decision)))


def close(
    session: Session,
    decision: str,
    *,
    organisation: str,
    appropriate: bool,
    words: str,
    person: str,
    trail: Trail,
    now: datetime,
) -> EmergencyReview:
    """Say what was found of one use. ``words`` are kept beside the trail. Commits.

    Raises NotFound for another organisation's, NotPermitted for one's own, Conflict for one reviewed already.
    """
    review = session.get(EmergencyReview, decision)
    if review is None or review.organisation_code != organisation:
        raise NotFound("review-unknown", "There is no such use of emergency access.")
    if review.person_id == person:
        raise NotPermitted("review-own", "Somebody else must review what you did.")
    if not words.strip():
        raise InvalidInput("review-words-missing", "Say what you found.", field="words")
    closed = session.execute(
        update(EmergencyReview)
        .where(EmergencyReview.decision == decision, EmergencyReview.reviewed_at.is_(None))
        .values(reviewed_at=now, reviewed_by=f"person:{person}", appropriate=appropriate)
        .returning(EmergencyReview.decision)
        .execution_options(synchronize_session=False)
    )
    if closed.first() is None:
        session.rollback()
        raise Conflict("review-done", "This has been reviewed already.")
    trail.append(
        session,
        Event(
            action=AuditAction.EMERGENCY_REVIEWED,
            actor=f"person:{person}",
            organisation=organisation,
            body={"decision": decision, "appropriate": appropriate},
            note=words.strip(),
        ),
        now=now,
    )
    session.commit()
    session.refresh(review)
    return review
