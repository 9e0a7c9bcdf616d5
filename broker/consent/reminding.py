"""Reminding a resident, once, that a request waits; and passing one on in person. Neither answers anything.

Both look the same to whoever does them whether or not there is a resident, and whatever the resident has said.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from broker.access.request import Requester
from broker.audit.trail import Event, Trail
from broker.consent import asking
from broker.consent.actions import state_of
from broker.consent.models import AccessRequestRecord
from broker.errors import Conflict, NotFound, NotPermitted
from broker.identity.actions import NOBODY, actor_of, limit_lookups, resident_behind
from broker.identity.models import Relationship
from broker.settings import Settings
from broker.vocabulary import AuditAction, RelationshipKind, RequestState, Role

# Somebody who is there for the resident already, as the practice they are registered with or the worker they have.
STANDING = (RelationshipKind.REGISTERED_PRACTICE, RelationshipKind.CASELOAD)
PASSES_ON = (Role.CLINICIAN, Role.SOCIAL_WORKER)


def may_remind(record: AccessRequestRecord, *, now: datetime) -> bool:
    """Whether a reminder may be sent: one, past half the time, while the request waits as far as its asker may know."""
    half = record.made_at + (record.expires_at - record.made_at) / 2
    return state_of(record, now=now) is RequestState.PENDING and record.reminded_at is None and now >= half


def remind(session: Session, record: AccessRequestRecord, *, asker: Requester, trail: Trail, now: datetime) -> None:
    """Show its resident a request as one that was asked again. Raises Conflict where it may not be, now. Commits."""
    reminded = may_remind(record, now=now) and (
        session.execute(
            update(AccessRequestRecord)
            .where(AccessRequestRecord.id == record.id, AccessRequestRecord.reminded_at.is_(None))
            .values(reminded_at=now)
            .returning(AccessRequestRecord.id)
            .execution_options(synchronize_session=False)
        ).first()
    )
    if not reminded:
        raise Conflict("reminder-not-now", "One reminder can be sent, after half of the time to answer has gone.")
    session.refresh(record)
    _write_down(session, record, "reminded", asker=asker, trail=trail, now=now)
    session.commit()


def may_answer(record: AccessRequestRecord, *, resident: str) -> bool:
    """Whether somebody who acts as ``resident``, by right or as their proxy, may answer: nobody else may, ever.

    No professional answers for a resident, on no ground: where the law lets somebody decide for them (best interests,
    a lasting power of attorney, a deputy) that somebody is a proxy, and acts as the resident.
    """
    return record.resident_id is not None and record.resident_id == resident


def to_pass_on(
    session: Session, handle: str, code: str, *, asker: Requester, settings: Settings, now: datetime
) -> AccessRequestRecord:
    """The request with this code that waits for a resident whom the asker's organisation is there for already.

    The code is what the resident, or whoever asks them, has read out: nobody can look through a resident's requests.
    Raises NotPermitted for a role that passes nothing on, TooMany for too many tries, and NotFound alike for all else.
    """
    if asker.role not in PASSES_ON:
        raise NotPermitted("role-not-permitted", "Only a clinician or a social worker passes a request on.")
    resident = resident_behind(session, handle, organisation=asker.organisation) or NOBODY
    limit_lookups(session, f"passing-on/{asker.organisation}", settings=settings, now=now)
    found: AccessRequestRecord | None = session.scalar(
        select(AccessRequestRecord).where(
            AccessRequestRecord.resident_id == resident,
            AccessRequestRecord.binding_code == code.strip().upper(),
            AccessRequestRecord.state == RequestState.PENDING,
            AccessRequestRecord.expires_at > now,
            AccessRequestRecord.organisation_code.not_in(asking.blocked(session, resident)),
        )
    )
    session.commit()
    shown = found is not None and asking.is_shown(session, found, now=now)
    if found is None or not shown or not _is_there_for(session, resident, asker, now=now):
        raise NotFound("request-unknown", "There is no request with this code that waits for them.", field="code")
    return found


def passed_on(session: Session, record: AccessRequestRecord, *, asker: Requester, trail: Trail, now: datetime) -> None:
    """Write down that a resident was told of a request face to face. Commits. It is answered by them alone."""
    _write_down(session, record, "passed-on", asker=asker, trail=trail, now=now)
    session.commit()


def _is_there_for(session: Session, resident: str, asker: Requester, *, now: datetime) -> bool:
    standing = select(Relationship.id).where(
        Relationship.resident_id == resident,
        Relationship.organisation_code == asker.organisation,
        Relationship.kind.in_(STANDING),
        or_(Relationship.person_id.is_(None), Relationship.person_id == asker.person),
        Relationship.from_at <= now,
        or_(Relationship.until_at.is_(None), Relationship.until_at > now),
    )
    return session.execute(standing.limit(1)).first() is not None


def _write_down(
    session: Session, record: AccessRequestRecord, how: str, *, asker: Requester, trail: Trail, now: datetime
) -> None:
    session.flush()
    trail.append(
        session,
        Event(
            action=AuditAction.ACCESS_REQUESTED,
            actor=actor_of(asker),
            organisation=asker.organisation,
            resident=record.resident_id,
            body={
                "request": record.id,
                "how": how,
                "purpose": record.purpose.value,
                "sections": sorted(record.sections),
            },
        ),
        now=now,
    )
