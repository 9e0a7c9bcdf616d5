"""An entry as a FHIR R4 resource of its section's natural type, for sources that do not speak FHIR R4.

Says what the entry says and no more: a status that no code has is ``unknown`` or left out, a name without a code is
text, and what a source calls something is never turned into a code. No identifier of a source's own is made here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from typing import Any

from broker.oauth import smart_scopes
from broker.records.source import RecordEntry
from broker.vocabulary import OWN, Section

Json = dict[str, Any]
XHTML = "http://www.w3.org/1999/xhtml"
NULL_FLAVOUR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"

# What sources write, as the codes of the types have it. Whatever is not here has no code.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "active": ("active", "in-progress", "current"),
    "current": ("active", "in-progress"),
    "open": ("active", "in-progress"),
    "in-progress": ("in-progress", "active"),
    "planned": ("planned", "draft"),
    "booked": ("planned",),
    "proposed": ("planned", "proposed", "draft"),
    "draft": ("draft",),
    "suspended": ("suspended", "on-hold", "onhold", "inactive"),
    "on-hold": ("on-hold", "suspended", "inactive"),
    "completed": ("completed", "finished", "resolved", "inactive"),
    "complete": ("completed", "finished", "resolved", "inactive"),
    "finished": ("finished", "completed", "inactive"),
    "closed": ("finished", "completed", "inactive"),
    "ended": ("finished", "completed", "inactive"),
    "stopped": ("stopped", "revoked", "inactive"),
    "inactive": ("inactive",),
    "resolved": ("resolved", "inactive"),
    "past": ("inactive", "finished", "completed"),
    "cancelled": ("cancelled", "revoked", "inactive"),
    "final": ("final", "completed"),
    "preliminary": ("preliminary",),
    "amended": ("amended",),
    "not-done": ("not-done",),
    "not-taken": ("not-taken",),
}
_CARE_PLAN = ("draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown")
_REQUEST = ("draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown")
_EVENT = (
    *("preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error", "unknown"),
)
_MEDICINE = (*("active", "completed", "entered-in-error", "intended", "stopped", "on-hold", "unknown", "not-taken"),)
_RESULT = ("registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown")
_VISIT = ("planned", "arrived", "in-progress", "onleave", "finished", "cancelled", "unknown")
_TEAM = ("proposed", "active", "suspended", "inactive", "entered-in-error")
_FAMILY = ("partial", "completed", "entered-in-error", "health-unknown")


def resource_of(entry: RecordEntry, patient: str) -> Json:
    """The resource, without ``id`` and ``meta``. ``patient`` is how the resident is referred to."""
    kind = smart_scopes.NATURAL[entry.section][0]
    made: Json = {"resourceType": kind, "text": narrative(entry), **_TYPES[kind](entry, {"reference": patient})}
    if said := _details(entry):
        made["extension"] = said
    return {name: value for name, value in made.items() if value not in (None, "", [], {})}


def narrative(entry: RecordEntry) -> Json:
    """What the entry says, to be read: its title and its details."""
    rows = "".join(f"<dt>{_plain(label)}</dt><dd>{_plain(text)}</dd>" for label, text in entry.details if text)
    listed = f"<dl>{rows}</dl>" if rows else ""
    return {"status": "generated", "div": f'<div xmlns="{XHTML}"><p>{_plain(entry.title)}</p>{listed}</div>'}


def _plain(text: str) -> str:
    return escape(_sayable(text))


def _sayable(text: str) -> str:
    """``text`` as a FHIR string may be: no control character, and something to read."""
    return "".join(letter for letter in text if letter in "\t\n" or ord(letter) >= 32).strip() or "Not named"


def _details(entry: RecordEntry) -> list[Json]:
    return [
        {"url": f"{OWN}:detail:{slug(label)}", "valueString": _sayable(text)} for label, text in entry.details if text
    ]


def slug(label: str) -> str:
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in label.lower()).split()) or "detail"


def _concept(entry: RecordEntry) -> Json:
    """The entry's name, with its codes where it has any."""
    coding = [
        {"system": code.system, "code": code.code, **({"display": code.display} if code.display.strip() else {})}
        for code in entry.codes
        if _is_uri(code.system) and _is_code(code.code)
    ]
    return {**({"coding": coding} if coding else {}), "text": _sayable(entry.title)}


def _is_uri(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", text))


def _is_code(text: str) -> bool:
    return bool(re.fullmatch(r"\S+( \S+)*", text))


def _status(entry: RecordEntry, allowed: tuple[str, ...], otherwise: str | None = "unknown") -> str | None:
    """The entry's status as one of ``allowed``; ``otherwise`` where it is none of those, or not said."""
    words = [word.strip().lower().replace(" ", "-") for word in entry.status.split(",")]
    for word in words:
        if word in allowed:
            return word
        if found := next((each for each in _WORDS.get(word, ()) if each in allowed), None):
            return found
    return otherwise


def _when(entry: RecordEntry) -> str | None:
    """A date, or an instant with its zone, as a FHIR dateTime."""
    return entry.at.isoformat() if entry.at is not None else None


def _began(entry: RecordEntry) -> Json | None:
    return {"start": _when(entry)} if entry.at is not None else None


def _day(entry: RecordEntry) -> str | None:
    return entry.at.isoformat()[:10] if entry.at is not None else None


def _detail(entry: RecordEntry, *labels: str) -> str:
    return next((text for label, text in entry.details if label.lower() in labels and text), "")


def _heading(entry: RecordEntry) -> Json:
    """The section, as a category: what tells housing from money where both are one type."""
    section = entry.section
    return {"coding": [{"system": section.system, "code": section.value, "display": section.label}]}


def _clinical(system: str, status: str | None) -> Json | None:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": status}]} if status else None


def _allergy(entry: RecordEntry, patient: Json) -> Json:
    status = _status(entry, ("active", "inactive", "resolved"), None)
    return {
        # R4 asks for one (ait-1). What is in a list of allergies and not said to be past is in force.
        "clinicalStatus": _clinical("allergyintolerance-clinical", status or "active"),
        "code": _concept(entry),
        "patient": patient,
        "recordedDate": _when(entry),
        "note": _note(_detail(entry, "reaction"), "Reaction"),
    }


def _note(text: str, label: str) -> list[Json]:
    return [{"text": f"{label}: {_sayable(text)}"}] if text else []


def _medicine(entry: RecordEntry, patient: Json) -> Json:
    dose = _detail(entry, "dose", "dosage", "how to take it", "directions")
    return {
        "status": _status(entry, _MEDICINE),
        "medicationCodeableConcept": _concept(entry),
        "subject": patient,
        "effectiveDateTime": _when(entry),
        "dosage": [{"text": _sayable(dose)}] if dose else [],
    }


def _condition(entry: RecordEntry, patient: Json) -> Json:
    allowed = ("active", "recurrence", "relapse", "inactive", "remission", "resolved")
    return {
        "clinicalStatus": _clinical("condition-clinical", _status(entry, allowed, None)),
        "category": [_heading(entry)],
        "code": _concept(entry),
        "subject": patient,
        "onsetDateTime": _when(entry),
    }


def _procedure(entry: RecordEntry, patient: Json) -> Json:
    return {
        "status": _status(entry, _EVENT),
        "code": _concept(entry),
        "subject": patient,
        "performedDateTime": _when(entry),
    }


def _immunization(entry: RecordEntry, patient: Json) -> Json:
    when = {"occurrenceDateTime": _when(entry)} if entry.at else {"occurrenceString": "Not said"}
    status = _status(entry, ("completed", "entered-in-error", "not-done"), None)
    not_given = "not given" in entry.title.lower() or "declined" in entry.status.lower()
    return {
        "status": status or ("not-done" if not_given else "completed"),
        "vaccineCode": _concept(entry),
        "patient": patient,
        **when,
    }


def _observation(entry: RecordEntry, patient: Json) -> Json:
    value = _detail(entry, "value", "result", "score")
    return {
        "status": _status(entry, _RESULT),
        "category": [*smart_scopes.categories_of(entry.section), _heading(entry)],
        "code": _concept(entry),
        "subject": patient,
        "effectiveDateTime": _when(entry),
        "valueString": _sayable(value) if value else None,
    }


def _relative(entry: RecordEntry, patient: Json) -> Json:
    relation = _detail(entry, "relative", "relation", "relationship") or "Not said"
    return {
        "status": _status(entry, _FAMILY, "partial"),
        "patient": patient,
        "date": _when(entry),
        "relationship": {
            "coding": [{"system": f"{_TERMINOLOGY}/v3-RoleCode", "code": "FAMMEMB", "display": "family member"}],
            "text": _sayable(relation),
        },
        "condition": [{"code": _concept(entry)}],
    }


def _visit(entry: RecordEntry, patient: Json) -> Json:
    status = _status(entry, _VISIT, None)
    return {
        "status": status or ("planned" if entry.section is Section.APPOINTMENTS else "unknown"),
        "class": {"system": NULL_FLAVOUR, "code": "UNK", "display": "unknown"},
        "type": [_concept(entry)],
        "subject": patient,
        "period": _began(entry),
    }


def _referral(entry: RecordEntry, patient: Json) -> Json:
    return {
        "status": _status(entry, _REQUEST),
        "intent": "order" if entry.section is Section.REFERRALS else "plan",
        "category": [_heading(entry)],
        "code": _concept(entry),
        "subject": patient,
        "authoredOn": _when(entry),
    }


def _plan(entry: RecordEntry, patient: Json) -> Json:
    return {
        "status": _status(entry, _CARE_PLAN),
        "intent": "plan",
        "category": [_heading(entry)],
        "title": _sayable(entry.title),
        "subject": patient,
        "period": _began(entry),
        "description": "; ".join(f"{label}: {_sayable(text)}" for label, text in entry.details if text),
    }


def _team(entry: RecordEntry, patient: Json) -> Json:
    return {
        "status": _status(entry, _TEAM, None),
        "category": [_heading(entry)],
        "name": _sayable(entry.title),
        "subject": patient,
        "period": _began(entry),
    }


def _flag(entry: RecordEntry, patient: Json) -> Json:
    return {
        "status": _status(entry, ("active", "inactive"), "active"),
        "category": [_heading(entry)],
        "code": _concept(entry),
        "subject": patient,
        "period": _began(entry),
    }


def _form(entry: RecordEntry, patient: Json) -> Json:
    said = [
        {"linkId": str(number), "text": _sayable(label), "answer": [{"valueString": _sayable(text)}]}
        for number, (label, text) in enumerate(entry.details, start=1)
        if text
    ]
    return {
        "status": _status(entry, ("in-progress", "completed", "amended", "stopped"), "completed"),
        "subject": patient,
        "authored": _when(entry),
        "item": said or [{"linkId": "1", "text": _sayable(entry.title)}],
    }


def _document(entry: RecordEntry, patient: Json) -> Json:
    return {
        "status": "current",
        "type": _concept(entry),
        "subject": patient,
        "date": _instant(entry),
        "description": _sayable(entry.title),
        # What it is called, and never where it is kept: an address may be opened by whoever has it.
        "content": [{"attachment": {"title": _sayable(entry.title), "creation": _when(entry)}}]
        if entry.at
        else [{"attachment": {"title": _sayable(entry.title)}}],
    }


def _instant(entry: RecordEntry) -> str | None:
    return entry.at.isoformat() if isinstance(entry.at, datetime) and entry.at.tzinfo is not None else None


def _contact(entry: RecordEntry, patient: Json) -> Json:
    relation = _detail(entry, "relationship", "relation", "role")
    return {
        "patient": patient,
        "relationship": [{"text": _sayable(relation)}] if relation else [],
        "name": [{"text": _sayable(entry.title)}],
        "period": _began(entry),
    }


def _person(entry: RecordEntry, patient: Json) -> Json:
    return {"name": [{"text": _sayable(entry.title)}]}


def _service(entry: RecordEntry, patient: Json) -> Json:
    more = "; ".join(f"{label}: {_sayable(text)}" for label, text in entry.details if text)
    return {"name": _sayable(entry.title), "type": [_concept(entry)] if entry.codes else [], "extraDetails": more}


_TYPES: Mapping[str, Callable[[RecordEntry, Json], Json]] = {
    "AllergyIntolerance": _allergy,
    "CarePlan": _plan,
    "CareTeam": _team,
    "Condition": _condition,
    "DocumentReference": _document,
    "Encounter": _visit,
    "FamilyMemberHistory": _relative,
    "Flag": _flag,
    "HealthcareService": _service,
    "Immunization": _immunization,
    "MedicationStatement": _medicine,
    "Observation": _observation,
    "Patient": _person,
    "Procedure": _procedure,
    "QuestionnaireResponse": _form,
    "RelatedPerson": _contact,
    "ServiceRequest": _referral,
}
