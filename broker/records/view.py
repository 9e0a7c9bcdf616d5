"""Assemble the view a requester may see, and withhold the rest. Holds no record and knows nothing of consent.

Four answers are never confused: *withheld*, *empty*, *unavailable* and *not asked*. Where the requester may not be told
of a withholding, the view is the very one there would be if what is withheld had never been recorded: everything shown
(labels, joining, contradictions, each source's state) is worked out from what remains, after the rest is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from broker.access.request import Pair
from broker.records import contradictions, whereabouts
from broker.records.collect import SourceOutcome
from broker.records.likeness import Comparer, Likeness
from broker.records.own_labels import Choices, Own, Reader
from broker.records.sameness import alike
from broker.records.source import Gap, LabelBasis, RecordEntry, SourceSystem
from broker.records.spreading import Spread, spread
from broker.records.states import Asked, SectionGap, SourceStatus, status_of
from broker.vocabulary import DenialReason, Disclosure, GapCause, Section, Sensitivity, Silence

__all__ = ["JoinedEntry", "RecordView", "SectionGap", "SectionView", "SourceStatus", "assemble"]

IN_LAW = frozenset(each for each in Sensitivity if each.in_law)
UNNAMED = "items the broker cannot show"
Place = tuple[Section, str]  # a section of a source
Judge = Callable[[Sequence[RecordEntry]], tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]]


class Found(NamedTuple):
    """An entry, with what is worked out of it alone: what it betrays, and what it is compared with others by."""

    entry: RecordEntry
    own: Own
    likeness: Likeness

    @property
    def place(self) -> Place:
        return self.entry.section, self.entry.provenance.source


class Among(NamedTuple):
    """Entries, newest first, with what they are to each other and to nothing else: the positions of those that tell
    of one thing, and the labels of each."""

    found: tuple[Found, ...]
    things: Sequence[tuple[int, ...]]
    spread: Spread


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
    age: int | None = None,
    choices: Choices | None = None,
    kept_back: Judge | None = None,
    sensitive: bool = False,
    context: Sequence[Pair] = (),
) -> RecordView:
    """The view of ``requested`` that ``pairs`` allow, of what ``outcomes`` brought.

    ``context`` is what was read beside them for its labels alone. It withholds and labels as if it had been asked for,
    and nothing of it is shown: not an entry, not a link to one, not a source or what became of it.

    ``systems`` gives sources their plain names; without it a source that said nothing is called by its id. ``age`` is
    the resident's, in years, and ``choices`` what they say themselves of their entries; see ``own_labels``.
    Labels are found before anything is withheld, and a thing that two sources tell of is withheld from both by what
    either says of it. What the law bars is left out and never told, with what ``pairs`` withhold by label; and then
    what ``kept_back`` says, of entries as they would be shown, is not given: each as a source and an id there. It says
    too which it had no time for: those go as well, and every source is said to be late with what it was asked.
    ``sensitive`` is the national register's flag of the resident: whereabouts go before anything else is looked at.
    """
    if sensitive:
        outcomes = [_without_whereabouts(outcome) for outcome in outcomes]
    told = disclosure.tells(clinical=clinical)
    read = (*pairs, *context)
    brought = _permitted_entries(read, outcomes, Reader(age=age, choices=choices))
    withheld = {(pair.section, pair.source): pair.withheld_labels | IN_LAW for pair in read}
    visible, withheld_at = _withhold(brought, withheld)
    before = visible
    visible, kept_at, in_time = _keep_back(visible, kept_back)
    outcomes = outcomes if in_time else [_late(outcome) for outcome in outcomes]
    if visible is not before:  # what remains may be matched anew
        visible, also_at = _withhold(visible, withheld)
        withheld_at |= also_at
    outcomes = without_context(outcomes, pairs) if context else outcomes
    asked = Asked(pairs, outcomes, systems or {}, told=told, withheld_at=withheld_at | kept_at if told else frozenset())
    shown = _shown(visible, requested)
    things = {section: each for section, each in _things(shown, visible.things).items() if section in requested}
    disputes = contradictions.found(things, names=asked.names)
    sections = tuple(
        _section(section, things.get(section, []), disputes.get(section, []), asked)
        for section in Section
        if section in requested
    )
    holding = {entry.provenance.source for entry in shown if entry.section in requested}
    return RecordView(
        sections=sections,
        sources=tuple(status_of(source, asked, source in holding) for source in asked.sources),
        not_understood=_not_understood(outcomes, named=clinical) if told else {},
        withheld_told=any(section.withheld_told for section in sections),
        made_at=made_at,
    )


def without_context(outcomes: Sequence[SourceOutcome], pairs: Sequence[Pair]) -> list[SourceOutcome]:
    """``outcomes`` of what ``pairs`` permit alone, without what was read beside it.

    How long a source took, and how much of its answer was not understood, are of all that it was asked for: neither is
    said of one section.
    """
    wanted: dict[str, set[Section]] = {}
    for pair in pairs:
        if pair.permitted:
            wanted.setdefault(pair.source, set()).add(pair.section)
    narrowed = ((outcome, outcome.sections & wanted.get(outcome.source, set())) for outcome in outcomes)
    return [_of_sections(outcome, sections) for outcome, sections in narrowed if sections]


def _of_sections(outcome: SourceOutcome, sections: frozenset[Section]) -> SourceOutcome:
    answer = outcome.answer
    kept = replace(
        answer,
        entries=tuple(entry for entry in answer.entries if entry.section in sections),
        gaps=tuple(gap for gap in answer.gaps if gap.section in sections),
    )
    return replace(outcome, sections=sections, answer=kept)


def _without_whereabouts(outcome: SourceOutcome) -> SourceOutcome:
    return replace(outcome, answer=replace(outcome.answer, entries=whereabouts.hidden(outcome.answer.entries)))


def _permitted_entries(pairs: Sequence[Pair], outcomes: Sequence[SourceOutcome], reader: Reader) -> Among:
    """Entries of permitted pairs alone, whatever else an outcome holds; in an order that no source decides."""
    permitted = {(pair.section, pair.source) for pair in pairs if pair.permitted}
    entries = (entry for outcome in outcomes for entry in outcome.answer.entries)
    kept = (entry for entry in entries if (entry.section, entry.provenance.source) in permitted)
    comparer = Comparer()
    found = (Found(entry, reader.own(entry), comparer.likeness(entry)) for entry in kept)
    return _among(sorted(found, key=lambda each: each.likeness.order))


def _among(found: Iterable[Found]) -> Among:
    found = tuple(found)
    things = alike([each.likeness for each in found])
    labels = spread([each.entry for each in found], [each.own for each in found], together=things)
    return Among(found, things, labels)


def _withhold(among: Among, withheld: Mapping[Place, frozenset[Sensitivity]]) -> tuple[Among, frozenset[Place]]:
    """What remains, and where something did not that may be told of: never what the law bars.

    Repeated until nothing more goes: what remains may be matched anew, and must then be what it would have been had
    the rest never been there.
    """
    gone: set[Place] = set()
    while True:
        going = [
            not its.isdisjoint(withheld[each.place]) for each, its in zip(among.found, among.spread.labels, strict=True)
        ]
        if not any(going):
            return among, frozenset(gone)
        gone.update(
            each.place
            for each, its, goes in zip(among.found, among.spread.labels, going, strict=True)
            if goes and its.isdisjoint(IN_LAW) and not its.isdisjoint(withheld[each.place])
        )
        among = _among(each for each, goes in zip(among.found, going, strict=True) if not goes)


def _keep_back(among: Among, judge: Judge | None) -> tuple[Among, frozenset[Place], bool]:
    """What remains when what is judged is gone as if it had never been there, where something was, and whether all
    was judged in time. What was not is gone too."""
    closed, unjudged = judge(_shown(among)) if judge and among.found else (frozenset(), frozenset())
    if not closed and not unjudged:
        return among, frozenset(), True
    names = [(each.likeness.source, each.entry.id) for each in among.found]
    places = frozenset(each.place for each, name in zip(among.found, names, strict=True) if name in closed)
    left = (each for each, name in zip(among.found, names, strict=True) if name not in closed | unjudged)
    return _among(left), places, not unjudged


def _late(outcome: SourceOutcome) -> SourceOutcome:
    """As one that had no time for any section: to say it only of those that hold something would tell which do."""
    stated = {gap.section for gap in outcome.answer.gaps}
    late = (Gap(each, GapCause.LATE) for each in Section if each in outcome.sections - stated)
    return replace(outcome, answer=replace(outcome.answer, gaps=(*outcome.answer.gaps, *late)))


def _shown(among: Among, requested: Collection[Section] = frozenset(Section)) -> tuple[RecordEntry, ...]:
    """As they are shown: with the labels they have among themselves, and no link to what is not shown, for a link to
    nothing would say that there is something."""
    present = {(each.likeness.source, each.entry.id) for each in among.found if each.entry.section in requested}
    return tuple(
        _as_shown(each.entry, its, among.spread.basis(position) if its else (), present)
        for position, (each, its) in enumerate(zip(among.found, among.spread.labels, strict=True))
    )


def _as_shown(
    entry: RecordEntry,
    its: frozenset[Sensitivity],
    basis: tuple[LabelBasis, ...],
    present: Collection[tuple[str, str]],
) -> RecordEntry:
    linked = entry.linked
    if linked:
        linked = tuple(other for other in linked if (entry.provenance.source, other) in present)
    unchanged = entry.labels == its and entry.label_basis == basis and entry.linked == linked
    return entry if unchanged else replace(entry, labels=its, label_basis=basis, linked=linked)


def _things(shown: Sequence[RecordEntry], things: Sequence[tuple[int, ...]]) -> dict[Section, list[list[RecordEntry]]]:
    """Each section's things, newest first; of each, the entries that tell of it, newest first."""
    by_section: dict[Section, list[list[RecordEntry]]] = {}
    for positions in things:
        by_section.setdefault(shown[positions[0]].section, []).append([shown[position] for position in positions])
    return by_section


def _section(
    section: Section, things: Sequence[Sequence[RecordEntry]], disputes: Sequence[tuple[str, ...]], asked: Asked
) -> SectionView:
    reasons = asked.reasons_in(section)
    return SectionView(
        section=section,
        entries=tuple(
            JoinedEntry(lead, tuple(others), said)
            for (lead, *others), said in zip(map(contradictions.leading, things), disputes, strict=True)
        ),
        silence=None if things else asked.silence_of(section),
        gaps=asked.gaps_in(section),
        withheld_told=bool(reasons),
        reasons=reasons,
    )


def _not_understood(outcomes: Sequence[SourceOutcome], *, named: bool) -> dict[str, dict[str, int]]:
    """By source, how much came that is not shown. A kind of item can itself betray, so clinicians alone are told it."""
    said = sorted(
        (outcome.source, outcome.answer.not_understood) for outcome in outcomes if outcome.answer.not_understood
    )
    if named:
        return {source: dict(sorted(counts.items())) for source, counts in said}
    return {source: {UNNAMED: sum(counts.values())} for source, counts in said}
