"""When entries from different sources tell of one thing. Compares entries; never changes or leaves out one.

To join two things hides one of them from whoever reads quickly, so that entries are joined only where they are surely
one; two entries of one thing that stand apart do no harm. Two entries may tell of one thing where they are

- in the same section, and of different sources: what one source tells twice is left as it tells it;
- of the same **name**: by a code they share, or by a title that says the same (see below);
- of the same **occasion**: *standing things* (problems, allergies, medicines, alerts and the like) hold now in both, or
  are past in both and of the same day, so that a past course of a medicine is never taken for the present one (a
  refuted allergy is compared as if it held, so that it is seen beside what it refutes); *events* (procedures,
  vaccinations, stays, referrals, documents) are of the same day; *measurements and appointments* of the same minute,
  where a time is given, and measurements of the same value;
- and where **nothing sets them apart**: one says left and the other right; one says that it is not so, or of somebody
  else; their titles number differently (type 1 and type 2, stage 3 and stage 4); their references, places, doses in a
  course or descriptions are both given and differ.

Titles that say the same:

- *Medicines*: the same medicine in the same strength and form, however written: "500 mg" and "500mg", "1g" and
  "1000mg", "tab" and "tablets", a salt left out, a maker in brackets, a brand beside the generic name. A name without
  strength and form is that of the only one of that name in the other source, and of no one where there are two.
- *Allergies*: the same substance, by its name or code or by that of the allergy to it.
- *Problems*: the same words in any order, or another name or classification's code of the same condition.
- *Vaccinations*: against the same.
- *Stays and attendances*: of the same kind (a stay, an emergency attendance, a day case).
- *Referrals*, seen from both ends: the same booking reference; or the same service within seven days, where one end
  says that it was sent and the other that it was received.
- *Visits and documents* with a title that anybody gives ("Consultation", "Letter"): only with the same person,
  organisation, place or description beside it.

An event without a date is joined with nothing, nor are services nearby. What is surest is joined first, and nothing is
joined to a group that has an entry of the same source, or one that is apart from it: a chain never makes one thing of
two that one source tells apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from broker.records.likeness import Comparer, Likeness
from broker.records.medicine_names import Medicine
from broker.records.naming import Key
from broker.records.referral_ends import both_ends
from broker.records.setting_apart import Apart, apart, what_sets_apart
from broker.records.source import RecordEntry

_MOST_TRIED = 16  # groups that one entry is compared with under one name


def same_things(entries: Iterable[RecordEntry]) -> list[tuple[int, ...]]:
    """The positions of entries that tell of one thing, each list in order; every position is in exactly one."""
    comparer = Comparer()
    return alike([comparer.likeness(entry) for entry in entries])


def alike(compared: Sequence[Likeness]) -> list[tuple[int, ...]]:
    """As ``same_things``, where what the entries are compared by is already known."""
    joining = _Joining(compared)
    shared: dict[tuple[int, Key], list[int]] = {}
    for position in sorted(range(len(compared)), key=lambda position: compared[position].order):
        for key in compared[position].keys:
            shared.setdefault(key, []).append(position)
    several = [(key[0], positions) for key, positions in shared.items() if len(positions) > 1]
    done: set[tuple[int, ...]] = set()  # many are of one code and of one title alike
    for _, positions in sorted(several, key=lambda each: each[0]):  # stable: otherwise the newest first
        if (these := tuple(positions)) not in done:
            done.add(these)
            joining.join_all(these)
    joining.join_pairs(both_ends(compared))
    joining.join_pairs(_only_ones(compared))
    return joining.groups()


class _Joining:
    """Groups of positions that tell of one thing, at most one of each source, none of them apart from another."""

    def __init__(self, compared: Sequence[Likeness]) -> None:
        self._compared = compared
        self._of: dict[int, list[int]] = {}  # only of those joined to another
        self._apart: dict[int, Apart] = {}

    def join_all(self, positions: Sequence[int]) -> None:
        """Join those of one name, newest first: the newest of each source together, then the second, and so on."""
        sources = {self._compared[position].source for position in positions}
        if len(sources) < 2:
            return
        groups: list[list[int]] = []
        known: set[int] = set()  # by identity
        # Where to look on from: every group before it has an entry of this source already.
        first: dict[str, int] = {}
        for position in positions:
            mine = self._group(position)
            if id(mine) in known:
                continue
            source = self._compared[position].source
            start = first.get(source, 0)
            while start < len(groups) and self._has(groups[start], source):
                start += 1
            first[source] = start
            for number in range(start, min(start + _MOST_TRIED, len(groups))):
                if self._may_join(groups[number], mine):
                    groups[number] = self._join(groups[number], mine)
                    break
            else:
                groups.append(mine)
                known.add(id(mine))

    def join_pairs(self, pairs: Iterable[tuple[int, int]]) -> None:
        for one, other in pairs:
            first, second = self._group(one), self._group(other)
            if first is not second and self._may_join(first, second):
                self._join(first, second)

    def groups(self) -> list[tuple[int, ...]]:
        found, seen = [], set[int]()
        for position in range(len(self._compared)):
            if position not in seen:
                group = self._of.get(position)
                found.append((position,) if group is None else tuple(sorted(group)))
                seen.update(found[-1])
        return found

    def _group(self, position: int) -> list[int]:
        group = self._of.get(position)
        if group is None:
            group = self._of[position] = [position]
        return group

    def _has(self, group: Sequence[int], source: str) -> bool:
        return any(self._compared[position].source == source for position in group)

    def _may_join(self, one: Sequence[int], other: Sequence[int]) -> bool:
        sources = {self._compared[position].source for position in one}
        if any(self._compared[position].source in sources for position in other):
            return False
        return not any(apart(self._what(first), self._what(second)) for first in one for second in other)

    def _join(self, one: list[int], other: list[int]) -> list[int]:
        one.extend(other)
        for position in other:
            self._of[position] = one
        return one

    def _what(self, position: int) -> Apart:
        found = self._apart.get(position)
        if found is None:
            each = self._compared[position]
            found = self._apart[position] = what_sets_apart(each.entry, each.title, each.medicine)
        return found


def _only_ones(compared: Sequence[Likeness]) -> Iterator[tuple[int, int]]:
    """A medicine named without strength or form, and the only one of that name that it may be in another source."""
    by_name: dict[tuple[str, Key], list[tuple[int, Medicine]]] = {}
    for position, each in enumerate(compared):
        taken = each.medicine
        if taken is not None and each.occasion:
            for name in taken.names:
                by_name.setdefault((name, each.occasion), []).append((position, taken))
    for together in by_name.values():
        if len(together) < 2 or all(taken == together[0][1] for _, taken in together):
            continue
        by_source: dict[str, list[tuple[int, Medicine]]] = {}
        for position, taken in together:
            by_source.setdefault(compared[position].source, []).append((position, taken))
        # Only where each source has one of the name: of two, nobody can say which is meant.
        alone = [each[0] for each in by_source.values() if len(each) == 1]
        for number, (one, taken) in enumerate(alone):
            yield from ((one, other) for other, its in alone[number + 1 :] if taken.may_be(its))
