"""A person's session in a browser: begun, found and ended. Kept as a digest, so that what is kept opens nothing.

Knows nothing of cookies: ``web/sign_in.py`` carries the secret id to and from the browser.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.errors import NotAuthenticated
from broker.identity import memberships
from broker.identity.models import Membership, Organisation, Resident, SignedInSession
from broker.settings import Settings
from broker.vocabulary import AuditAction, Role

# An idle limit of minutes needs no finer clock than this, and most requests then write nothing.
_USE_NOTED_EVERY = timedelta(seconds=60)
# What a session keeps when it goes on under a new secret id.
_CARRIED = (
    "person_id",
    "resident_id",
    "organisation_code",
    "role",
    "acting_for_id",
    "assurance",
    "means",
    "upstream_subject",
    "upstream_session",
    "authenticated_at",
)


@dataclass(frozen=True, slots=True)
class Proof:
    """How somebody proved who they are. ``means`` is a provider's id, ``passkey``, ``totp`` or ``demonstration``;
    ``subject`` and ``session`` are the provider's own names for them and for its session, where it has them.
    ``at`` is when they proved it, which a provider's own session may make long ago; None where nobody says.
    """

    means: str
    assurance: int
    subject: str | None = None
    session: str | None = None
    at: datetime | None = None


def begin_for_worker(
    session: Session, membership: Membership, *, proof: Proof, trail: Trail, now: datetime
) -> tuple[str, SignedInSession]:
    """Sign somebody in to their work for one organisation, in one role. See ``_begin``."""
    begun = SignedInSession(
        person_id=membership.person_id,
        organisation_code=membership.organisation_code,
        role=membership.role,
        **_proven(proof, now=now),
    )
    membership.used_at = now
    return _begin(session, begun, action=AuditAction.SIGNED_IN, trail=trail, now=now)


def begin_for_resident(
    session: Session, resident: Resident, *, proof: Proof, trail: Trail, now: datetime
) -> tuple[str, SignedInSession]:
    """Sign a resident in to their own pages. See ``_begin``."""
    begun = SignedInSession(resident_id=resident.id, role=Role.RESIDENT, **_proven(proof, now=now))
    return _begin(session, begun, action=AuditAction.SIGNED_IN, trail=trail, now=now)


def rise(
    session: Session, signed_in: SignedInSession, *, proof: Proof, trail: Trail, now: datetime
) -> tuple[str, SignedInSession]:
    """Somebody signed in has proved again who they are: a new secret id, and the old one opens nothing. Commits.

    Raises NotAuthenticated where the session was ended meanwhile: what was ended stays so.
    """
    return _follow(session, signed_in, AuditAction.STEPPED_UP, trail=trail, now=now, **_proven(proof, now=now))


def act_for(
    session: Session, signed_in: SignedInSession, resident_id: str | None, *, trail: Trail, now: datetime
) -> tuple[str, SignedInSession]:
    """Let a resident act for another from now on, as their proxy; None: for themselves again. A new secret id.

    Whether they may is for the caller to have asked, and for every page to ask again. Commits. Raises as ``rise``.
    """
    role = Role.RESIDENT if resident_id is None else Role.PROXY
    return _follow(
        session, signed_in, AuditAction.SIGNED_IN, trail=trail, now=now, acting_for_id=resident_id, role=role
    )


def find(session: Session, secret: str, *, settings: Settings, now: datetime) -> SignedInSession | None:
    """The session with this secret id, or None where there is none, it has ended, or it has run out.

    A worker's also ends with their membership, or when their organisation leaves, and a resident's with their death.
    Of somebody acted for it says nothing: every page asks by which proxy. Notes the use; commits where it notes any.
    """
    found = session.get(SignedInSession, digest(secret))
    if found is None or found.ended_at is not None or _run_out(found, settings=settings, now=now):
        return None
    if found.person_id is not None and not _still_works_there(session, found, settings=settings, now=now):
        return None
    if found.resident_id is not None and session.get_one(Resident, found.resident_id).has_died(at=now):
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


def end_every(
    session: Session, *, person: str | None = None, resident: str | None = None, but: str | None = None, now: datetime
) -> int:
    """End every session of one person or resident, wherever they are signed in, except one whose digest is ``but``.

    Gives how many. The caller commits.
    """
    assert (person is None) != (resident is None), "sessions are ended for one somebody"
    theirs = SignedInSession.person_id == person if person else SignedInSession.resident_id == resident
    return _end_where(session, theirs, SignedInSession.digest != (but or ""), now=now)


def end_upstream(
    session: Session, *, means: str, subject: str | None = None, upstream_session: str | None = None, now: datetime
) -> int:
    """End the sessions that a provider says are over, by its session, its subject or both. The caller commits."""
    which = [
        column == value
        for column, value in (
            (SignedInSession.upstream_subject, subject),
            (SignedInSession.upstream_session, upstream_session),
        )
        if value is not None
    ]
    assert which, "a logout names a subject or a session"
    return _end_where(session, SignedInSession.means == means, *which, now=now)


def is_fresh(signed_in: SignedInSession, *, within: timedelta, now: datetime) -> bool:
    """Whether they proved who they are so recently. Never where nobody says when they did."""
    at = signed_in.authenticated_at
    return at is not None and now - at <= within


def actor_of(signed_in: SignedInSession) -> str:
    """The typed subject written on the trail for whoever is signed in: a proxy is named as themselves."""
    return f"person:{signed_in.person_id}" if signed_in.person_id else f"resident:{signed_in.resident_id}"


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _proven(proof: Proof, *, now: datetime) -> dict[str, Any]:
    return {
        "means": proof.means,
        "assurance": proof.assurance,
        "upstream_subject": proof.subject,
        "upstream_session": proof.session,
        "authenticated_at": proof.at and min(proof.at, now),  # another's clock may be ahead of ours
    }


def _follow(
    session: Session, before: SignedInSession, action: AuditAction, *, trail: Trail, now: datetime, **changes: Any
) -> tuple[str, SignedInSession]:
    """The same session with ``changes``, under a new secret id. Its limit in all stays where it was. Commits."""
    kept = {name: getattr(before, name) for name in _CARRIED} | changes
    if _end_where(session, SignedInSession.digest == before.digest, now=now) == 0:
        session.rollback()
        raise NotAuthenticated("session-ended", "You were signed out. Sign in again.")
    return _begin(session, SignedInSession(**kept), action=action, trail=trail, now=now, started_at=before.started_at)


def _begin(
    session: Session,
    begun: SignedInSession,
    *,
    action: AuditAction,
    trail: Trail,
    now: datetime,
    started_at: datetime | None = None,
) -> tuple[str, SignedInSession]:
    """Keep the new session under the digest of 256 random bits, and return those with it. Commits."""
    secret = secrets.token_urlsafe(32)
    begun.digest = digest(secret)
    begun.started_at = started_at or now
    begun.used_at = now
    session.add(begun)
    _entry(session, trail, action, begun, now=now)
    session.commit()
    return secret, begun


def _end_where(session: Session, *which: ColumnElement[bool], now: datetime) -> int:
    ended = session.execute(
        update(SignedInSession)
        .where(*which, SignedInSession.ended_at.is_(None))
        .values(ended_at=now)
        .returning(SignedInSession.digest)
    )
    return len(ended.all())


def _run_out(found: SignedInSession, *, settings: Settings, now: datetime) -> bool:
    seconds = settings.staff_idle_seconds if found.person_id else settings.session_idle_seconds
    idle = timedelta(seconds=seconds)
    longest = timedelta(seconds=settings.session_seconds)
    return now - found.used_at >= idle or now - found.started_at >= longest


def _still_works_there(session: Session, found: SignedInSession, *, settings: Settings, now: datetime) -> bool:
    current = session.execute(
        select(Membership.id)
        .join(Organisation, Organisation.code == Membership.organisation_code)
        .where(
            or_(Organisation.left_at.is_(None), Organisation.left_at > now),
            Membership.person_id == found.person_id,
            Membership.organisation_code == found.organisation_code,
            Membership.role == found.role,
            memberships.current(now),
            memberships.in_use(memberships.used_since(settings, now=now)),
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
