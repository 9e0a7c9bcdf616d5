"""Which search parameters each FHIR R4 resource type has here. One table, read by the search and by /metadata alike.

What is not in this table is not understood and is not advertised: the CapabilityStatement cannot promise more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

DEFINITION = "http://hl7.org/fhir/SearchParameter"


class Kind(StrEnum):
    """FHIR R4 SearchParameter.type, as far as it is used here."""

    TOKEN = "token"  # noqa: S105  # a search parameter of coded values
    REFERENCE = "reference"
    DATE = "date"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One search parameter: its R4 name, its type, and the elements it looks at (dotted paths).

    ``target`` is the one resource type a reference here points at; empty where it may be several.
    """

    name: str
    kind: Kind
    elements: tuple[str, ...]
    target: str = ""


def _token(name: str, *elements: str) -> SearchParameter:
    return SearchParameter(name, Kind.TOKEN, elements or (name,))


def _reference(name: str, *elements: str, target: str = "Patient") -> SearchParameter:
    return SearchParameter(name, Kind.REFERENCE, elements or (name,), target)


COMMON = (
    SearchParameter("_id", Kind.TOKEN, ("id",)),
    SearchParameter("_lastUpdated", Kind.DATE, ("meta.lastUpdated",)),
)

_SUBJECT = (_reference("patient", "subject"), _reference("subject"))
_PATIENT = (_reference("patient"),)
_CODE, _CATEGORY, _STATUS = _token("code"), _token("category"), _token("status")
_CLINICAL_STATUS = _token("clinical-status", "clinicalStatus")
_MEDICINE = (
    _token("code", "medicationCodeableConcept"),
    _reference("medication", "medicationReference", target="Medication"),
)

# FHIR R4 §2.1.1.4: whatever a resource calls its patient, a type not listed below is still found by it.
PATIENT_ELEMENTS = ("patient", "subject", "beneficiary", "for", "participant.actor", "individual", "target", "who")

_OF_TYPE: dict[str, tuple[SearchParameter, ...]] = {
    "Patient": (
        _token("identifier"),
        SearchParameter("birthdate", Kind.DATE, ("birthDate",)),
        SearchParameter("family", Kind.STRING, ("name.family",)),
        _reference("general-practitioner", "generalPractitioner", target=""),
    ),
    "AllergyIntolerance": (*_PATIENT, _CODE, _CATEGORY, _CLINICAL_STATUS),
    "Appointment": (_reference("patient", "participant.actor"), _STATUS),
    "CarePlan": (*_SUBJECT, _CATEGORY, _STATUS),
    "CareTeam": (*_SUBJECT, _CATEGORY, _STATUS),
    "Communication": (*_SUBJECT, _CATEGORY, _STATUS),
    "Composition": (*_SUBJECT, _CATEGORY, _STATUS, _token("type")),
    "Condition": (*_SUBJECT, _CODE, _CATEGORY, _CLINICAL_STATUS),
    "Consent": (*_PATIENT, _CATEGORY, _STATUS),
    "Coverage": (_reference("patient", "beneficiary"), _STATUS),
    "Device": (*_PATIENT, _token("type"), _STATUS),
    "DiagnosticReport": (*_SUBJECT, _CODE, _CATEGORY, _STATUS),
    "DocumentReference": (*_SUBJECT, _CATEGORY, _STATUS, _token("type")),
    "Encounter": (*_SUBJECT, _STATUS, _token("type"), _token("class")),
    "EpisodeOfCare": (*_PATIENT, _STATUS, _token("type")),
    "FamilyMemberHistory": (*_PATIENT, _CODE, _STATUS),
    "Flag": _SUBJECT,
    "Goal": (*_SUBJECT, _CATEGORY),
    "Immunization": (*_PATIENT, _STATUS, _token("vaccine-code", "vaccineCode")),
    "List": (*_SUBJECT, _CODE, _STATUS),
    "MedicationRequest": (*_SUBJECT, *_MEDICINE, _CATEGORY, _STATUS),
    "MedicationStatement": (*_SUBJECT, *_MEDICINE, _CATEGORY, _STATUS),
    "Observation": (*_SUBJECT, _CODE, _CATEGORY, _STATUS),
    "Procedure": (*_SUBJECT, _CODE, _CATEGORY, _STATUS),
    "QuestionnaireResponse": (*_SUBJECT, _STATUS),
    "RelatedPerson": _PATIENT,
    "RiskAssessment": _SUBJECT,
    "ServiceRequest": (*_SUBJECT, _CODE, _CATEGORY, _STATUS),
    "Task": (_reference("patient", "for"), _reference("subject", "for"), _CODE, _STATUS),
    "HealthcareService": (_token("identifier"),),
    "Location": (_token("identifier"),),
    "Medication": (_CODE, _STATUS),
    "Organization": (_token("identifier"),),
    "Practitioner": (_token("identifier"),),
    "PractitionerRole": (_token("identifier"),),
}
TABLE: Mapping[str, Mapping[str, SearchParameter]] = MappingProxyType(
    {kind: {p.name: p for p in (*COMMON, *own)} for kind, own in _OF_TYPE.items()}
)
_UNLISTED = {p.name: p for p in (*COMMON, _reference("patient", *PATIENT_ELEMENTS))}


def parameters_of(kind: str) -> Mapping[str, SearchParameter]:
    """Every search parameter of ``kind``; a type the table does not list is found by id, date and patient."""
    return TABLE.get(kind, _UNLISTED)


def references_of(kind: str) -> dict[str, SearchParameter]:
    """The parameters of ``kind`` that are references: what ``_include`` may name."""
    return {name: p for name, p in parameters_of(kind).items() if p.kind is Kind.REFERENCE}


def patient_references(kind: str) -> dict[str, SearchParameter]:
    """Those of them that point at a patient: what ``_revinclude`` may name in a search for Patient."""
    return {name: p for name, p in references_of(kind).items() if p.target == "Patient"}


def includes_of(kind: str) -> tuple[str, ...]:
    return tuple(f"{kind}:{name}" for name in references_of(kind))


def reverse_includes(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """What a search for Patient may name in ``_revinclude``, where the server knows ``kinds``."""
    return tuple(f"{kind}:{name}" for kind in sorted(kinds) for name in patient_references(kind))
