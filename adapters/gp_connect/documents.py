"""Read a structured record whole: who it is about, its items as entries, and what it says it lacks. Asks nobody.

Uses nothing that is not known to be about the resident, and reads nothing at all of a record that names two people.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from adapters.answering import Answering, Limits, Read, Unanswered, no_answer
from adapters.fhir_r4.reading import Draft, local
from adapters.fhir_r4.values import Json, code_in, many, nhs_numbers
from adapters.strict_json import read_json
from broker.records.source import Provenance, RecordEntry, ResidentIdentity
from broker.vocabulary import GapCause, Section, Sensitivity

from . import refusals
from .areas import AREAS, BY_LIST, SECTIONS, secondary_area
from .record import CONSULTATION, HEADING, TOPIC, Record
from .stu3 import changed, entered_in_error, extended, value
from .types import SUPPORTING, TYPES, not_read

_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError)

# What a list says is missing from it. Told in the broker's own words, and only of the section it is missing from.
_WARNINGS = {
    "confidential-items": (GapCause.REFUSED, "the practice keeps some of it back, by its own choice or the resident's"),
    "data-in-transit": (GapCause.LATE, "some of it is still on its way from another practice"),
    "data-awaiting-filing": (GapCause.LATE, "some of it waits to be filed at the practice"),
}
# What is recorded under no heading may belong to any of several sections: none must look as if it were the one.
_ONE_OF_SEVERAL = "; it may be of another kind than this"
_OTHER_WARNING = (GapCause.FAULT, "said that something is missing from it, and not what")
_EMPTY = {
    **dict.fromkeys(("no-content-recorded", "nilknown", "notasked", "notstarted"), None),
    "withheld": (GapCause.REFUSED, "the practice keeps it back"),
}
_NOT_GIVEN = (GapCause.FAULT, "did not say whether anything is recorded")
_NOT_SENT = (GapCause.FAULT, "lists more than it sent")


def read_document(
    data: bytes,
    *,
    source: str,
    now: datetime,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    resident: ResidentIdentity | None = None,
) -> Read:
    """A structured record as bytes. ``resident`` None: nobody is compared with it; ``person`` is whom it names."""
    try:
        limits.allowance().spend(len(data))
        bundle = read_json(data, depth=limits.depth)
        return read_record(bundle, resident, asked=SECTIONS, areas=(), source=source, now=now)
    except Unanswered as error:
        return Read(None, no_answer(SECTIONS, error.cause, error.detail))


def read_record(
    bundle: Any,
    resident: ResidentIdentity | None,
    *,
    asked: frozenset[Section],
    areas: Iterable[str],
    source: str,
    now: datetime,
) -> Read:
    """A structured record. ``areas`` are those it must speak of, or its silence is a gap. Raises Unanswered."""
    resources = _resources(bundle)
    outcomes = [each for _, each in resources if each["resourceType"] == "OperationOutcome"]
    patient, url = _patient(resources, outcomes)
    person = _person(patient)
    if resident is not None:
        _cross_check(person, patient, resident)
    record = _record(resources, patient, url, now)
    answering = Answering(asked)
    off = refusals.state(answering, (issue for each in outcomes for issue in refusals.issues(each)))
    try:
        record.link()
        _lists(record, answering, frozenset(areas) - off)
    except _UNREADABLE as error:
        # Which items belong together is not known then, and half a prescription reads like a whole one.
        raise Unanswered(GapCause.MALFORMED, "sent lists that cannot be read") from error
    for key, resource in record.items.items():
        _read_one(key, resource, record, answering, source)
    return Read(person, answering.answer())


def _resources(bundle: Any) -> list[tuple[str, Json]]:
    """What a Bundle holds, each with its full URL."""
    try:
        if bundle["resourceType"] == "OperationOutcome":
            bundle = {"resourceType": "Bundle", "entry": [{"resource": bundle}]}
        if bundle["resourceType"] != "Bundle":
            raise TypeError("not a Bundle")
        found = [(entry.get("fullUrl") or "", entry["resource"]) for entry in many(bundle, "entry")]
        for url, resource in found:
            if type(url) is not str or type(resource["resourceType"]) is not str:
                raise TypeError("an entry that is no resource")
        return found
    except _UNREADABLE as error:
        raise Unanswered(GapCause.MALFORMED, "answered with a record that cannot be read") from error


def _patient(resources: list[tuple[str, Json]], outcomes: list[Json]) -> tuple[Json, str]:
    """The one person the record is about. Raises Unanswered for none and for more than one."""
    people = [(resource, url) for url, resource in resources if resource["resourceType"] == "Patient"]
    if not people:
        status = next((known for each in outcomes for known in refusals.reasons(each)), None)
        raise Unanswered(*(status or (GapCause.MALFORMED, "answered without saying about whom")))
    if any(resource != people[0][0] for resource, _ in people):
        raise Unanswered(GapCause.WRONG_PERSON, "answered about more than one person")
    return people[0]


def _person(patient: Json) -> ResidentIdentity:
    try:
        numbers = nhs_numbers(patient)
        born_on = date.fromisoformat(patient["birthDate"])
    except _UNREADABLE as error:
        raise Unanswered(GapCause.MALFORMED, "sent a person who cannot be read") from error
    if len(numbers) > 1:
        raise Unanswered(GapCause.WRONG_PERSON, "answered with more than one NHS number")
    return ResidentIdentity(next(iter(numbers), None), born_on)


def _cross_check(person: ResidentIdentity, patient: Json, resident: ResidentIdentity) -> None:
    if person.nhs_number is None or not resident.is_known_by(person.nhs_number):
        raise Unanswered(GapCause.WRONG_PERSON, "the NHS number does not agree")
    if patient["birthDate"] != resident.born_on.isoformat():
        raise Unanswered(GapCause.WRONG_PERSON, "the date of birth does not agree")


def _record(resources: list[tuple[str, Json]], patient: Json, url: str, now: datetime) -> Record:
    """Everything that came, to be found by its id. Ended allergies come inside their list, and count as having come."""
    own = f"Patient/{patient.get('id')}"
    record = Record(now, accepted=frozenset({own, url} - {""}), numbers=frozenset(nhs_numbers(patient)))
    indexed: dict[str, Json] = {}
    for place, (full_url, resource) in enumerate(resources):
        kind = resource["resourceType"]
        key = f"{kind}/{resource.get('id') or local(full_url).rpartition('/')[2] or place}"
        indexed[key] = indexed[full_url or key] = resource
        record.items.setdefault(key, resource)
        if kind == "List":
            _take_contained(key, resource, record)
    record.resources = indexed
    return record


def _take_contained(key: str, listed: Json, record: Record) -> None:
    contained = listed.get("contained")
    for place, resource in enumerate(contained if type(contained) is list else ()):
        if type(resource) is dict and type(resource.get("resourceType")) is str:
            name = f"{resource['resourceType']}/{resource.get('id') or place}"
            name = name if name not in record.items else f"{name}.{key.rpartition('/')[2]}"
            record.items[name] = resource
            record.within[name] = key


def _lists(record: Record, answering: Answering, areas: frozenset[str]) -> None:
    """State what the lists say is missing; and which areas had no list, though they were asked for."""
    silent = set(areas)
    for _, listed in record.of("List"):
        codes = {str(coding.get("code")) for coding in many(listed.get("code") or {}, "coding")}
        name = next((BY_LIST[code] for code in codes if code in BY_LIST), None)
        if name:
            silent.discard(name)
        elif not codes & {CONSULTATION, TOPIC, HEADING}:
            name = next((found for code in sorted(codes) if (found := secondary_area(code))), None)
        sections = AREAS[name].sections if name else answering.asked
        if not record.mine(listed):
            answering.gap(sections, GapCause.WRONG_PERSON, "in a List")
            continue
        for cause, detail in _missing(listed, record):
            answering.gap(sections, cause, detail + (_ONE_OF_SEVERAL if len(sections) > 1 else ""))
    for name in silent:
        answering.gap(AREAS[name].sections, *_NOT_GIVEN)


def _missing(listed: Json, record: Record) -> list[tuple[GapCause, str]]:
    warned = [value(each) for each in extended(listed, "ListWarningCode")]
    said = [each if type(each) is str else code_in(each) for each in warned]
    missing = [_WARNINGS.get(code, _OTHER_WARNING) for code in said]
    if (reason := code_in(listed.get("emptyReason"))) and (empty := _EMPTY.get(reason, _NOT_GIVEN)):
        missing.append(empty)
    references = [item.get("item") or {} for item in many(listed, "entry") if item.get("deleted") is not True]
    if any(record.follow(each, listed) is None for each in references):
        missing.append(_NOT_SENT)
    return missing


def _read_one(key: str, resource: Json, record: Record, answering: Answering, source: str) -> None:
    kind = resource["resourceType"]
    if kind not in TYPES:
        if kind not in SUPPORTING:
            answering.not_understood[kind[:64]] += 1
        return
    if key in record.told or not TYPES[kind].sections & answering.asked:
        return
    try:
        if entered_in_error(resource):
            answering.not_understood[f"{kind} (entered in error)"] += 1
            return
        if changed(resource):
            raise ValueError("something in it changes its meaning")
        drafts = TYPES[kind].read(key, resource, record)
        labels, restriction = record.stated(key)
        mine = kind == "Patient" or record.mine(resource)
        unread = not_read(kind, resource)
    except _UNREADABLE:
        answering.not_understood[f"{kind} (could not be read)"] += 1
        answering.gap(TYPES[kind].sections, GapCause.MALFORMED, f"sent a {kind} that could not be read")
        return
    if not mine:
        answering.gap({draft.section for draft in drafts}, GapCause.WRONG_PERSON, f"in a {kind}")
    elif restriction:
        answering.not_understood[f"{kind} (restricted: {restriction[:16]})"] += 1
    else:
        answering.not_understood.update(unread)
        for draft in drafts:
            answering.add(_entry(key, draft, resource, labels, record, source))


def _entry(
    key: str, draft: Draft, resource: Json, labels: frozenset[Sensitivity], record: Record, source: str
) -> RecordEntry:
    return RecordEntry(
        id=f"{key}#{draft.part}" if draft.part else key,
        section=draft.section,
        title=draft.title or "Not named by the source",
        provenance=Provenance(source, record.now, draft.organisation, draft.by),
        at=draft.at,
        status=draft.status,
        codes=draft.codes,
        details=draft.details,
        # What is linked to a part is linked to what shows it: the part is no entry, and would link nothing.
        linked=tuple(dict.fromkeys(found for each in draft.linked if (found := record.told.get(each, each)) != key)),
        stated_labels=labels,
        original=resource,
    )
