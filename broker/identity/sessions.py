"""A person's session in a browser: begun, found and ended. Kept as a digest, so that what is kept opens nothing.

Knows nothing of cookies: ``web/sign_in.py`` carries the secret id to and from the browser.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.identity.models import Membership, Organisation, Resident, SignedInSession
from broker.settings import Settings
from broker.vocabulary import AuditAction, Role

# An idle limit of minutes needs no finer clock than this, and most requests then write nothing.
_USE_NOTED_EVERY = timedelta(seconds=60)


def begin_for_worker(
    session: Session, membership: Membership, *, assurance: int, trail: Trail, now: datetime
) -> tuple[str, SignedInSession]:
    """Sign somebody in to their work for one organisation, in one role. See ``_begin``."""
    return _begin(
        session,
        SignedInSession(
            person_id=membership.person_id,
            organisation_code=membership.organisation_code,
            role=membership.role,
            assurance=assurance,
        ),
        trail=trail,
        now=now,
    )


def begin_for_resident(
    session: Session, resident: Resident, *, assurance: int, trail: Trail, now: datetime
) -> tuple[str, SignedInSession]:
    """Sign a resident in to their own pages. See ``_begin``."""
    begun = SignedInSession(resident_id=resident.id, role=Role.RESIDENT, assurance=assurance)
    return _begin(session, begun, trail=trail, now=now)


def find(session: Session, secret: str, *, settings: Settings, now: datetime) -> SignedInSession | None:
    """The session with this secret id, or None where there is none, it has ended, or it has run out.

    A worker's also ends with their membership, or when their organisation leaves. Notes the use; commits where it
    notes anything.
    """
    found = session.get(SignedInSession, digest(secret))
    if found is None or found.ended_at is not None or _run_out(found, settings=settings, now=now):
        return None
    if found.person_id is not None and not _still_works_there(session, found, now=now):
        return None
    if now - found.used_at >= _USE_NOTED_EVERY:
        found.used_at = now
        session.commit()
    return found


def end(session: Session, signed_in: SignedInSession, *, trail: Trail, now: datetime) -> None:
    """Sign out: the secret id opens nothing from now on. Commits."""
    signed_in.ended_at = now
    _entry(session, trail, AuditAction.SIGNED_OUT, signed_in, now=now)
    session.commit()


def actor_of(signed_in: SignedInSession) -> str:
    """The typed subject written on the trail for whoever is signed in."""
    return f"person:{signed_in.person_id}" if signed_in.person_id else f"resident:{signed_in.resident_id}"


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _begin(session: Session, begun: SignedInSession, *, trail: Trail, now: datetime) -> tuple[str, SignedInSession]:
    """Keep the new session under the digest of 256 random bits, and return those with it. Commits."""
    secret = secrets.token_urlsafe(32)
    begun.digest = digest(secret)
    begun.started_at = begun.used_at = now
    session.add(begun)
    _entry(session, trail, AuditAction.SIGNED_IN, begun, now=now)
    session.commit()
    return secret, begun


def _run_out(found: SignedInSession, *, settings: Settings, now: datetime) -> bool:
    idle = timedelta(seconds=settings.session_idle_seconds)
    longest = timedelta(seconds=settings.session_seconds)
    return now - found.used_at >= idle or now - found.started_at >= longest


def _still_works_there(session: Session, found: SignedInSession, *, now: datetime) -> bool:
    current = session.execute(
        select(Membership.id)
        .join(Organisation, Organisation.code == Membership.organisation_code)
        .where(
            or_(Organisation.left_at.is_(None), Organisation.left_at > now),
            Membership.person_id == found.person_id,
            Membership.organisation_code == found.organisation_code,
            Membership.role == found.role,
            Membership.started_at <= now,
            or_(Membership.ended_at.is_(None), Membership.ended_at > now),
        )
    )
    return current.first() is not None


def _entry(session: Session, trail: Trail, action: AuditAction, signed_in: SignedInSession, *, now: datetime) -> None:
    session.flush()
    trail.append(
        session,
        Event(
            action=action,
            actor=actor_of(signed_in),
            organisation=signed_in.organisation_code,
            resident=signed_in.resident_id,
            body={"role": signed_in.role.value, "assurance": signed_in.assurance},
        ),
        now=now,
    )
