"""What can be read at the FHIR side, type by type: the one table that routes, searches and the CapabilityStatement use.

What is not here does not work, and what is here is told. A search reads what a view already shows, so that nothing
can be found by a search that could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from broker.oauth import smart_scopes
from broker.vocabulary import Section

DEFAULT_PAGE, LARGEST_PAGE = 50, 200
# Parameters of every search, with their FHIR search parameter types.
EVERYWHERE: Mapping[str, str] = {"patient": "reference", "_id": "token"}
# Parameters that say how to answer.
RESULTS = ("_count", "_total", "_summary", "_include", "_revinclude", "_sort", "_format")
PROVENANCE = "Provenance:target"
PAGE = "_page"  # ours: where to go on


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of a type: its FHIR type, and the elements it reads."""

    kind: str  # token or date
    elements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Type:
    """``parameters`` by name; ``dated`` is the one that a search can be sorted by; ``includes`` by name: an element."""

    parameters: Mapping[str, Parameter]
    dated: str | None
    includes: Mapping[str, str]
    searched: bool = True
    read: bool = True


def _token(*elements: str) -> Parameter:
    return Parameter("token", elements)


def _date(*elements: str) -> Parameter:
    return Parameter("date", elements)


_CATEGORY = {"category": _token("category")}
_CODE = {"code": _token("code")}
_CLINICAL = {"clinical-status": _token("clinicalStatus")}
_MEDICINE = {"code": _token("medicationCodeableConcept")}
_SUBJECT = {"patient": "subject"}
_PATIENT = {"patient": "patient"}
_ENCOUNTER = {"patient": "subject", "encounter": "encounter"}


def _type(*named: Mapping[str, Parameter], dated: str | None = None, includes: Mapping[str, str] = _SUBJECT) -> Type:
    return Type({name: each for group in named for name, each in group.items()}, dated, includes)


TYPES: Mapping[str, Type] = {
    "Patient": Type({}, None, {}),
    "RelatedPerson": _type(includes=_PATIENT),
    "AllergyIntolerance": _type(
        {"category": _token("category"), "date": _date("recordedDate")},
        _CODE,
        _CLINICAL,
        dated="date",
        includes=_PATIENT,
    ),
    "MedicationRequest": _type(_MEDICINE, {"authoredon": _date("authoredOn")}, dated="authoredon", includes=_ENCOUNTER),
    "MedicationStatement": _type(
        _MEDICINE, _CATEGORY, {"effective": _date("effectiveDateTime", "effectivePeriod")}, dated="effective"
    ),
    "Condition": _type(
        *(_CATEGORY, _CODE, _CLINICAL, {"onset-date": _date("onsetDateTime", "onsetPeriod")}),
        dated="onset-date",
        includes=_ENCOUNTER,
    ),
    "Procedure": _type(
        *(_CATEGORY, _CODE, {"date": _date("performedDateTime", "performedPeriod")}), dated="date", includes=_ENCOUNTER
    ),
    "Immunization": _type(
        {"vaccine-code": _token("vaccineCode"), "date": _date("occurrenceDateTime")}, dated="date", includes=_PATIENT
    ),
    "Observation": _type(
        *(_CATEGORY, _CODE, {"date": _date("effectiveDateTime", "effectivePeriod", "effectiveInstant")}),
        dated="date",
        includes=_ENCOUNTER,
    ),
    "DiagnosticReport": _type(
        *(_CATEGORY, _CODE, {"date": _date("effectiveDateTime", "effectivePeriod")}), dated="date", includes=_ENCOUNTER
    ),
    "FamilyMemberHistory": _type({"date": _date("date")}, dated="date", includes=_PATIENT),
    "RiskAssessment": _type({"date": _date("occurrenceDateTime", "occurrencePeriod")}, dated="date"),
    "Encounter": _type({"date": _date("period")}, dated="date"),
    "Appointment": _type({"date": _date("start")}, dated="date", includes={}),
    "ServiceRequest": _type(_CATEGORY, _CODE, {"authored": _date("authoredOn")}, dated="authored", includes=_ENCOUNTER),
    "CarePlan": _type(_CATEGORY, {"date": _date("period")}, dated="date"),
    "Goal": _type(_CATEGORY, {"start-date": _date("startDate")}, dated="start-date"),
    "CareTeam": _type(_CATEGORY, {"date": _date("period")}, dated="date"),
    "EpisodeOfCare": _type({"date": _date("period")}, dated="date", includes=_PATIENT),
    "Flag": _type({"date": _date("period")}, dated="date"),
    "DocumentReference": _type(_CATEGORY, {"date": _date("date"), "type": _token("type")}, dated="date"),
    "QuestionnaireResponse": _type({"authored": _date("authored")}, dated="authored"),
    # A source's, of a record. At this address are the choices that a resident made here, which are another thing.
    "Consent": Type({}, None, {}, searched=False, read=False),
    # A directory's: about nobody, so it is searched for nobody. It comes with everything, and is read by its id.
    "HealthcareService": Type({}, None, {}, searched=False),
}


def sections_of(kinds: frozenset[str]) -> frozenset[Section]:
    """The sections that things of these types are shown in."""
    return frozenset[Section]().union(*(smart_scopes.SECTIONS[kind] for kind in kinds))


def parameters_of(kind: str) -> Mapping[str, str]:
    """Every search parameter of a type that selects, with its FHIR type."""
    own = {name: each.kind for name, each in TYPES[kind].parameters.items()}
    return {"_id": "token"} if kind == "Patient" else {**EVERYWHERE, **own}


def includes_of(kind: str) -> tuple[str, ...]:
    return tuple(f"{kind}:{name}" for name in TYPES[kind].includes)
