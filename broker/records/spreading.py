"""How labels spread, from what an entry betrays by itself to whatever is linked with it. Reads no words and no codes.

A record is of *things* (a problem, a medicine, a result) and of *occasions*, and occasions are of three kinds:
*visits*, where many things may come up (a consultation, a stay in hospital); *papers*, which are about one matter (a
referral, an appointment, a document, a report); and *folders*, which keep many matters together (a care plan, an
episode, a service).

1. Things that are linked share their labels, however far: a medicine and what it is for, a result and its test. So do
   papers that are linked: a referral, the appointment it led to, and the letter about that.
2. An occasion has every label of the things and papers linked to it. An appointment so never betrays a diagnosis, nor
   does the visit at which it was made.
3. What an occasion *itself* says is had by everything linked to it: what was written down at a visit to an HIV clinic
   betrays that clinic.
4. What an occasion has from one thing is not passed on to another: that a sensitive matter came up at a visit labels
   the visit, and not the blood pressure that was taken there. Only documents and appointments, which tell of a visit
   as a whole, have all that it has.
5. Entries of several sources that tell of one thing share their labels; so do the parts of one item as received.
6. What a record's *whereabouts* betray (the name of a clinic) stays with that entry: the same thing told by somebody
   else betrays no clinic.

Where what is linked to is not there to be seen it counts as a thing, unless its id says what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from broker.records.grouping import Groups
from broker.records.own_labels import NONE, ORDINARY, Labels, Own
from broker.records.source import LabelBasis, RecordEntry
from broker.vocabulary import LabelSource, Section, Sensitivity

_THING, _PAPER, _VISIT, _FOLDER = range(4)
_TELLS_OF_A_VISIT = frozenset({"Appointment", "DocumentReference", "Composition"})
_TELLING_SECTIONS = frozenset({Section.APPOINTMENTS, Section.DOCUMENTS})
_BY_TYPE = {  # as FHIR names them, where an id says which it is
    **dict.fromkeys(("Encounter", "List"), _VISIT),
    **dict.fromkeys(_TELLS_OF_A_VISIT, _PAPER),
    **dict.fromkeys(("ServiceRequest", "ReferralRequest", "ProcedureRequest", "Task", "DiagnosticReport"), _PAPER),
    **dict.fromkeys(("EpisodeOfCare", "CarePlan", "CareTeam", "HealthcareService"), _FOLDER),
    **dict.fromkeys(("Condition", "Goal", "Observation", "Procedure", "Flag", "RiskAssessment"), _THING),
    **dict.fromkeys(("MedicationRequest", "MedicationStatement", "QuestionnaireResponse"), _THING),
}
_BY_SECTION = {
    **dict.fromkeys((Section.PROFESSIONAL_CONTACTS, Section.ADMISSIONS), _VISIT),
    **dict.fromkeys((Section.APPOINTMENTS, Section.DOCUMENTS, Section.REFERRALS), _PAPER),
    **dict.fromkeys((Section.SERVICES, Section.CARE_PLAN, Section.VCFSE_SUPPORT), _FOLDER),
}


class Spread(NamedTuple):
    """The labels of each entry, and on request how each of them is known."""

    labels: list[Labels]
    owns: Sequence[Own]
    same: list[Labels]  # what is said of the same thing elsewhere

    def basis(self, position: int) -> tuple[LabelBasis, ...]:
        """Of each of an entry's labels, all that it is known by, surest first."""
        labels, same = self.labels[position], self.same[position]
        if not labels:
            return ()
        known = {each for each in self.owns[position].bases if each.sensitivity in labels}
        known.update(LabelBasis(each, LabelSource.SAME) for each in same & labels)
        explained = {each.sensitivity for each in known}
        known.update(LabelBasis(each, LabelSource.LINKED) for each in labels - explained)
        return tuple(sorted(known, key=_surest))


def spread(entries: Sequence[RecordEntry], owns: Sequence[Own], *, together: Iterable[Collection[int]] = ()) -> Spread:
    """Each entry's labels, where what each betrays by itself is already known. See the module."""
    joined = [positions for positions in together if len(positions) > 1]
    if not any(own.said for own in owns):  # then nothing can spread
        nothing = [NONE] * len(owns)
        return Spread([own.whereabouts - own.disputed if own.whereabouts else NONE for own in owns], owns, nothing)
    web = _Web(entries, joined)
    had, sure = web.spread([own.said for own in owns]), _NOTHING
    if any(own.disputed for own in owns):
        sure = web.spread([own.told for own in owns])
    return Spread(
        [_had(each, web.group_of(position), had, sure) for position, each in enumerate(owns)],
        owns,
        _said_elsewhere(owns, joined),
    )


def _had(own: Own, group: int, had: Mapping[int, Labels], sure: Mapping[int, Labels]) -> Labels:
    received = had.get(group, NONE)
    if own is ORDINARY:
        return received
    if own.disputed:
        received -= own.disputed - sure.get(group, NONE)
    return received | own.said | own.whereabouts


def _said_elsewhere(owns: Sequence[Own], together: Iterable[Collection[int]]) -> list[Labels]:
    """Of each entry, what the others that tell of the same thing say."""
    found = [NONE] * len(owns)
    for positions in together:
        for position in positions:
            found[position] = _all(owns[other].said for other in positions if other != position)
    return found


def _surest(basis: LabelBasis) -> tuple[int, float, int]:
    return _ORDER[basis.sensitivity], -basis.confidence, _SOURCES[basis.source]


class _Web:
    """What is linked with what, in groups that share what they say, and how a group is linked with another."""

    def __init__(self, entries: Sequence[RecordEntry], together: Iterable[Collection[int]]) -> None:
        self._numbers: dict[tuple[str, str], int] = {}  # each item by source and id
        self._items = [self._number(entry.provenance.source, entry.id) for entry in entries]
        linked = [
            (item, [self._number(entry.provenance.source, other) for other in entry.linked])
            for item, entry in zip(self._items, entries, strict=True)
            if entry.linked
        ]
        self._name_kinds(entries, {each for item, others in linked for each in (item, *others)})
        self._groups = groups = Groups(len(self._numbers))
        for positions in together:
            groups.join([self._items[position] for position in positions])
        across: list[tuple[int, int]] = []
        for one, others in linked:
            for other in others:
                if self._kinds[one] == self._kinds[other] and self._kinds[one] in (_THING, _PAPER):
                    groups.join((one, other))
                else:
                    across.append((one, other))
        self._across: dict[int, set[int]] = {}
        self._tells: set[int] = set()
        for one, other in across:
            first, second = groups.of(one), groups.of(other)
            self._kinds.setdefault(first, self._kinds[one])
            self._kinds.setdefault(second, self._kinds[other])
            self._tells.update(groups.of(each) for each in (one, other) if each in self._telling)
            if first != second:
                self._across.setdefault(first, set()).add(second)
                self._across.setdefault(second, set()).add(first)

    def _number(self, source: str, id: str) -> int:
        """The number of the whole item, of which ``#`` in an id begins the name of a part."""
        return self._numbers.setdefault((source, id.partition("#")[0] if "#" in id else id), len(self._numbers))

    def _name_kinds(self, entries: Sequence[RecordEntry], linked: Collection[int]) -> None:
        """Of what is linked: its kind, and whether it tells of a visit as a whole."""
        self._kinds: dict[int, int] = {}
        self._telling: set[int] = set()
        sections: dict[int, Section] = {}
        for item, entry in zip(self._items, entries, strict=True):
            if item in linked:
                sections.setdefault(item, entry.section)
                if entry.section in _TELLING_SECTIONS:
                    self._telling.add(item)
        for (_, id), item in self._numbers.items():
            if item in linked:
                named = id.partition("/")[0]
                section = sections.get(item)
                self._kinds[item] = _BY_TYPE.get(named, _BY_SECTION.get(section, _THING) if section else _THING)
                if named in _TELLS_OF_A_VISIT:
                    self._telling.add(item)

    def group_of(self, position: int) -> int:
        return self._groups.of(self._items[position])

    def spread(self, said: Sequence[Labels]) -> dict[int, Labels]:
        """The labels of each group that has any, where each entry says what ``said`` has at its position."""
        says: dict[int, Labels] = {}
        for position, labels in enumerate(said):
            if labels:
                group = self.group_of(position)
                says[group] = says.get(group, NONE) | labels
        has = dict(says)
        for kind, receiving in _ROUNDS:
            before = dict(has) if kind == _VISIT else has  # one visit that is part of another: each once
            for group in [group for group in self._across if self._kinds[group] == kind]:
                received = _all(
                    (before if self._kinds[other] in receiving else says).get(other, NONE)
                    for other in self._across[group]
                )
                if received:
                    has[group] = has.get(group, NONE) | received
        for group in self._tells & self._across.keys():
            visits = (other for other in self._across[group] if self._kinds[other] == _VISIT)
            received = _all(has.get(other, NONE) for other in visits)
            if received:
                has[group] = has.get(group, NONE) | received
        self._fill(has)
        return has

    def _fill(self, has: dict[int, Labels]) -> None:
        """Folders last: they have all that is in them."""
        inside = dict(has)
        for group in [group for group in self._across if self._kinds[group] == _FOLDER]:
            received = _all(inside.get(other, NONE) for other in self._across[group])
            if received:
                has[group] = has.get(group, NONE) | received


# In which order groups of each kind receive, and from which kinds all that those have; from others, what they say.
_ROUNDS: tuple[tuple[int, frozenset[int]], ...] = (
    (_THING, frozenset()),
    (_PAPER, frozenset({_THING})),
    (_VISIT, frozenset({_THING, _PAPER})),
    (_VISIT, frozenset({_THING, _PAPER, _VISIT})),
)


def _all(labels: Iterable[Labels]) -> Labels:
    return NONE.union(*labels)


_ORDER = {each: number for number, each in enumerate(Sensitivity)}
_SOURCES = {each: number for number, each in enumerate(LabelSource)}
_NOTHING: Mapping[int, Labels] = {}
