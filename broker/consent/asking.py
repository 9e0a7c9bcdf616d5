"""How a resident may be asked: how often, at which hours, and by whom not. Answers nothing, and tells no asker why.

Whoever asks gets one answer in every case. What is held back here is held back from the resident's eyes alone: to the
asker it is a request nobody has answered, and then one that ran out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, delete, func, or_, select
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.consent.models import AccessRequestRecord, AskingPreferences, OrganisationBlock
from broker.errors import InvalidInput, TooMany
from broker.identity.actions import NOBODY
from broker.vocabulary import AuditAction, RequestState

MOST_OPEN = 3  # requests of one organisation that a resident has to answer, so that asking cannot become pestering
MOST_SHOWN_A_WEEK = 10  # of all organisations together; more wait their turn, and nobody is told that they do
WEEK = timedelta(days=7)
LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which no new request is shown, in London's time. ``from_`` may be the evening before ``until``."""

    from_: time
    until: time

    def covers(self, at: time) -> bool:
        if self.from_ < self.until:
            return self.from_ <= at < self.until
        return at >= self.from_ or at < self.until

    def over(self, at: datetime) -> datetime:
        """``at``, or the end of the quiet hours it falls in."""
        local = at.astimezone(LONDON)
        if not self.covers(local.time().replace(microsecond=0)):
            return at
        evening = local.time() >= self.until
        day = local.date() + timedelta(days=1) if evening else local.date()
        return datetime.combine(day, self.until, LONDON).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Preferences:
    """How one resident wants to be asked."""

    quiet: Quiet | None = None
    tell_of_joiners: bool = False  # of a person or organisation that joins a team which sees them already


def preferences(session: Session, resident: str) -> Preferences:
    """What a resident has chosen; what holds for everybody, where they have chosen nothing."""
    kept = session.get(AskingPreferences, resident)
    if kept is None:
        return Preferences()
    quiet = None
    if kept.quiet_from is not None and kept.quiet_until is not None:
        quiet = Quiet(from_=_as_time(kept.quiet_from), until=_as_time(kept.quiet_until))
    return Preferences(quiet=quiet, tell_of_joiners=kept.tell_of_joiners)


def change(
    session: Session, resident: str, chosen: Preferences, *, by: str, trail: Trail, now: datetime
) -> Preferences:
    """Keep what a resident has chosen. Raises InvalidInput for quiet hours without a length. Commits."""
    quiet = chosen.quiet
    if quiet is not None and quiet.from_ == quiet.until:
        raise InvalidInput(
            "quiet-hours-invalid", "Quiet hours must end at another time than they begin.", field="until"
        )
    kept = session.get(AskingPreferences, resident) or AskingPreferences(resident_id=resident)
    kept.quiet_from = None if quiet is None else _as_minutes(quiet.from_)
    kept.quiet_until = None if quiet is None else _as_minutes(quiet.until)
    kept.tell_of_joiners = chosen.tell_of_joiners
    session.add(kept)
    body = {"quiet": quiet is not None, "tell_of_joiners": chosen.tell_of_joiners}
    _write_down(session, trail, resident, body, by=by, now=now)
    session.commit()
    return chosen


def block(session: Session, resident: str, organisation: str, *, by: str, trail: Trail, now: datetime) -> None:
    """Show nothing that this organisation asks, from now on. What it may see already is not changed. Commits."""
    if session.get(OrganisationBlock, (resident, organisation)) is not None:
        return
    session.add(OrganisationBlock(resident_id=resident, organisation_code=organisation, made_at=now))
    _write_down(session, trail, resident, {"blocked": organisation}, by=by, now=now)
    session.commit()


def unblock(session: Session, resident: str, organisation: str, *, by: str, trail: Trail, now: datetime) -> None:
    """Show again what this organisation asks, and what of it still waits. Commits."""
    undone = session.execute(
        delete(OrganisationBlock)
        .where(OrganisationBlock.resident_id == resident, OrganisationBlock.organisation_code == organisation)
        .returning(OrganisationBlock.resident_id)
    ).first()
    if undone is not None:
        _write_down(session, trail, resident, {"unblocked": organisation}, by=by, now=now)
    session.commit()


def blocked(session: Session, resident: str) -> list[str]:
    """The codes of the organisations whose requests this resident does not see."""
    return sorted(session.scalars(_blocked(resident)))


def place(session: Session, record: AccessRequestRecord, *, present: bool = False, now: datetime) -> None:
    """Put a request where its resident will find it, when they may. In the caller's transaction.

    Takes the same steps whether there is a resident, nobody, or one who has blocked the asker. Raises TooMany beyond
    ``MOST_OPEN``, having rolled back. One who is ``present`` has come to answer it, and is shown it now.
    """
    _take_turns(session, record.resident_id or record.handle)
    session.add(record)
    session.flush()  # before it is counted, so that of any number at once no more than the most stay
    if present:
        return
    if (session.scalar(_still_open(record, now=now)) or 0) > MOST_OPEN:
        session.rollback()
        raise TooMany(
            "too-many-requests",
            "This resident already has requests from you to answer. Wait for their answer.",
            retry_after=86400,
        )
    record.shown_from = _turn_of(session, record, now=now)
    session.flush()


def waiting(session: Session, resident: str, *, now: datetime) -> list[AccessRequestRecord]:
    """Requests that this resident is shown and may answer, oldest first."""
    found = session.scalars(
        select(AccessRequestRecord)
        .where(
            AccessRequestRecord.resident_id == resident,
            AccessRequestRecord.state == RequestState.PENDING,
            AccessRequestRecord.expires_at > now,
            now >= _FIRST_SHOWN,
            AccessRequestRecord.organisation_code.not_in(_blocked(resident)),
        )
        .order_by(AccessRequestRecord.made_at, AccessRequestRecord.id)
    )
    return list(found)


def requests_by(
    session: Session, organisation: str, *, person: str | None = None, most: int = 50
) -> list[AccessRequestRecord]:
    """Requests an organisation (or one of its people) made, newest first."""
    query = select(AccessRequestRecord).where(AccessRequestRecord.organisation_code == organisation)
    if person is not None:
        query = query.where(AccessRequestRecord.person_id == person)
    return list(session.scalars(query.order_by(AccessRequestRecord.made_at.desc()).limit(most)))


def is_shown(session: Session, record: AccessRequestRecord, *, now: datetime) -> bool:
    """Whether its resident is shown a request: it waits, its turn has come, and they have not blocked who asks."""
    return record.resident_id is not None and any(
        each.id == record.id for each in waiting(session, record.resident_id, now=now)
    )


_FIRST_SHOWN = func.coalesce(AccessRequestRecord.shown_from, AccessRequestRecord.made_at)


def _turn_of(session: Session, record: AccessRequestRecord, *, now: datetime) -> datetime:
    """When it is shown: outside quiet hours, and when no more than so many were shown in the week before."""
    resident = record.resident_id or NOBODY
    quiet = preferences(session, resident).quiet
    before = session.scalar(
        select(_FIRST_SHOWN)
        .where(
            AccessRequestRecord.resident_id == resident,
            AccessRequestRecord.id != record.id,
            AccessRequestRecord.organisation_code.not_in(_blocked(resident)),
        )
        .order_by(_FIRST_SHOWN.desc())
        .offset(MOST_SHOWN_A_WEEK - 1)
        .limit(1)
    )
    turn = now if before is None else max(now, before.astimezone(UTC) + WEEK)
    return quiet.over(turn) if quiet else turn


def _still_open(record: AccessRequestRecord, *, now: datetime) -> Select[int]:
    # By handle as well as by resident: the limit is reached just as soon where there is nobody. One that was made to
    # run out soon counts for a week all the same, or asking for five minutes at a time would have no limit.
    same: ColumnElement[bool] = or_(
        AccessRequestRecord.handle == record.handle, AccessRequestRecord.resident_id == (record.resident_id or NOBODY)
    )
    return select(func.count()).where(
        AccessRequestRecord.organisation_code == record.organisation_code,
        same,
        AccessRequestRecord.state.in_([RequestState.PENDING, RequestState.DECLINED]),
        or_(AccessRequestRecord.expires_at > now, AccessRequestRecord.made_at > now - WEEK),
    )


def _blocked(resident: str) -> Select[str]:
    return select(OrganisationBlock.organisation_code).where(OrganisationBlock.resident_id == resident)


def _take_turns(session: Session, whom: str) -> None:
    """Requests to one resident take turns, as SQLite's writers do anyway: each must see the one before it."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"asking/{whom}"))))


def _write_down(session: Session, trail: Trail, resident: str, body: dict[str, Any], *, by: str, now: datetime) -> None:
    # The organisation is in the body alone: what is found by organisation must not tell it that it was blocked.
    session.flush()
    trail.append(session, Event(action=AuditAction.ASKING_CHANGED, actor=by, resident=resident, body=body), now=now)


def _as_time(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


def _as_minutes(at: time) -> int:
    return at.hour * 60 + at.minute
