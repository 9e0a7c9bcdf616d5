"""Assemble the view a requester may see, and withhold the rest. Holds no record and knows nothing of consent.

Four answers are never confused: *withheld*, *empty*, *unavailable* and *not asked*. Where the requester may not be told
of a withholding, the view is the very one there would be if what is withheld had never been recorded: everything shown
(labels, joining, contradictions, each source's state) is worked out from what remains, after the rest is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from broker.access.request import Pair
from broker.records import contradictions, labels
from broker.records.collect import SourceOutcome
from broker.records.sameness import newest_first, same_things
from broker.records.source import RecordEntry, SourceSystem
from broker.records.states import Asked, SectionGap, SourceStatus, status_of
from broker.vocabulary import DenialReason, Disclosure, Section, Sensitivity, Silence

__all__ = ["JoinedEntry", "RecordView", "SectionGap", "SectionView", "SourceStatus", "assemble"]

Place = tuple[Section, str]  # a section of a source
Found = tuple[RecordEntry, labels.Own]


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

    ``not_understood`` counts, by source, what came and could not be shown; it is empty where withholding is concealed,
    because what cannot be read cannot be known to be safe to mention.
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
    told = disclosure is Disclosure.TELL or (disclosure is Disclosure.CLINICIANS and clinical)
    brought = _permitted_entries(pairs, outcomes)
    lawful, _ = _withhold(brought, dict.fromkeys(_places(pairs), _in_law()))
    visible, withheld_at = _withhold(lawful, {(pair.section, pair.source): pair.withheld_labels for pair in pairs})
    asked = Asked(pairs, outcomes, systems or {}, told=told, withheld_at=withheld_at if told else frozenset())
    shown = _shown(visible)
    sections = tuple(_section(section, shown, asked) for section in Section if section in requested)
    return RecordView(
        sections=sections,
        sources=tuple(status_of(source, asked, _holds(shown, source)) for source in asked.sources),
        not_understood=_not_understood(outcomes) if told else {},
        withheld_told=any(section.withheld_told for section in sections),
        made_at=made_at,
    )


def _permitted_entries(pairs: Sequence[Pair], outcomes: Sequence[SourceOutcome]) -> tuple[Found, ...]:
    """Entries of permitted pairs alone, whatever else an outcome holds; in an order that no source decides."""
    permitted = {(pair.section, pair.source) for pair in pairs if pair.permitted}
    entries = (entry for outcome in outcomes for entry in outcome.answer.entries)
    kept = (entry for entry in entries if _place(entry) in permitted)
    return tuple((entry, labels.own(entry)) for entry in sorted(kept, key=newest_first))


def _withhold(
    found: tuple[Found, ...], withheld: Mapping[Place, frozenset[Sensitivity]]
) -> tuple[tuple[Found, ...], frozenset[Place]]:
    """What remains, and where something did not.

    Repeated until nothing more goes: what remains may be matched anew, and must then be what it would have been had
    the rest never been there.
    """
    gone: set[Place] = set()
    while True:
        spread = _labels(found)
        keep = [each.isdisjoint(withheld[_place(entry)]) for (entry, _), each in zip(found, spread, strict=True)]
        if all(keep):
            return found, frozenset(gone)
        gone |= {_place(entry) for (entry, _), kept in zip(found, keep, strict=True) if not kept}
        found = tuple(each for each, kept in zip(found, keep, strict=True) if kept)


def _labels(found: Sequence[Found]) -> list[frozenset[Sensitivity]]:
    entries = [entry for entry, _ in found]
    return labels.spread(entries, [own for _, own in found], together=same_things(entries))


def _shown(found: Sequence[Found]) -> tuple[RecordEntry, ...]:
    """As they are shown: with the labels they have among themselves, and no link to what is not shown, for a link to
    nothing would say that there is something."""
    present = {(entry.provenance.source, entry.id) for entry, _ in found}
    return tuple(
        replace(
            entry,
            labels=each,
            linked=tuple(other for other in entry.linked if (entry.provenance.source, other) in present),
        )
        for (entry, _), each in zip(found, _labels(found), strict=True)
    )


def _in_law() -> frozenset[Sensitivity]:
    return frozenset(each for each in Sensitivity if each.in_law)


def _places(pairs: Sequence[Pair]) -> frozenset[Place]:
    return frozenset((pair.section, pair.source) for pair in pairs)


def _place(entry: RecordEntry) -> Place:
    return entry.section, entry.provenance.source


def _holds(entries: Sequence[RecordEntry], source: str) -> bool:
    return any(entry.provenance.source == source for entry in entries)


def _section(section: Section, shown: Sequence[RecordEntry], asked: Asked) -> SectionView:
    entries = [entry for entry in shown if entry.section is section]
    joined = [_joined([entries[position] for position in group], entries, asked) for group in same_things(entries)]
    reasons = asked.reasons_in(section)
    return SectionView(
        section=section,
        entries=tuple(sorted(joined, key=lambda each: newest_first(each.entry))),
        silence=None if entries else asked.silence_of(section),
        gaps=asked.gaps_in(section),
        withheld_told=bool(reasons),
        reasons=reasons,
    )


def _joined(group: Sequence[RecordEntry], section: Sequence[RecordEntry], asked: Asked) -> JoinedEntry:
    return JoinedEntry(group[0], tuple(group[1:]), contradictions.found(group, section, names=asked.names))


def _not_understood(outcomes: Sequence[SourceOutcome]) -> dict[str, dict[str, int]]:
    said = sorted(
        (outcome.source, outcome.answer.not_understood) for outcome in outcomes if outcome.answer.not_understood
    )
    return {source: dict(sorted(counts.items())) for source, counts in said}
