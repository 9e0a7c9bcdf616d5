"""A structured record while it is read: what came, what its lists and links say of each item. Makes no entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from adapters.fhir_r4.reading import Context, about, local
from adapters.fhir_r4.values import Json, many, text
from broker.vocabulary import Sensitivity

from .areas import BY_LIST
from .stu3 import changed, entered_in_error, extended, is_comment, labels_of, value

CONSULTATION, TOPIC, HEADING = "325851000000107", "25851000000105", "24781000000107"
_DEEPEST = 4  # consultation, topic, heading, and one to spare


@dataclass(frozen=True, slots=True)
class Line:
    """One thing said in a consultation: under which words, and the item it is, or the words themselves."""

    under: str
    key: str


@dataclass(slots=True)
class Record(Context):
    """Everything that came about one resident, by ``Type/id`` and by full URL. ``items`` are in the order they came.

    ``area`` is the clinical area whose primary list holds an item. ``parts`` are items that are shown as part of
    another, which are ``told`` there and make no entry of their own. ``beneath`` is what a list says of the items in
    it: the labels it states, and a restriction.
    """

    accepted: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()  # NHS numbers it may call the resident by
    items: dict[str, Json] = field(default_factory=dict)
    area: dict[str, str] = field(default_factory=dict)
    parts: dict[str, list[str]] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)  # a part, and what it is shown in
    tested: set[str] = field(default_factory=set)  # observations that are results of an investigation
    lines: dict[str, list[Line]] = field(default_factory=dict)
    topics: dict[str, list[Json]] = field(default_factory=dict)
    beneath: dict[str, tuple[frozenset[Sensitivity], str]] = field(default_factory=dict)
    within: dict[str, str] = field(default_factory=dict)  # an item that came inside another

    def named(self, reference: Json | None, within: Json | None = None) -> str:
        """As Context says; a role is named by who has it, for GP Connect refers to people both ways."""
        found = self.follow(reference, within)
        if found is not None and found.get("resourceType") == "PractitionerRole":
            return self.named(found.get("practitioner"), found)
        return Context.named(self, reference, within)

    def key(self, reference: Json | None) -> str | None:
        """The ``Type/id`` of what a reference points to, where it came."""
        found = self.follow(reference)
        if found is None:
            return None
        target = local(str((reference or {}).get("reference")))
        return target if target in self.items else f"{found.get('resourceType')}/{found.get('id')}"

    def mine(self, resource: Json) -> bool:
        """Whether a resource says that it is about the resident."""
        return about(resource, self.accepted, self.numbers)

    def of(self, kind: str) -> Iterator[tuple[str, Json]]:
        return ((key, item) for key, item in self.items.items() if item["resourceType"] == kind)

    def link(self) -> None:
        """Find out what belongs together. Raises TypeError, AttributeError or ValueError where that cannot be read."""
        for _, listed in self.of("List"):
            if self.mine(listed):
                self._listed(listed)
        self._prescriptions()
        for key, report in self.of("DiagnosticReport"):
            self._report(key, report)
        self._consultations()

    def _listed(self, listed: Json) -> None:
        name = next((BY_LIST[code] for code in _codes(listed) if code in BY_LIST), None)
        labels, restriction = labels_of(listed)
        for key in self._entries(listed):
            if name:
                self.area.setdefault(key, name)
            if labels or restriction:
                self._lies_beneath(key, labels, restriction)

    def _entries(self, listed: Json) -> list[str]:
        entries = [item for item in many(listed, "entry") if item.get("deleted") is not True]
        inside = {f"#{self.items[k].get('id')}": k for k, whole in self.within.items() if self.items[whole] is listed}
        references = [item.get("item") or {} for item in entries]
        found = [inside.get(str(each.get("reference"))) or self.key(each) for each in references]
        return [key for key in found if key is not None]

    def _lies_beneath(self, key: str, labels: frozenset[Sensitivity], restriction: str) -> None:
        before, restricted = self.beneath.get(key, (frozenset(), ""))
        self.beneath[key] = before | labels, restricted or restriction

    def _fold(self, whole: str, key: str) -> None:
        """Show ``key`` as part of ``whole``, unless it is one that may not be shown at all."""
        item = self.items[key]
        if whole == key or whole in self.told or key in self.told or key in self.parts:
            return  # what is said to be part of itself, or of two things, is shown by itself
        if not self.stated(key)[1] and self.mine(item) and not entered_in_error(item) and not changed(item):
            self.parts.setdefault(whole, []).append(key)
            self.told[key] = whole

    def parts_of(self, whole: str, kind: str) -> list[Json]:
        """The resources of one type that are shown as part of ``whole``."""
        found = (self.items[key] for key in self.parts.get(whole, ()))
        return [item for item in found if item["resourceType"] == kind]

    def stated(self, key: str) -> tuple[frozenset[Sensitivity], str]:
        """What is stated of an item: by itself, by the lists it lies in, and by the parts shown with it."""
        labels, restriction = labels_of(self.items[key])
        above, restricted = self.beneath.get(key, (frozenset(), ""))
        labels, restriction = labels | above, restriction or restricted
        for part in self.parts.get(key, ()):
            theirs, theirs_restricted = self.stated(part)
            labels, restriction = labels | theirs, restriction or theirs_restricted
        return labels, restriction

    def _prescriptions(self) -> None:
        """What is taken is one entry, with what was authorised and what was issued in it."""
        for key, statement in self.of("MedicationStatement"):
            for plan in self._based_on(statement, "MedicationRequest"):
                self._fold(key, plan)
        for key, request in self.of("MedicationRequest"):
            if request.get("intent") == "plan":
                continue
            for plan in self._based_on(request, "MedicationRequest"):
                whole = self.told.get(plan, plan)
                if whole != plan or self.items[plan].get("intent") == "plan":
                    self._fold(whole, key)

    def _based_on(self, resource: Json, kind: str) -> list[str]:
        found = [self.key(reference) for reference in many(resource, "basedOn")]
        return [key for key in found if key is not None and key.startswith(f"{kind}/") and key in self.items]

    def _report(self, key: str, report: Json) -> None:
        for request in self._based_on(report, "ProcedureRequest"):
            self._fold(key, request)
        waiting = [found for each in many(report, "result") if (found := self.key(each)) is not None]
        while waiting:
            result = waiting.pop()
            if result in self.tested or result not in self.items:
                continue
            self.tested.add(result)
            if is_comment(self.items[result]):
                self._fold(key, result)
            related = many(self.items[result], "related")
            waiting += [found for each in related if (found := self.key(each.get("target"))) is not None]

    def _consultations(self) -> None:
        for key, listed in self.of("List"):
            if CONSULTATION not in _codes(listed):
                continue
            encounter = self.key(listed.get("encounter"))
            if encounter in self.items and encounter is not None and self.mine(listed):
                self._consulted(encounter, key, "", {key}, 1)

    def _consulted(self, encounter: str, key: str, under: str, seen: set[str], depth: int) -> None:
        listed = self.items[key]
        labels, restriction = labels_of(listed)
        if labels or restriction:
            self._lies_beneath(encounter, labels, restriction)
        if TOPIC in _codes(listed):
            self.topics.setdefault(encounter, []).append(listed)
        under = (text(listed, "title") or under) if depth > 1 else ""
        for entry in self._entries(listed):
            if entry in seen or depth >= _DEEPEST:
                continue
            seen.add(entry)
            if labels or restriction:
                self._lies_beneath(entry, labels, restriction)
            if entry.startswith("List/"):
                if self.mine(self.items[entry]):
                    self._consulted(encounter, entry, under, seen, depth + 1)
                continue
            if is_comment(self.items.get(entry, {})):
                self._fold(encounter, entry)
            self.lines.setdefault(encounter, []).append(Line(under, entry))


def _codes(listed: Json) -> set[str]:
    return {str(coding.get("code")) for coding in many(listed.get("code") or {}, "coding")}


def linked(resource: Json, *names: str) -> tuple[str, ...]:
    """What the CareConnect extensions of these names refer to, as ids of entries."""
    found = (value(each) for name in names for each in extended(resource, name))
    return tuple(local(each["reference"]) for each in found if type(each) is dict and "reference" in each)


def related_problems(resource: Json) -> tuple[str, ...]:
    """The problems a resource says it belongs with (RelatedProblemHeader), as ids of entries."""
    targets = [
        value(inner)
        for each in extended(resource, "RelatedProblemHeader")
        for inner in many(each, "extension")
        if inner.get("url") == "target"
    ]
    return tuple(local(each["reference"]) for each in targets if type(each) is dict and "reference" in each)
