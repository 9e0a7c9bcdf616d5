"""Which of our people or residents a provider's subject is. Tied once, and never to a second somebody."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.errors import Conflict
from broker.federation.models import FederatedIdentity, IdentityProvider
from broker.vocabulary import AuditAction


def known(session: Session, provider: IdentityProvider, subject: str) -> FederatedIdentity | None:
    return session.scalar(
        select(FederatedIdentity).where(
            FederatedIdentity.provider_id == provider.id, FederatedIdentity.subject == subject
        )
    )


def link(
    session: Session,
    provider: IdentityProvider,
    subject: str,
    *,
    person: str | None = None,
    resident: str | None = None,
    by: str,
    trail: Trail,
    now: datetime,
) -> FederatedIdentity:
    """Say who a subject is, with its entry. Raises Conflict where that was said already. The caller commits."""
    if known(session, provider, subject) is not None:
        raise _taken()
    tied = FederatedIdentity(
        provider_id=provider.id, subject=subject, person_id=person, resident_id=resident, linked_at=now
    )
    session.add(tied)
    try:
        session.flush()
    except IntegrityError as error:
        session.rollback()
        raise _taken() from error
    body = {"act": "linked", "provider": provider.id, "person": person}
    trail.append(
        session,
        Event(AuditAction.CREDENTIAL_CHANGED, by, provider.organisation_code, resident, body=body),
        now=now,
    )
    return tied


def unlink(session: Session, tied: FederatedIdentity, *, by: str, trail: Trail, now: datetime) -> None:
    """Somebody's sign-in with a provider is theirs no longer, with its entry. The caller ends what it began.

    The caller commits. The subject is nobody's until it is tied again.
    """
    body = {"act": "unlinked", "provider": tied.provider_id, "person": tied.person_id}
    session.delete(tied)
    session.flush()
    event = Event(AuditAction.CREDENTIAL_CHANGED, by, resident=tied.resident_id, body=body)
    trail.append(session, event, now=now)


def unlink_person(session: Session, person: str, *, by: str, trail: Trail, now: datetime) -> int:
    """Every sign-in that one of our people has with a provider; gives how many. The caller commits."""
    theirs = session.scalars(select(FederatedIdentity).where(FederatedIdentity.person_id == person)).all()
    for tied in theirs:
        unlink(session, tied, by=by, trail=trail, now=now)
    return len(theirs)


def _taken() -> Conflict:
    return Conflict("subject-linked", "This sign-in belongs to somebody here already.")
