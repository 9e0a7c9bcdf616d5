"""Entries, answers and sources to test with: small, plain, and about nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from broker.access.request import Pair
from broker.records.collect import SourceOutcome
from broker.records.source import Coding, Gap, Provenance, RecordEntry, ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import SNOMED_CT, DenialReason, Section, Sensitivity

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
RESIDENT = ResidentIdentity(nhs_number=None, born_on=date(1950, 2, 3))
GP, HOSPITAL, CHARITY = "lock-keepers-gp", "st-brannoc-acute", "lantern-casework"
LABELS = {GP: "Lock Keepers Surgery", HOSPITAL: "St Brannoc Hospital", CHARITY: "Lantern"}


def entry(
    id: str,
    title: str = "Asthma",
    *,
    section: Section = Section.PROBLEMS,
    source: str = GP,
    code: str = "",
    recorded_by: str = "",
    **more: Any,
) -> RecordEntry:
    codes = (Coding(SNOMED_CT, code),) if code else ()
    where = Provenance(source, NOW, recorded_by=recorded_by)
    return RecordEntry(id, section, title, where, **{"at": date(2024, 5, 1), "codes": codes, **more})


def outcome(
    source: str,
    *entries: RecordEntry,
    sections: Iterable[Section] = tuple(Section),
    gaps: tuple[Gap, ...] = (),
    not_understood: Mapping[str, int] | None = None,
    took: timedelta = timedelta(milliseconds=40),
) -> SourceOutcome:
    answer = SourceAnswer(entries, gaps, not_understood or {})
    return SourceOutcome(source, LABELS[source], "XX9GP1", frozenset(sections), answer, took)


def permitted(section: Section, source: str = GP, *, withheld: Iterable[Sensitivity] = ()) -> Pair:
    always = {each for each in Sensitivity if each.in_law}
    return Pair(section, source, agreements=("LDN-1",), withheld_labels=frozenset({*withheld, *always}))


def refused(section: Section, *reasons: DenialReason, source: str = GP) -> Pair:
    return Pair(section, source, reasons=reasons, withheld_labels=frozenset(Sensitivity))


@dataclass(frozen=True)
class FakeSource:
    """A source that does what it is told; the same protocol as a real one."""

    id: str
    answer: Callable[[frozenset[Section]], SourceAnswer] = lambda sections: SourceAnswer()
    delay: float = 0.0
    label: str = "A source"
    organisation: str = "XX9GP1"
    sections: frozenset[Section] = frozenset(Section)
    personal: bool = True

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        await asyncio.sleep(self.delay)
        return self.answer(sections)

    async def check(self) -> SourceCheck:
        return SourceCheck(ok=True)
