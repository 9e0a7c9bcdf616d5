"""What would have made it allowed: single changes and pairs of them, each made, and the rules asked again. Pure.

Nothing is found that the rules do not then allow. What a requester may be told is sought in a world where the resident
has refused nothing, so that it cannot depend on what they chose; and only a resident is told what sharing again opens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.governance import worlds
from broker.governance.remedies import (
    FOR_IG_LEAD,
    FOR_REQUESTER,
    FOR_RESIDENT,
    Change,
    Remedy,
    changes,
    everything_shared,
)
from broker.governance.tracing import DOCUMENTS, Evaluate, Trace, in_words, trace
from broker.governance.worlds import World
from broker.vocabulary import Section

MOST_CHANGES = 80  # single changes that are tried for one question
MOST_PAIRS = 150  # and pairs of them

Opened = frozenset[tuple[str, str]]  # (section, source)


@dataclass(frozen=True)
class Counterfactual:
    """A change, or two together, with which the rules do allow what they refused. ``str`` says it in a sentence."""

    changes: tuple[Change, ...]
    sentence: str
    pairs: tuple[tuple[Section, str], ...]  # (section, source) that would then be permitted

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        return tuple(change.remedy for change in self.changes)

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Ways:
    ig_lead: tuple[Counterfactual, ...]
    requester: tuple[Counterfactual, ...]
    resident: tuple[Counterfactual, ...]


@dataclass(frozen=True)
class _Tried:
    """A change that was made, the world it made, and what the rules said of that."""

    changes: tuple[Change, ...]
    world: World
    trace: Trace


class Search:
    """Asks the rules again, once for all single changes and once for all pairs, and keeps what then is allowed."""

    def __init__(self, modules: Mapping[str, str], whole: World, found: Trace, evaluate: Evaluate) -> None:
        self._modules, self._evaluate = modules, evaluate
        self._whole, self._found = whole, found

    def ways(self) -> Ways:
        """For each register, the changes of its own that open something, those of one before those of two."""
        if not self._found.refused:
            return Ways((), (), ())
        world = worlds.within_reach(self._whole)
        shared = everything_shared(world)
        base, unhindered = self._traced([world, shared])
        if not alike(base.result, self._found.result):
            world, shared = self._whole, everything_shared(self._whole)
            base, unhindered = self._traced([world, shared])
        starts = {True: (world, base), False: (shared, unhindered)}
        singles = {real: self._tried([(real_world, first, ())]) for real, (real_world, first) in starts.items()}
        said = self._registers(starts, singles)
        return Ways(*said)

    def _registers(
        self, starts: Mapping[bool, tuple[World, Trace]], singles: Mapping[bool, list[_Tried]]
    ) -> Iterable[tuple[Counterfactual, ...]]:
        registers = ((True, FOR_IG_LEAD, True), (False, FOR_REQUESTER, False), (True, FOR_RESIDENT, False))
        for real, allowed, pairs in registers:
            refused = starts[real][1].refused
            theirs = [each for each in singles[real] if each.changes[0].remedy in allowed]
            ways = _merged(theirs, refused, said="would" if real else "could")
            opened = {pair for each in theirs for pair in refused - each.trace.refused}
            if pairs and refused - opened:
                ways += _merged(self._pairs(theirs, refused, allowed), frozenset(refused - opened), said="would")
            yield tuple(ways)

    def _pairs(self, singles: Sequence[_Tried], refused: Opened, allowed: frozenset[Remedy]) -> list[_Tried]:
        """Two changes: the second answers what the first left in the way. Both are made; order does not matter."""
        stuck = [(each.world, each.trace, each.changes) for each in singles if not refused - each.trace.refused]
        tried = self._tried(stuck, most=MOST_PAIRS, only=allowed, names=("result",))
        once = {frozenset(each.changes): each for each in tried}
        return list(once.values())

    def _tried(
        self,
        starts: Sequence[tuple[World, Trace, tuple[Change, ...]]],
        *,
        most: int = MOST_CHANGES,
        only: frozenset[Remedy] = frozenset(Remedy),
        names: Iterable[str] = tuple(DOCUMENTS),
    ) -> list[_Tried]:
        made = [
            ((*before, change), change.make(world))
            for world, found, before in starts
            for change in changes(world, found)
            if change.remedy in only and change not in before
        ][:most]
        traces = self._traced([world for _, world in made], names) if made else []
        return [_Tried(done, world, found) for (done, world), found in zip(made, traces, strict=True)]

    def _traced(self, worlds: Sequence[World], names: Iterable[str] = tuple(DOCUMENTS)) -> list[Trace]:
        return trace(self._modules, worlds, names=names, evaluate=self._evaluate)


def _merged(tried: Iterable[_Tried], refused: Opened, *, said: str) -> list[Counterfactual]:
    """What opens something, said once for each kind of change: "MG-ADVICE adds Housing and Money"."""
    together: dict[Any, list[tuple[_Tried, Opened]]] = {}
    for each in tried:
        opened = frozenset(refused - each.trace.refused)
        if opened:
            either = any(change.either for change in each.changes)
            shape = tuple((change.remedy, change.sentence, change.agreement) for change in each.changes)
            together.setdefault((shape, opened if either else None), []).append((each, opened))
    return [_counterfactual(group, refused, said) for group in together.values()]


def _counterfactual(group: Sequence[tuple[_Tried, Opened]], refused: Opened, said: str) -> Counterfactual:
    first = group[0][0].changes
    clauses = [
        change.sentence.format(
            in_words((each.changes[place].what for each, _ in group), last="or" if change.either else "and")
        )
        for place, change in enumerate(first)
    ]
    opened = frozenset(pair for _, pairs in group for pair in pairs)
    sentence = f"{_what(opened, refused)} {said} be allowed if {', and '.join(clauses)}."
    known = [(Section(section), source) for section, source in sorted(opened) if section in list(Section)]
    return Counterfactual(first, sentence, tuple(known))


def _what(opened: Opened, refused: Opened) -> str:
    """``It``, where all that was refused would be opened; else the sections, and the sources where only some would."""
    if opened == refused:
        return "It"
    sections = {section for section, _ in opened}
    named = in_words(section.label for section in Section if section.value in sections)
    sources = {source for _, source in opened}
    of_these = {(section, source) for section, source in refused if section in sections}
    return named if of_these == opened else f"{named} from {in_words(sorted(sources))}"


def alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two answers refuse and permit the same, for the same reasons, under the same agreements."""
    return bool(_essence(one) == _essence(other))


def _essence(answer: Mapping[str, Any]) -> Any:
    return sorted(
        (
            row["section"],
            row["source"],
            sorted(row["reasons"]),
            sorted(row["agreements"]),
            sorted(row["withheld_labels"]),
        )
        for row in answer.get("pairs", ())
    )
