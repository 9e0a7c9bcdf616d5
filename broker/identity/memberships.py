"""Memberships: who works for which organisation in which role, from when, and until when. Ends no token.

One that nobody signs in to lapses: it no longer stands, until the organisation's administrator says that it is needed
still. ``joining.people`` ends what somebody who leaves had let partners' systems do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from broker.audit.trail import Event, Trail
from broker.database import Instant, table_of
from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted
from broker.identity.models import Membership, Person, SignedInSession
from broker.settings import Settings
from broker.vocabulary import AuditAction, Role

WARNED_BEFORE = timedelta(days=14)
_NOTED_EVERY = timedelta(days=1)
# What somebody can be here. An operator is not an organisation's; residents and proxies work for nobody.
ROLES = tuple(role for role in Role if role not in (Role.OPERATOR, Role.RESIDENT, Role.PROXY))
BEFORE_EVERYTHING = datetime(1970, 1, 1, tzinfo=UTC)


def used_since(settings: Settings, *, now: datetime) -> datetime:
    """The instant that a membership must have been used after, to stand ``now``."""
    days = settings.membership_idle_days
    return now - timedelta(days=days) if days else BEFORE_EVERYTHING


def current(at: Any, columns: Any = Membership) -> ColumnElement[bool]:
    """Whether a membership has started and not ended; ``at`` is an instant or a parameter, ``columns`` its table's."""
    return and_(columns.started_at <= at, or_(columns.ended_at.is_(None), columns.ended_at > at))


def in_use(since: Any, columns: Any = Membership) -> ColumnElement[bool]:
    """Whether it was last used, or else began, after ``since``."""
    used = func.coalesce(columns.used_at, columns.started_at, type_=Instant)
    return cast(ColumnElement[bool], used > since)


# Asked at every decision, so made once.
_TABLE = table_of(Membership).c
_DUE = select(_TABLE.id).where(
    _TABLE.person_id == bindparam("person"),
    _TABLE.organisation_code == bindparam("organisation"),
    _TABLE.role == bindparam("role"),
    current(bindparam("at", type_=Instant), _TABLE),
    ~in_use(bindparam("since", type_=Instant), _TABLE),
)


def stands(membership: Membership, *, settings: Settings, now: datetime) -> bool:
    """Whether somebody may sign in to it, or act by it, now."""
    ended = membership.ended_at is not None and membership.ended_at <= now
    return membership.started_at <= now and not ended and not lapsed(membership, settings=settings, now=now)


def lapsed(membership: Membership, *, settings: Settings, now: datetime) -> bool:
    """Whether nobody has used it for so long that it no longer stands."""
    return (membership.used_at or membership.started_at) <= used_since(settings, now=now)


def must_stand(membership: Membership, *, settings: Settings, now: datetime) -> None:
    """Raise NotPermitted for one that lapsed: only for whoever has proved that it is theirs, before they go in."""
    if lapsed(membership, settings=settings, now=now):
        raise NotPermitted(
            "membership-lapsed",
            "You have not signed in here for a long time. Ask your organisation's administrator to bring you back.",
        )


def note_use(session: Session, *, person: str, organisation: str, role: Role, now: datetime) -> None:
    """Keep that somebody works by it, at most once a day: for those whom their organisation's own system names.

    Says nothing of one that has lapsed already: the caller has asked whether it stands. Commits where it notes.
    """
    asked = {"person": person, "organisation": organisation, "role": role, "at": now, "since": now - _NOTED_EVERY}
    if (found := session.scalars(_DUE, asked).all()) != []:
        session.execute(update(Membership).where(Membership.id.in_(found)).values(used_at=now))
        session.commit()


def of_organisation(session: Session, organisation: str, *, now: datetime) -> list[Membership]:
    """Everybody who works there now, lapsed or not, by name and role."""
    found = session.scalars(
        select(Membership)
        .where(Membership.organisation_code == organisation, current(now))
        .options(joinedload(Membership.person))
    )
    return sorted(found, key=lambda each: (each.person.name, each.role, each.id))


def of_person(session: Session, person: str, *, settings: Settings, now: datetime) -> list[Membership]:
    """What somebody may sign in to now: every membership of theirs that stands, oldest first."""
    since = used_since(settings, now=now)
    theirs = select(Membership).where(Membership.person_id == person, current(now), in_use(since))
    return list(session.scalars(theirs.order_by(Membership.started_at, Membership.id)))


def called(session: Session, membership_id: str, *, organisation: str, now: datetime) -> Membership:
    """A present membership of this organisation. Another's, and one that is over, look like none. Raises NotFound."""
    found = session.get(Membership, membership_id) if membership_id else None
    over = found is not None and found.ended_at is not None and found.ended_at <= now
    if found is None or found.organisation_code != organisation or over:
        raise NotFound("member-unknown", "There is nobody of that id who works here.", field="member")
    return found


def due(
    session: Session, organisation: str | None = None, *, settings: Settings, now: datetime
) -> list[tuple[Membership, datetime]]:
    """Memberships that have lapsed or will within a fortnight, with the instant they do; soonest first."""
    if not settings.membership_idle_days:
        return []
    since = used_since(settings, now=now)
    which = [current(now), ~in_use(since + WARNED_BEFORE)]
    if organisation is not None:
        which.append(Membership.organisation_code == organisation)
    found = session.scalars(select(Membership).where(*which).options(joinedload(Membership.person)))
    return sorted(
        ((each, lapses_at(each, settings=settings)) for each in found), key=lambda pair: (pair[1], pair[0].id)
    )


def lapses_at(membership: Membership, *, settings: Settings) -> datetime:
    """When it lapses, or lapsed, if nobody uses it meanwhile. Only where memberships lapse at all."""
    return (membership.used_at or membership.started_at) + timedelta(days=settings.membership_idle_days)


def start(
    session: Session, person: Person, *, organisation: str, role: Role, by: str, trail: Trail, now: datetime
) -> Membership:
    """Let somebody work for an organisation in a role from now on. The caller commits.

    Raises InvalidInput for a role that nobody there can have, Conflict where they have it now.
    """
    _must_be_a_role(role)
    _must_be_new(session, person.id, organisation, role, now=now)
    session.add(person)
    begun = Membership(person_id=person.id, organisation_code=organisation, role=role, started_at=now)
    begun.person = person
    session.add(begun)
    _entry(session, trail, begun, "member-added", by=by, now=now)
    return begun


def end(session: Session, membership: Membership, *, by: str, why: str = "", trail: Trail, now: datetime) -> None:
    """End somebody's work in a role, and every session in which they do it. The caller commits.

    Raises Conflict where it is over already: ending it twice is no second act.
    """
    _over(session, membership, now=now)
    _entry(session, trail, membership, "member-ended", by=by, why=why, now=now)


def change_role(
    session: Session, membership: Membership, role: Role, *, by: str, trail: Trail, now: datetime
) -> Membership:
    """End one role and begin another, for the same person. The caller commits. Raises as ``start`` does."""
    _must_be_a_role(role)
    _must_be_new(session, membership.person_id, membership.organisation_code, role, now=now)
    _over(session, membership, now=now)
    begun = _again(session, membership, role, now=now)
    _entry(session, trail, begun, "member-role-changed", by=by, was=membership.role.value, now=now)
    return begun


def reinstate(session: Session, membership: Membership, *, by: str, trail: Trail, now: datetime) -> Membership:
    """Begin a lapsed membership afresh, as its own new one: when they last signed in stays what it was.

    The caller commits.
    """
    _over(session, membership, now=now)
    begun = _again(session, membership, membership.role, now=now)
    _entry(session, trail, begun, "member-reinstated", by=by, now=now)
    return begun


def end_sessions(session: Session, membership: Membership, *, now: datetime) -> int:
    """End every session in which somebody works in this role; gives how many. The caller commits."""
    ended = session.execute(
        update(SignedInSession)
        .where(
            SignedInSession.person_id == membership.person_id,
            SignedInSession.organisation_code == membership.organisation_code,
            SignedInSession.role == membership.role,
            SignedInSession.ended_at.is_(None),
        )
        .values(ended_at=now)
        .returning(SignedInSession.digest)
    )
    return len(ended.all())


def _again(session: Session, membership: Membership, role: Role, *, now: datetime) -> Membership:
    begun = Membership(
        person_id=membership.person_id, organisation_code=membership.organisation_code, role=role, started_at=now
    )
    begun.person = membership.person
    session.add(begun)
    return begun


def _over(session: Session, membership: Membership, *, now: datetime) -> None:
    """Raises Conflict where it is over already; of two at once, one ends it."""
    ended = session.execute(
        update(Membership)
        .where(Membership.id == membership.id, or_(Membership.ended_at.is_(None), Membership.ended_at > now))
        .values(ended_at=now)
        .returning(Membership.id)
        .execution_options(synchronize_session=False)
    ).first()
    if ended is None:
        raise Conflict("member-ended", "They no longer work here in this role.")
    session.refresh(membership)
    end_sessions(session, membership, now=now)


def _must_be_a_role(role: Role) -> None:
    if role not in ROLES:
        raise InvalidInput("role-not-for-members", "Nobody can work for an organisation in this role.", field="role")


def _must_be_new(session: Session, person: str, organisation: str, role: Role, *, now: datetime) -> None:
    same: Sequence[str] = session.scalars(
        select(Membership.id).where(
            Membership.person_id == person,
            Membership.organisation_code == organisation,
            Membership.role == role,
            current(now),
        )
    ).all()
    if same:
        raise Conflict("member-exists", "They work here in this role already.")


def _entry(
    session: Session,
    trail: Trail,
    membership: Membership,
    act: str,
    *,
    by: str,
    why: str = "",
    was: str | None = None,
    now: datetime,
) -> None:
    body = {"act": act, "person": membership.person_id, "role": membership.role.value}
    if was is not None:
        body["was"] = was
    session.flush()
    event = Event(
        action=AuditAction.ORGANISATION_CHANGED,
        actor=by,
        organisation=membership.organisation_code,
        body=body,
        note=why or None,
    )
    trail.append(session, event, now=now)
