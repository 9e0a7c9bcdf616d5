"""Invitations: the one-time code with which somebody who works here makes their own account, and no other way in.

A code opens nothing of somebody who can sign in already: whoever invites would otherwise be able to sign in as them.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from broker.accounts import account
from broker.accounts.models import Invitation
from broker.accounts.recovery import plain
from broker.audit.trail import Event, Trail
from broker.errors import Conflict, NotFound
from broker.identity.models import Membership
from broker.vocabulary import AuditAction

LASTS = timedelta(days=7)
FINISH_WITHIN = timedelta(minutes=30)
_LENGTH = 26  # characters of base32: 128 random bits


def invite(
    session: Session, person: str, organisation: str, *, by: str, only_here: bool = False, trail: Trail, now: datetime
) -> str:
    """A code for somebody who works for ``organisation`` now, to be shown once. Earlier codes of theirs end.

    Raises Conflict for somebody who can sign in already, with a provider too, and for somebody who does not work
    there; with ``only_here`` also for somebody who works elsewhere, now and when the code is used. Commits.
    """
    if account.can_sign_in(session, person):
        raise Conflict("can-sign-in", "They can sign in already. Where they cannot any more, reset their account.")
    if working(session, person, organisation, now=now) is None:
        raise Conflict("not-a-member", "They do not work for this organisation now.")
    if only_here and works_elsewhere(session, person, organisation, now=now):
        raise Conflict("works-elsewhere", "They work for another organisation too. Ask whoever runs this service.")
    _end_open(session, person, now=now)
    code = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")
    session.add(
        Invitation(
            digest=_digest(code),
            person_id=person,
            organisation_code=organisation,
            only_here=only_here,
            made_at=now,
            expires_at=now + LASTS,
        )
    )
    body = {"act": "invited", "person": person}
    _entry(session, trail, Event(AuditAction.CREDENTIAL_CHANGED, by, organisation, body=body), now=now)
    session.commit()
    return "-".join(code[at : at + 5] for at in range(0, _LENGTH, 5))


def redeem(session: Session, code: str, *, visit: str, now: datetime) -> Invitation:
    """Use a code, in the browser with the cookie ``visit``, which then has 30 minutes. Commits.

    Raises NotFound for a code that is not one, is used, is too old, or whose person no longer works there: all alike.
    """
    redeemed = session.scalar(
        update(Invitation)
        .where(
            Invitation.digest == _digest(plain(code)),
            Invitation.redeemed_at.is_(None),
            Invitation.finished_at.is_(None),
            Invitation.expires_at > now,
        )
        .values(redeemed_at=now, visit=_digest(visit))
        .returning(Invitation)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    session.commit()
    if redeemed is None or working(session, redeemed.person_id, redeemed.organisation_code, now=now) is None:
        raise NotFound("invitation-unknown", "This code is not one that can be used. Ask for another.", field="code")
    return redeemed


def being_accepted(session: Session, *, visit: str, now: datetime) -> Invitation:
    """The invitation redeemed in this browser and not finished. Raises NotFound where there is none."""
    found = session.scalar(
        select(Invitation)
        .where(
            Invitation.visit == _digest(visit),
            Invitation.finished_at.is_(None),
            Invitation.redeemed_at > now - FINISH_WITHIN,
        )
        .order_by(Invitation.redeemed_at.desc())
        .limit(1)
    )
    if found is None:
        raise NotFound("invitation-over", "There is no invitation to accept here.", field="code")
    return found


def finish(session: Session, invitation: Invitation, *, now: datetime) -> None:
    """Use it up, in the act that gives its person a way in, and before it. The caller commits.

    Raises Conflict where it was used, or its person has come to sign in, or to work elsewhere, meanwhile.
    """
    finished = session.execute(
        update(Invitation)
        .where(Invitation.digest == invitation.digest, Invitation.finished_at.is_(None))
        .values(finished_at=now)
        .returning(Invitation.digest)
        .execution_options(synchronize_session=False)
    ).first()
    person, organisation = invitation.person_id, invitation.organisation_code
    elsewhere = invitation.only_here and works_elsewhere(session, person, organisation, now=now)
    if finished is None or elsewhere or account.can_sign_in(session, person):
        session.rollback()
        raise Conflict("invitation-finished", "This invitation was used already, or is good no longer.")
    _end_open(session, invitation.person_id, now=now)


def working(session: Session, person: str, organisation: str, *, now: datetime) -> Membership | None:
    """The person's work for the organisation now; the latest begun where there are several roles."""
    return session.scalar(
        select(Membership)
        .where(
            Membership.person_id == person,
            Membership.organisation_code == organisation,
            Membership.started_at <= now,
            or_(Membership.ended_at.is_(None), Membership.ended_at > now),
        )
        .order_by(Membership.started_at.desc(), Membership.id)
        .limit(1)
    )


def works_elsewhere(session: Session, person: str, organisation: str, *, now: datetime) -> bool:
    """Whether they work for any other organisation now."""
    others = select(Membership.id).where(
        Membership.person_id == person,
        Membership.organisation_code != organisation,
        Membership.started_at <= now,
        or_(Membership.ended_at.is_(None), Membership.ended_at > now),
    )
    return session.scalar(others.limit(1)) is not None


def _end_open(session: Session, person: str, *, now: datetime) -> None:
    session.execute(
        update(Invitation)
        .where(Invitation.person_id == person, Invitation.finished_at.is_(None))
        .values(finished_at=now)
        .execution_options(synchronize_session=False)
    )


def _entry(session: Session, trail: Trail, event: Event, *, now: datetime) -> None:
    session.flush()
    trail.append(session, event, now=now)


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
