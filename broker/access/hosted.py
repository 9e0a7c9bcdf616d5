"""What an organisation does with what is kept here for it: put in, take back, take away, delete. Each leaves an entry.

The entry says how much, and never what or about whom. Somebody who is enrolled here is linked to the source as soon as
it holds something about them, for without a link a source is not asked; whoever puts it in never learns who that was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.audit.event import Event
from broker.audit.trail import Trail
from broker.errors import NotFound
from broker.identity.models import FormerNumber, Resident, Source, SourceLink
from broker.records.hosting import About, Batch, HostedSource, Taken
from broker.vocabulary import AuditAction, Section

KIND: Final = "hosted"
_AT_ONCE: Final = 500  # numbers looked up in one question


@dataclass(frozen=True)
class Keeper:
    """One source that is kept here, and whoever acts on it: ``by`` is an actor, as on the trail."""

    source: Source
    kept: HostedSource
    by: str
    trail: Trail
    now: datetime


def of_organisation(session: Session, organisation: str) -> list[Source]:
    """An organisation's own sources that are kept here, by name."""
    mine = select(Source).where(
        Source.kind == KIND, Source.organisation_code == organisation, Source.removed_at.is_(None)
    )
    return list(session.scalars(mine.order_by(Source.label, Source.id)))


def called(session: Session, source: str, *, organisation: str | None = None) -> Source:
    """A source that is kept here, of that organisation where one is given. Raises NotFound for any other alike."""
    found = session.get(Source, source)
    if (
        found is None
        or found.kind != KIND
        or found.removed_at is not None
        or (organisation is not None and found.organisation_code != organisation)
    ):
        raise NotFound("hosted-source-unknown", "There is nothing of that name that is kept here.")
    return found


def take(session: Session, keeper: Keeper, data: bytes, *, accept_good_rows: bool, what: str) -> Batch:
    """Keep a table. Commits. Raises InvalidInput where it is not to be kept."""
    return _put_in(
        session,
        keeper,
        lambda: keeper.kept.take(data, accept_good_rows=accept_good_rows, by=keeper.by, what=what, now=keeper.now),
    )


def note(
    session: Session,
    keeper: Keeper,
    *,
    nhs_number: str,
    born_on: date,
    section: Section,
    title: str,
    text: str,
    at: date | None,
    recorded_by: str,
    name: str,
) -> Batch:
    """Keep one note about one person. Commits."""
    return _put_in(
        session,
        keeper,
        lambda: keeper.kept.note(
            nhs_number=nhs_number,
            born_on=born_on,
            section=section,
            title=title,
            text=text,
            at=at,
            recorded_by=recorded_by,
            name=name,
            by=keeper.by,
            now=keeper.now,
        ),
    )


def put_in(session: Session, keeper: Keeper, batch: Batch, about: Iterable[About]) -> None:
    """Say on the trail that a batch was kept, and link whoever it is about. Commits; taken back where that fails."""
    _put_in(session, keeper, lambda: _Put(batch, frozenset(about)))


@dataclass(frozen=True)
class _Put:
    batch: Batch
    about: frozenset[About]


def _put_in(session: Session, keeper: Keeper, keep: Callable[[], Taken]) -> Batch:
    taken = keep()
    batch = taken.batch
    try:
        _entry(
            session,
            keeper,
            act="added",
            batch=batch.id,
            way=batch.what,
            items=batch.items,
            replaced=batch.replaced,
            refused=batch.refused,
        )
        _link(session, keeper, taken.about)
        session.commit()
    except BaseException:
        keeper.kept.undo(batch.id)  # nothing is kept that the trail does not tell of
        raise
    return batch


def undo(session: Session, keeper: Keeper, batch: str) -> Batch:
    """Take a batch back for good. Commits, before it stands. Raises NotFound."""

    def state(items: int) -> None:
        _entry(session, keeper, act="undone", batch=batch, items=items)
        session.commit()

    return keeper.kept.undo(batch, stated=state)


def export(session: Session, keeper: Keeper, form: str) -> tuple[bytes, int]:
    """Everything that is kept, as a file, and how many items could not be opened. On the trail before it leaves."""
    data, items, spoiled = keeper.kept.export(form)
    _entry(session, keeper, act="exported", form=form, items=items, spoiled=spoiled)
    session.commit()
    return data, spoiled


def delete_person(
    session: Session, keeper: Keeper, *, nhs_number: str | None = None, local_id: str | None = None
) -> int:
    """Delete everything about somebody, and the link with it. Commits, before it stands. Gives how many items.

    Whoever is enrolled here is found by any number they have or had, or by the local id they are linked under, and
    what is kept under any other of these goes too.
    """
    links = _links(session, keeper)
    meant = {resident.id for resident, _ in _residents(session, {nhs_number} if nhs_number else set())}
    if local_id:
        meant |= {link.resident_id for link in links if _same_id(link.local_id, local_id)}
    theirs = [link for link in links if link.resident_id in meant]

    def state(items: int) -> None:
        _entry(session, keeper, act="person-deleted", items=items)
        for link in theirs:
            _unlink(session, keeper, link)
        session.commit()

    return keeper.kept.delete_person(
        nhs_numbers=_numbers(session, meant) | ({nhs_number} if nhs_number else set()),
        local_id=local_id,
        also_local={link.local_id for link in theirs if link.local_id},
        stated=state,
    )


def delete_everything(session: Session, keeper: Keeper) -> int:
    """Delete all that is kept, and every link. Commits, before it stands. Gives how many items it was."""

    def state(items: int) -> None:
        _entry(session, keeper, act="all-deleted", items=items)
        for link in _links(session, keeper):
            _unlink(session, keeper, link)
        session.commit()

    return keeper.kept.delete_everything(stated=state)


def _links(session: Session, keeper: Keeper) -> list[SourceLink]:
    return list(session.scalars(select(SourceLink).where(SourceLink.source_id == keeper.source.id)))


def _link(session: Session, keeper: Keeper, about: Iterable[About]) -> None:
    """Link each resident whose number and date of birth agree, and who is not linked yet."""
    source = keeper.source.id
    linked = set(session.scalars(select(SourceLink.resident_id).where(SourceLink.source_id == source)))
    local_ids = {(number, born): local for number, born, local in about if number}
    for resident, number in _residents(session, {number for number, _ in local_ids}):
        key = (number, resident.born_on)
        if key not in local_ids or resident.id in linked or resident.merged_into_id is not None:
            continue
        linked.add(resident.id)
        session.add(
            SourceLink(resident_id=resident.id, source_id=source, local_id=local_ids[key], linked_at=keeper.now)
        )
        _linked(session, keeper, resident.id, "linked")


def _residents(session: Session, numbers: set[str]) -> list[tuple[Resident, str]]:
    """Residents who have one of the numbers, or had it once, each with the number."""
    found: list[tuple[Resident, str]] = []
    wanted = sorted(numbers)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        for resident in session.scalars(select(Resident).where(Resident.nhs_number.in_(some))):
            found.append((resident, resident.nhs_number or ""))
        former = select(Resident, FormerNumber.nhs_number).join(FormerNumber, FormerNumber.resident_id == Resident.id)
        found.extend((row[0], row[1]) for row in session.execute(former.where(FormerNumber.nhs_number.in_(some))).all())
    return found


def _numbers(session: Session, residents: set[str]) -> set[str]:
    """Every NHS number that is or was one of theirs."""
    now = select(Resident.nhs_number).where(Resident.id.in_(residents), Resident.nhs_number.is_not(None))
    former = select(FormerNumber.nhs_number).where(FormerNumber.resident_id.in_(residents))
    return {number for number in (*session.scalars(now), *session.scalars(former)) if number}


def _same_id(one: str | None, other: str) -> bool:
    """Whether two local ids are one, however they are spaced: as they are where items are kept by them."""
    return one is not None and _plain_id(one) == _plain_id(other)


def _plain_id(text: str) -> str:
    return "".join(text.split()).replace("-", "").upper()


def _unlink(session: Session, keeper: Keeper, link: SourceLink) -> None:
    session.delete(link)
    _linked(session, keeper, link.resident_id, "unlinked")


def _linked(session: Session, keeper: Keeper, resident: str, act: str) -> None:
    event = Event(
        action=AuditAction.RESIDENT_LINKED,
        actor=keeper.by,
        organisation=keeper.source.organisation_code,
        resident=resident,
        body={"act": act, "source": keeper.source.id},
    )
    session.flush()
    keeper.trail.append(session, event, now=keeper.now)


def _entry(session: Session, keeper: Keeper, **said: str | int) -> None:
    event = Event(
        action=AuditAction.HOSTED_CHANGED,
        actor=keeper.by,
        organisation=keeper.source.organisation_code,
        resident=None,
        body={"source": keeper.source.id, **said},
    )
    keeper.trail.append(session, event, now=keeper.now)
