"""Ask sources about one person, for an operator who connects them: counts and timings, and on the trail beforehand.

The one way to a record is release. This is none: outside a demonstration it gives no word of what is recorded, asks
about nobody real who is not enrolled here, and only for a reason that is written down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.access.facts import identity_of
from broker.access.parts import Broker
from broker.audit.trail import Event
from broker.cli.counting import counted
from broker.cli.opening import OPERATOR, now, opened
from broker.cli.rendering import plain
from broker.database import valid_nhs_number
from broker.errors import InvalidInput, NotFound, NotPermitted
from broker.identity.models import Resident
from broker.records.collect import Ask, SourceOutcome, collect
from broker.records.source import Asker, ResidentIdentity, SourceSystem
from broker.vocabulary import AuditAction, Purpose, Role, Section

SCHEMA = "neighbourhood-broker/source-trial/1"
_FOR_TESTS = "999"  # numbers that are given to nobody


def tried(
    source_ids: Sequence[str], nhs_number: str, born_on: date, *, codes: str | None, why: str, show: bool
) -> list[SourceOutcome]:
    """What each source answered. Raises NotFound, InvalidInput and NotPermitted before anything is asked."""
    number, sections = valid_nhs_number(nhs_number), _sections(codes)
    with opened() as (broker, session):
        if show and not broker.settings.demonstration:
            raise NotPermitted("show-elsewhere", "What is recorded is shown in a demonstration alone.")
        systems = [_registered(broker, session, each) for each in dict.fromkeys(source_ids)]
        resident = session.scalar(select(Resident).where(Resident.nhs_number == number, Resident.born_on == born_on))
        _permitted(broker, number, resident, why)
        trial = str(uuid4())
        body = {"sources": [each.id for each in systems], "act": "tried", "shown": show, "request": trial}
        event = Event(
            action=AuditAction.RESIDENT_SOUGHT,
            actor=OPERATOR,
            organisation=None,
            resident=resident.id if resident else None,
            body=body,
            note=why or None,
        )
        broker.trail.append(session, event, now=now())
        # Known here, they are asked about as they always are: with what the national register says of them.
        identity = identity_of(session, resident.id) if resident else ResidentIdentity(number, born_on)
        session.commit()
        deadline = timedelta(milliseconds=broker.settings.source_deadline_ms)
        return [
            outcome
            for each in systems
            for outcome in collect(
                [Ask(each, each.sections & sections)],
                replace(identity, asked_by=_asker(each, trial)),
                deadline=deadline,
            )
        ]


def _asker(system: SourceSystem, trial: str) -> Asker:
    """Who a source is told asks: the operator, for the organisation whose system it is and nobody else's.

    Some sources answer for care alone, so that is what is said; the trial's own id is on the trail and at the source.
    """
    return Asker(system.organisation, Role.OPERATOR, Purpose.DIRECT_CARE, trial)


def _permitted(broker: Broker, number: str, resident: Resident | None, why: str) -> None:
    if number.startswith(_FOR_TESTS) or broker.settings.demonstration:
        return
    if resident is None:
        raise NotPermitted("resident-not-enrolled", "Only somebody who is enrolled here can be asked about.")
    if not why.strip():
        raise InvalidInput("reason-missing", "Say why a real person is asked about.", field="--why")


def _sections(codes: str | None) -> frozenset[Section]:
    if not codes:
        return frozenset(Section)
    named, known = [code.strip() for code in codes.split(",")], {section.value for section in Section}
    if unknown := [code for code in named if code not in known]:
        raise InvalidInput(
            "section-unknown",
            f"There is no section {unknown[0]!r}. There are: {', '.join(Section)}.",
            field="--sections",
        )
    return frozenset(map(Section, named))


def _registered(broker: Broker, session: Session, source_id: str) -> SourceSystem:
    system = broker.sources.registered(session).systems.get(source_id)
    if system is None:
        raise NotFound("source-unknown", f"There is no source {source_id}.")
    return system


def shape(outcomes: Sequence[SourceOutcome], *, show: bool) -> dict[str, Any]:
    return {"schema": SCHEMA, "sources": [_one(outcome, show) for outcome in outcomes]}


def _one(outcome: SourceOutcome, show: bool) -> dict[str, Any]:
    answer = outcome.answer
    counted = Counter(entry.section.value for entry in answer.entries)
    coded = sum(1 for entry in answer.entries if entry.codes)
    dated = sum(1 for entry in answer.entries if entry.at is not None)
    said: dict[str, Any] = {
        "source": outcome.source,
        "label": outcome.label,
        "took_ms": round(outcome.took.total_seconds() * 1000),
        "mapped": dict(sorted(counted.items())),
        "entries": len(answer.entries),
        "with_code": coded,
        "with_date": dated,
        "dropped": outcome.dropped,
        "not_understood": dict(sorted(answer.not_understood.items())),
        "gaps": [{"section": gap.section.value, "cause": gap.cause.value, "detail": gap.detail} for gap in answer.gaps],
    }
    if show:
        said["titles"] = [entry.title for entry in answer.entries]
    return said


def lines(outcomes: Sequence[SourceOutcome], *, show: bool) -> Iterator[str]:
    for outcome in outcomes:
        said = _one(outcome, show)
        yield f"{outcome.source} ({plain(outcome.label)}) took {said['took_ms']} ms"
        entries = counted(said["entries"], "entry", "entries")
        yield f"  {entries}; {said['with_code']} with a code, {said['with_date']} with a date"
        for section, count in said["mapped"].items():
            yield f"  {Section(section).label}: {count}"
        for what, count in said["not_understood"].items():
            yield f"  Not understood: {plain(what)}, {count}"
        if outcome.dropped:
            yield f"  Left out, because it was not what was asked for: {outcome.dropped}"
        yield from _gap_lines(outcome)
        if show:
            for entry in outcome.answer.entries:
                yield f"    {plain(entry.title)}"


def _gap_lines(outcome: SourceOutcome) -> Iterator[str]:
    """Each reason once, with how many sections it leaves unread."""
    for (cause, detail), count in Counter((gap.cause, gap.detail) for gap in outcome.answer.gaps).items():
        why = f": {plain(detail)}" if detail else ""
        yield f"  Missing in {counted(count, 'section')}. It {cause.label}{why}."
