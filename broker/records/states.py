"""What became of each source and section that holds nothing to show: withheld, empty, unavailable or not asked.

Knows no entry. Where the requester may not be told of a withholding, a refused source or section is described as it
would be had it been asked and held nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from broker.access.request import Pair
from broker.records.collect import SourceOutcome
from broker.records.source import Gap, SourceSystem
from broker.vocabulary import CONCEALABLE, DenialReason, GapCause, Layer, Section, Silence

State = Literal["answered", "empty", "unavailable", "withheld", "not-asked"]


@dataclass(frozen=True, slots=True)
class SectionGap:
    """A source that could not be read for a section. ``detail`` is safe to show."""

    source: str
    label: str
    cause: GapCause
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What became of one source. ``took_ms`` is 0 unless it answered with something or failed: how long an empty
    answer took would tell it from a source that was not asked."""

    source: str
    label: str
    organisation: str
    state: State
    cause: GapCause | None = None
    took_ms: int = 0


class Asked:
    """What was asked, of whom, and what was refused, as far as this requester may know."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        outcomes: Sequence[SourceOutcome],
        systems: Mapping[str, SourceSystem],
        *,
        told: bool,
        withheld_at: Collection[tuple[Section, str]],
    ) -> None:
        self.told = told
        self.pairs = pairs
        self.outcomes = {outcome.source: outcome for outcome in outcomes}
        self.sources = sorted({pair.source for pair in pairs})
        self.withheld_at = withheld_at
        self.systems = systems
        self.names = {s: system.label for s, system in systems.items()} or {o.source: o.label for o in outcomes}

    def reasons(self, pair: Pair) -> tuple[DenialReason, ...]:
        """Why a pair is refused, as far as it may be told. What the law bars is never told."""
        hidden = {Layer.LEGAL_BAR} if self.told else {Layer.LEGAL_BAR, *CONCEALABLE}
        return tuple(reason for reason in pair.reasons if reason.layer not in hidden)

    def reasons_in(self, section: Section) -> tuple[DenialReason, ...]:
        here = [pair for pair in self.pairs if pair.section is section]
        found = {reason for pair in here for reason in self.reasons(pair)}
        if any((section, pair.source) in self.withheld_at for pair in here):
            found.add(DenialReason.SENSITIVE)
        return tuple(reason for reason in DenialReason if reason in found)

    def gaps(self, pair: Pair) -> tuple[Gap, ...]:
        """What could not be read. A concealed refusal has the gap its source would have given."""
        outcome = self.outcomes.get(pair.source)
        if outcome is None or self.reasons(pair):
            return ()
        given = outcome.answer.gaps if self.told else _without_whereabouts(outcome.answer.gaps)
        if pair.section in outcome.sections:
            return tuple(gap for gap in given if gap.section is pair.section)
        failed = {gap.section for gap in given} >= outcome.sections
        return tuple(Gap(pair.section, gap.cause, gap.detail) for gap in given[:1]) if failed else ()

    def gaps_in(self, section: Section) -> tuple[SectionGap, ...]:
        here = sorted((pair for pair in self.pairs if pair.section is section), key=lambda pair: pair.source)
        return tuple(
            SectionGap(pair.source, self.outcomes[pair.source].label, gap.cause, gap.detail)
            for pair in here
            for gap in self.gaps(pair)
        )

    def unasked(self, source: str) -> bool:
        """Whether a source that may be asked was not, because it does not know the resident.

        Concealed where withholding is: that a source knows somebody can itself say what for.
        """
        permitted = any(pair.permitted for pair in self.pairs if pair.source == source)
        return self.told and permitted and source not in self.outcomes

    def silence_of(self, section: Section) -> Silence:
        """Why a section says nothing."""
        if self.reasons_in(section):
            return Silence.WITHHELD
        if self.gaps_in(section):
            return Silence.UNAVAILABLE
        here = [pair for pair in self.pairs if pair.section is section]
        return Silence.NOT_ASKED if all(self.unasked(pair.source) for pair in here) else Silence.EMPTY


def status_of(source: str, asked: Asked, holds: bool) -> SourceStatus:
    """``holds`` is whether anything of this source is shown."""
    here = [pair for pair in asked.pairs if pair.source == source]
    gaps = [gap for pair in here for gap in asked.gaps(pair)]
    state: State = "empty"
    if holds:
        state = "answered"
    elif gaps:
        state = "unavailable"
    elif any(asked.reasons(pair) or (pair.section, source) in asked.withheld_at for pair in here):
        state = "withheld"
    elif asked.unasked(source):
        state = "not-asked"
    label, organisation = _named(source, asked, known=holds or bool(gaps))
    return SourceStatus(
        source=source,
        label=label,
        organisation=organisation,
        state=state,
        cause=gaps[0].cause if gaps else None,
        took_ms=_milliseconds(asked.outcomes[source].took) if holds or gaps else 0,
    )


def _named(source: str, asked: Asked, *, known: bool) -> tuple[str, str]:
    if source in asked.systems:
        return asked.systems[source].label, asked.systems[source].organisation
    # Only a source that was asked has an outcome to be named by, so without ``systems`` a silent one is not named.
    outcome = asked.outcomes.get(source) if known else None
    return (outcome.label, outcome.organisation) if outcome else (source, "")


def _without_whereabouts(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    return tuple(gap for gap in gaps if gap.cause is not GapCause.NOT_LINKED)


def _milliseconds(took: timedelta) -> int:
    return round(took.total_seconds() * 1000)
