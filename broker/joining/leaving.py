"""An organisation leaves: in one transaction nothing of its is good any more, and those who shared with it are told.

Deletes nothing: what was once permitted is history. Coming back is a new application, and revives no permission.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from broker.audit.trail import Event, Trail
from broker.consent.keeping import invitation_of
from broker.consent.models import AccessRequestRecord, Consent, Provision
from broker.errors import Conflict, InvalidInput
from broker.grants import actions as grants
from broker.identity.models import Client, Membership, Organisation, SignedInSession, Source, TeamMember
from broker.joining import actions, people
from broker.notices import actions as notices
from broker.vocabulary import AuditAction, ConsentStatus, NoticeKind, RequestState


@dataclass(frozen=True, slots=True)
class Left:
    """What ended with an organisation's leaving, counted."""

    systems: int
    grants: int
    sessions: int
    members: int
    sources: int
    requests: int
    permissions: int
    told: int


def leave(session: Session, organisation: Organisation, *, by: str, why: str, trail: Trail, now: datetime) -> Left:
    """End everything of an organisation's at once. The caller commits, and from that commit nothing of it is good.

    Raises Conflict where it has left, InvalidInput without a reason.
    """
    if not why.strip() or len(why) > 500:
        raise InvalidInput("reason-missing", "Say why, in at most 500 characters.", field="why")
    code = organisation.code
    _claim(session, organisation, now=now)
    ended = grants.end_every(session, organisation=code, by=by, why="organisation-left", trail=trail, now=now)
    permissions = people.permissions_of(session, code, now=now)
    sharing = sorted({each.consent.resident_id for each in permissions})
    requests = _close_requests(session, code, now=now)
    _end_permissions(session, permissions, now=now)
    left = Left(
        systems=_end(session, Client.revoked_at, code, now=now),
        grants=ended,
        sessions=_end(session, SignedInSession.ended_at, code, now=now),
        members=_end(session, Membership.ended_at, code, now=now),
        sources=_end(session, Source.removed_at, code, now=now),
        requests=requests,
        permissions=len(permissions),
        told=notices.tell(
            session,
            NoticeKind.ORGANISATION_LEFT,
            about=code,
            residents=[(resident, code) for resident in sharing],
            now=now,
        ),
    )
    _end(session, TeamMember.ended_at, code, now=now)
    actions.left(session, code, by=by, why=why, trail=trail, now=now)
    session.flush()
    body = {"act": "left", **asdict(left)}
    event = Event(AuditAction.ORGANISATION_CHANGED, by, organisation=code, body=body, note=why.strip())
    trail.append(session, event, now=now)
    return left


def _claim(session: Session, organisation: Organisation, *, now: datetime) -> None:
    """Of two at once, one leaves. Raises Conflict."""
    left = session.execute(
        update(Organisation)
        .where(Organisation.code == organisation.code, or_(Organisation.left_at.is_(None), Organisation.left_at > now))
        .values(left_at=now)
        .returning(Organisation.code)
        .execution_options(synchronize_session=False)
    ).first()
    if left is None:
        raise Conflict("organisation-left", "This organisation has left already.")
    session.refresh(organisation)


def _end(session: Session, ends: InstrumentedAttribute[datetime | None], code: str, *, now: datetime) -> int:
    """Write ``now`` into ``ends`` on every row of this organisation's that has no earlier instant there; how many."""
    model: Any = ends.class_
    ended = session.execute(
        update(model)
        .where(model.organisation_code == code, or_(ends.is_(None), ends > now))
        .values({ends.key: now})
        .returning(model.organisation_code)
    )
    return len(ended.all())


def _close_requests(session: Session, code: str, *, now: datetime) -> int:
    """Requests that wait run out quietly: nobody has to answer for somebody who is gone."""
    closed = session.execute(
        update(AccessRequestRecord)
        .where(AccessRequestRecord.organisation_code == code, AccessRequestRecord.state == RequestState.PENDING)
        .values(state=RequestState.EXPIRED)
        .returning(AccessRequestRecord.id)
    )
    return len(closed.all())


def _end_permissions(session: Session, permissions: list[Provision], *, now: datetime) -> None:
    """They run out, as ``consent.outgrown`` has it: the residents decided nothing, so nothing is withdrawn."""
    for provision in permissions:
        provision.ended_at = now
        consent = provision.consent
        invitation = invitation_of(session, consent)
        if invitation is not None:
            invitation.until_at = max(now, invitation.from_at + timedelta(seconds=1))
    for consent in {each.consent.id: each.consent for each in permissions}.values():
        if _nothing_left(session, consent):
            consent.status, consent.ended_at = ConsentStatus.INACTIVE, now


def _nothing_left(session: Session, consent: Consent) -> bool:
    session.flush()
    open_ = select(Provision.id).where(Provision.consent_id == consent.id, Provision.ended_at.is_(None))
    return session.scalars(open_.limit(1)).first() is None
