"""Assemble the view a requester may see, and withhold the rest. Holds no record and knows nothing of consent.

Four answers are never confused: *withheld*, *empty*, *unavailable* and *not asked*. Where the requester may not be told
of a withholding, the view is the very one there would be if what is withheld had never been recorded: everything shown
(labels, joining, contradictions, each source's state) is worked out from what remains, after the rest is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from broker.access.request import Pair
from broker.records import contradictions, labels
from broker.records.collect import SourceOutcome
from broker.records.sameness import Likeness, alike, likeness
from broker.records.source import RecordEntry, SourceSystem
from broker.records.states import Asked, SectionGap, SourceStatus, status_of
from broker.vocabulary import DenialReason, Disclosure, Section, Sensitivity, Silence

__all__ = ["JoinedEntry", "RecordView", "SectionGap", "SectionView", "SourceStatus", "assemble"]

UNNAMED = "items the broker cannot show"
Place = tuple[Section, str]  # a section of a source


class Found(NamedTuple):
    """An entry, with what is worked out of it alone: what it betrays, and what it is compared with others by."""

    entry: RecordEntry
    own: labels.Own
    likeness: Likeness

    @property
    def place(self) -> Place:
        return self.entry.section, self.entry.provenance.source


class Among(NamedTuple):
    """Entries, newest first, with what they are to each other and to nothing else: the positions of those that tell
    of one thing, and the labels of each."""

    found: tuple[Found, ...]
    things: Sequence[tuple[int, ...]]
    labels: Sequence[frozenset[Sensitivity]]


@dataclass(frozen=True, slots=True)
class JoinedEntry:
    """One thing. ``others`` tell of the same thing from other sources; ``contradictions`` are plain sentences."""

    entry: RecordEntry
    others: tuple[RecordEntry, ...] = ()
    contradictions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SectionView:
    """One section. ``silence`` is set where there is no entry; ``gaps`` where a source could not be read.

    ``withheld_told`` and ``reasons`` say that something is withheld, only where the requester may know it.
    """

    section: Section
    entries: tuple[JoinedEntry, ...] = ()
    silence: Silence | None = None
    gaps: tuple[SectionGap, ...] = ()
    withheld_told: bool = False
    reasons: tuple[DenialReason, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordView:
    """What may be seen, section by section in PRSB order, and what became of each source asked.

    ``not_understood`` counts, by source, what came and could not be shown: by kind for clinicians, as one number for
    others. It is empty where withholding is concealed: what cannot be read cannot be known to be safe to mention.
    """

    sections: tuple[SectionView, ...]
    sources: tuple[SourceStatus, ...]
    not_understood: Mapping[str, Mapping[str, int]]
    withheld_told: bool
    made_at: datetime


def assemble(
    *,
    pairs: Sequence[Pair],
    outcomes: Sequence[SourceOutcome],
    requested: frozenset[Section],
    disclosure: Disclosure,
    clinical: bool,
    made_at: datetime,
    systems: Mapping[str, SourceSystem] | None = None,
) -> RecordView:
    """The view of ``requested`` that ``pairs`` allow, of what ``outcomes`` brought.

    ``systems`` gives sources their plain names; without it a source that said nothing is called by its id.
    Labels are found before anything is withheld, and a thing that two sources tell of is withheld from both by what
    either says of it. What the law bars is left out first and never told; then what ``pairs`` withhold by label.
    """
    told = disclosure.tells(clinical=clinical)
    brought = _permitted_entries(pairs, outcomes)
    lawful, _ = _withhold(brought, dict.fromkeys(_places(pairs), _in_law()))
    visible, withheld_at = _withhold(lawful, {(pair.section, pair.source): pair.withheld_labels for pair in pairs})
    asked = Asked(pairs, outcomes, systems or {}, told=told, withheld_at=withheld_at if told else frozenset())
    shown = _shown(visible)
    things = _things(shown, visible.things)
    sections = tuple(_section(section, things.get(section, []), asked) for section in Section if section in requested)
    holding = {entry.provenance.source for entry in shown}
    return RecordView(
        sections=sections,
        sources=tuple(status_of(source, asked, source in holding) for source in asked.sources),
        not_understood=_not_understood(outcomes, named=clinical) if told else {},
        withheld_told=any(section.withheld_told for section in sections),
        made_at=made_at,
    )


def _permitted_entries(pairs: Sequence[Pair], outcomes: Sequence[SourceOutcome]) -> Among:
    """Entries of permitted pairs alone, whatever else an outcome holds; in an order that no source decides."""
    permitted = {(pair.section, pair.source) for pair in pairs if pair.permitted}
    entries = (entry for outcome in outcomes for entry in outcome.answer.entries)
    kept = (entry for entry in entries if (entry.section, entry.provenance.source) in permitted)
    found = (Found(entry, labels.own(entry), likeness(entry)) for entry in kept)
    return _among(sorted(found, key=lambda each: each.likeness.order))


def _among(found: Iterable[Found]) -> Among:
    found = tuple(found)
    things = alike([each.likeness for each in found])
    spread = labels.spread([each.entry for each in found], [each.own for each in found], together=things)
    return Among(found, things, spread)


def _withhold(among: Among, withheld: Mapping[Place, frozenset[Sensitivity]]) -> tuple[Among, frozenset[Place]]:
    """What remains, and where something did not.

    Repeated until nothing more goes: what remains may be matched anew, and must then be what it would have been had
    the rest never been there.
    """
    gone: set[Place] = set()
    while True:
        judged = [
            (each, its.isdisjoint(withheld[each.place])) for each, its in zip(among.found, among.labels, strict=True)
        ]
        going = {each.place for each, stays in judged if not stays}
        if not going:
            return among, frozenset(gone)
        gone |= going
        among = _among(each for each, stays in judged if stays)


def _shown(among: Among) -> tuple[RecordEntry, ...]:
    """As they are shown: with the labels they have among themselves, and no link to what is not shown, for a link to
    nothing would say that there is something."""
    present = {(each.likeness.source, each.entry.id) for each in among.found}
    return tuple(_as_shown(each.entry, its, present) for each, its in zip(among.found, among.labels, strict=True))


def _as_shown(entry: RecordEntry, its: frozenset[Sensitivity], present: Collection[tuple[str, str]]) -> RecordEntry:
    linked = tuple(other for other in entry.linked if (entry.provenance.source, other) in present)
    unchanged = entry.labels == its and entry.linked == linked
    return entry if unchanged else replace(entry, labels=its, linked=linked)


def _things(shown: Sequence[RecordEntry], things: Sequence[tuple[int, ...]]) -> dict[Section, list[list[RecordEntry]]]:
    """Each section's things, newest first; of each, the entries that tell of it, newest first."""
    by_section: dict[Section, list[list[RecordEntry]]] = {}
    for positions in things:
        by_section.setdefault(shown[positions[0]].section, []).append([shown[position] for position in positions])
    return by_section


def _in_law() -> frozenset[Sensitivity]:
    return frozenset(each for each in Sensitivity if each.in_law)


def _places(pairs: Sequence[Pair]) -> frozenset[Place]:
    return frozenset((pair.section, pair.source) for pair in pairs)


def _section(section: Section, things: Sequence[Sequence[RecordEntry]], asked: Asked) -> SectionView:
    entries = [entry for thing in things for entry in thing]
    reasons = asked.reasons_in(section)
    return SectionView(
        section=section,
        entries=tuple(_joined(thing, entries, asked) for thing in things),
        silence=None if entries else asked.silence_of(section),
        gaps=asked.gaps_in(section),
        withheld_told=bool(reasons),
        reasons=reasons,
    )


def _joined(group: Sequence[RecordEntry], section: Sequence[RecordEntry], asked: Asked) -> JoinedEntry:
    return JoinedEntry(group[0], tuple(group[1:]), contradictions.found(group, section, names=asked.names))


def _not_understood(outcomes: Sequence[SourceOutcome], *, named: bool) -> dict[str, dict[str, int]]:
    """By source, how much came that is not shown. A kind of item can itself betray, so clinicians alone are told it."""
    said = sorted(
        (outcome.source, outcome.answer.not_understood) for outcome in outcomes if outcome.answer.not_understood
    )
    if named:
        return {source: dict(sorted(counts.items())) for source, counts in said}
    return {source: {UNNAMED: sum(counts.values())} for source, counts in said}
