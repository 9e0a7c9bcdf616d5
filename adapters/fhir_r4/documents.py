"""Read one FHIR R4 document, a Bundle or a single resource, as the adapter reads an answer. Asks nobody for anything.

A document is about one person: the Patient its Composition names, or the only Patient in it. Where that is in doubt,
nothing of it is used.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from adapters.answering import Answering, Limits, Read, Unanswered, no_answer
from adapters.strict_json import read_json
from broker.records.source import ResidentIdentity
from broker.vocabulary import GapCause, Section

from .intake import Intake
from .person import cross_check, names_of, numbers_of
from .reading import local
from .search import Found
from .types import SECTIONS
from .values import Json, many, nhs_numbers

_LIMITS = Limits()
_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError)


def read_document(
    data: bytes, *, source: str, now: datetime, limits: Limits = _LIMITS, resident: ResidentIdentity | None = None
) -> Read:
    """Whom a document says it is about, and all it says of them. See ``reading_files.Reader``."""
    person: ResidentIdentity | None = None
    try:
        found = _resources(data, limits)
        patient, url = _subject(found)
        person = _person(patient)
        if resident is not None:
            cross_check(patient, resident, None)
    except Unanswered as error:
        return Read(person, no_answer(SECTIONS, error.cause, error.detail))
    except _UNREADABLE:
        return Read(person, no_answer(SECTIONS, GapCause.MALFORMED, "is not a FHIR document that can be read"))
    answering = Answering(frozenset(Section))
    known = numbers_of(resident) if resident else numbers_of(person) if person else ()
    intake = Intake(answering, source, now, names_of(patient, url, ""), frozenset(known))
    intake.take(found, patient, SECTIONS)
    intake.read_at_once()
    return Read(person, answering.answer())


def _resources(data: bytes, limits: Limits) -> Found:
    if len(data) > limits.answer_bytes:
        raise Unanswered(GapCause.TOO_LARGE, f"is more than {limits.answer_bytes:,} bytes")
    document: Any = read_json(data, depth=limits.depth)
    found = Found()
    entries = many(document, "entry") if document["resourceType"] == "Bundle" else [{"resource": document}]
    for entry in entries:
        resource = entry["resource"]
        if resource["resourceType"] == "OperationOutcome":
            found.issues.extend(many(resource, "issue"))
        elif resource["resourceType"] != "Composition":
            found.resources.append((resource, entry.get("fullUrl") or "", resource["resourceType"] == "Patient"))
        else:
            _names_subject(resource, found)
    return found


def _names_subject(composition: Json, found: Found) -> None:
    """Keep whom a Composition says the document is about, as the ``self`` of the document."""
    target = (composition.get("subject") or {}).get("reference")
    if type(target) is str:
        found.echoed = found.echoed | {target}


def _subject(found: Found) -> tuple[Json, str]:
    """The Patient a document is about. Raises Unanswered where there is none, or where it could be several."""
    patients = [(resource, url) for resource, url, _ in found.resources if resource["resourceType"] == "Patient"]
    if found.echoed:
        patients = [
            (patient, url)
            for patient, url in patients
            if all(said == url or local(said) == f"Patient/{patient.get('id')}" for said in found.echoed)
        ]
    if not patients:
        raise Unanswered(GapCause.WRONG_PERSON, "says of nobody that it is about them")
    if len(patients) > 1:
        raise Unanswered(GapCause.WRONG_PERSON, "is about more than one person")
    return patients[0]


def _person(patient: Json) -> ResidentIdentity | None:
    """The person as the document states them; None without one NHS number and a whole date of birth."""
    numbers, born_on = nhs_numbers(patient), patient.get("birthDate")
    if len(numbers) != 1 or type(born_on) is not str or len(born_on) != 10:
        return None
    return ResidentIdentity(numbers.pop(), date.fromisoformat(born_on))
