"""Readers of a structured record's Patient: who the resident is, their practice, and how to talk with them.

The NHS number is never copied into an entry's details: whoever asks already has it, and nobody else needs it.
"""

from __future__ import annotations

from adapters.answering import details
from adapters.fhir_r4.reading import Draft
from adapters.fhir_r4.values import Json, address, best_name, dated, many, period, reachable, text, words
from broker.vocabulary import ODS_CODE, Section

from .record import Record
from .stu3 import extended, part, value


def patient(key: str, resource: Json, record: Record) -> list[Draft]:
    return [_demographics(resource), *_practice(resource, record), *_needs(resource)]


def _demographics(resource: Json) -> Draft:
    homes = [address(item) for item in many(resource, "address") if item.get("use") != "old"]
    points = many(resource, "telecom")
    dead = resource.get("deceasedBoolean") is True
    return Draft(
        Section.DEMOGRAPHICS,
        best_name(many(resource, "name")) or "Name not given",
        details=details(
            ("Date of birth", dated(resource, "birthDate")),
            ("Gender", text(resource, "gender")),
            ("Address", "; ".join(filter(None, homes))),
            ("Telephone", reachable(points, "phone")),
            ("Email", reachable(points, "email")),
            ("Died", dated(resource, "deceasedDateTime") or ("yes" if dead else "")),
        ),
    )


def _practice(resource: Json, record: Record) -> list[Draft]:
    practice = record.follow(resource.get("managingOrganization"), resource) or {}
    usual = [record.named(each, resource) for each in many(resource, "generalPractitioner")]
    codes = [text(each, "value") for each in many(practice, "identifier") if each.get("system") == ODS_CODE]
    name = record.named(resource.get("managingOrganization"), resource) or ", ".join(codes)
    if not name:
        return []
    homes = many(practice, "address")
    registered = [part(each, "registrationPeriod") for each in extended(resource, "RegistrationDetails")]
    return [
        Draft(
            Section.GP_PRACTICE,
            name,
            details=details(
                ("Practice code", ", ".join(codes)),
                ("Usual doctor", ", ".join(filter(None, usual))),
                ("Registered", "; ".join(filter(None, (period(value(each)) for each in registered)))),
                ("Address", address(homes[0]) if homes else ""),
                ("Telephone", reachable(many(practice, "telecom"), "phone")),
            ),
            part="gp-practice-1",
        )
    ]


def _needs(resource: Json) -> list[Draft]:
    languages, interpreter = [], False
    for spoken in extended(resource, "NHSCommunication"):
        preferred = value(part(spoken, "preferred")) is True
        languages.append(words(value(part(spoken, "language"))) + (" (preferred)" if preferred else ""))
        interpreter = interpreter or value(part(spoken, "interpreterRequired")) is True
    for spoken in many(resource, "communication"):
        languages.append(words(spoken.get("language")) + (" (preferred)" if spoken.get("preferred") is True else ""))
    shown = details(("Language", "; ".join(filter(None, languages))), ("Interpreter", "needed" if interpreter else ""))
    if not shown:
        return []
    return [Draft(Section.INDIVIDUAL_REQUIREMENTS, "Language and communication", details=shown, part="communication")]
