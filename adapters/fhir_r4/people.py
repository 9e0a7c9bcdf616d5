"""Readers of FHIR R4 Patient and RelatedPerson: who the resident is, their practice, contacts and needs.

The NHS number is never copied into an entry's details: whoever asks already has it, and nobody else needs it.
"""

from __future__ import annotations

from adapters.answering import details
from broker.vocabulary import ODS_CODE, Section

from .reading import Context, Draft
from .values import (
    Json,
    address,
    all_words,
    best_name,
    codings,
    dated,
    extension,
    many,
    moment,
    reachable,
    text,
    words,
)

_ETHNICITY = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory"
_INTERPRETER = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"


def patient(resource: Json, context: Context) -> list[Draft]:
    """A Patient holds several entries: demographics, practice, contacts, and needs in communicating."""
    drafts = [_demographics(resource), *_practices(resource, context), *_contacts(resource)]
    return [*drafts, *_needs(resource)]


def _demographics(resource: Json) -> Draft:
    homes = [address(item) for item in many(resource, "address") if item.get("use") != "old"]
    points = many(resource, "telecom")
    ethnicity = extension(resource, _ETHNICITY) or {}
    dead = resource.get("deceasedBoolean") is True
    return Draft(
        Section.DEMOGRAPHICS,
        best_name(many(resource, "name")) or "Name not given",
        details=details(
            ("Date of birth", dated(resource, "birthDate")),
            ("Gender", text(resource, "gender")),
            ("Address", "; ".join(filter(None, homes))),
            ("Telephone", reachable(points, "phone")),
            ("Text message", reachable(points, "sms")),
            ("Email", reachable(points, "email")),
            ("Ethnicity", words(ethnicity.get("valueCodeableConcept"))),
            ("Died", dated(resource, "deceasedDateTime") or ("yes" if dead else "")),
        ),
    )


def _practices(resource: Json, context: Context) -> list[Draft]:
    drafts = []
    for number, reference in enumerate(many(resource, "generalPractitioner"), start=1):
        practice = context.follow(reference, resource) or {}
        identifier = reference.get("identifier") or {}
        code = text(identifier, "value") if identifier.get("system") == ODS_CODE else ""
        name = context.named(reference, resource) or code
        if not name:
            continue
        homes = many(practice, "address")
        drafts.append(
            Draft(
                Section.GP_PRACTICE,
                name,
                details=details(
                    ("Practice code", code),
                    ("Address", address(homes[0]) if homes else ""),
                    ("Telephone", reachable(many(practice, "telecom"), "phone")),
                ),
                part=f"gp-practice-{number}",
            )
        )
    return drafts


def _contacts(resource: Json) -> list[Draft]:
    return [
        _contact([contact.get("name") or {}], contact, all_words(many(contact, "relationship")), number)
        for number, contact in enumerate(many(resource, "contact"), start=1)
    ]


def _contact(names: list[Json], resource: Json, relationship: str, number: int | None = None) -> Draft:
    homes = resource.get("address")
    points = many(resource, "telecom")
    listed = homes if type(homes) is list else [homes] if homes else []
    return Draft(
        Section.CONTACTS,
        best_name(names) or relationship or "Contact",
        details=details(
            ("Relationship", relationship),
            ("Telephone", reachable(points, "phone")),
            ("Email", reachable(points, "email")),
            ("Address", "; ".join(filter(None, map(address, listed)))),
        ),
        part=f"contact-{number}" if number else "",
    )


def _needs(resource: Json) -> list[Draft]:
    languages = [
        words(item.get("language")) + (" (preferred)" if item.get("preferred") is True else "")
        for item in many(resource, "communication")
    ]
    interpreter = (extension(resource, _INTERPRETER) or {}).get("valueBoolean") is True
    shown = details(("Language", "; ".join(filter(None, languages))), ("Interpreter", "needed" if interpreter else ""))
    if not shown:
        return []
    return [Draft(Section.INDIVIDUAL_REQUIREMENTS, "Language and communication", details=shown, part="communication")]


def related_person(resource: Json, context: Context) -> list[Draft]:
    draft = _contact(many(resource, "name"), resource, all_words(many(resource, "relationship")))
    draft.status = "" if resource.get("active", True) is not False else "inactive"
    draft.at = moment((resource.get("period") or {}).get("start"))
    draft.codes = tuple(coding for concept in many(resource, "relationship") for coding in codings(concept))
    return [draft]
