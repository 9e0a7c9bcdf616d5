"""The table of what is understood: STU3 resource types, the reader of each, its sections, and the elements it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.fhir_r4.reading import Draft
from adapters.fhir_r4.values import Json
from broker.vocabulary import Section as S

from . import care, clinical, medicines, people, results
from .areas import ALWAYS, UNCATEGORISED
from .record import Record
from .stu3 import name_of


@dataclass(frozen=True, slots=True)
class Type:
    """How one resource type is read. ``elements`` and ``extensions`` are those that are understood, by name."""

    read: Callable[[str, Json, Record], list[Draft]]
    sections: frozenset[S]
    elements: frozenset[str]
    extensions: frozenset[str]


def _type(
    read: Callable[[str, Json, Record], list[Draft]], sections: frozenset[S], elements: str, extensions: str = ""
) -> Type:
    return Type(read, sections, frozenset(elements.split()), frozenset(extensions.split()))


TYPES: Mapping[str, Type] = {
    "Patient": _type(
        people.patient,
        ALWAYS,
        "active name telecom gender birthDate deceasedBoolean deceasedDateTime address generalPractitioner "
        "managingOrganization communication",
        "RegistrationDetails NHSCommunication",
    ),
    "AllergyIntolerance": _type(
        clinical.allergy,
        frozenset({S.ALLERGIES}),
        "clinicalStatus verificationStatus type category criticality code onsetDateTime onsetAge onsetPeriod "
        "onsetRange onsetString assertedDate recorder asserter lastOccurrence note reaction",
        "AllergyIntoleranceEnd",
    ),
    "MedicationStatement": _type(
        medicines.statement,
        frozenset({S.MEDICATIONS}),
        "basedOn context status medicationReference medicationCodeableConcept effectivePeriod effectiveDateTime "
        "dateAsserted taken reasonNotTaken reasonCode note dosage",
        "MedicationStatementLastIssueDate PrescribingAgency",
    ),
    "MedicationRequest": _type(
        medicines.request,
        frozenset({S.MEDICATIONS}),
        "basedOn groupIdentifier status intent medicationReference medicationCodeableConcept context authoredOn "
        "requester recorder note dosageInstruction dispenseRequest",
        "PrescriptionType MedicationRepeatInformation MedicationStatusReason",
    ),
    "Condition": _type(
        clinical.problem,
        frozenset({S.PROBLEMS}),
        "clinicalStatus verificationStatus category severity code bodySite context onsetDateTime onsetAge onsetPeriod "
        "onsetRange onsetString abatementDateTime abatementAge abatementBoolean abatementPeriod abatementRange "
        "abatementString assertedDate asserter note",
        "ProblemSignificance ActualProblem RelatedClinicalContent",
    ),
    "Immunization": _type(
        clinical.immunisation,
        frozenset({S.VACCINATIONS}),
        "status notGiven vaccineCode encounter date primarySource lotNumber site route doseQuantity practitioner note "
        "explanation vaccinationProtocol",
        "VaccinationProcedure",
    ),
    "Observation": _type(
        results.observation,
        UNCATEGORISED | {S.RESULTS, S.VACCINATIONS},
        "basedOn status category code context effectiveDateTime effectivePeriod issued performer valueQuantity "
        "valueCodeableConcept valueString valueBoolean valueRange valueRatio valueTime valueDateTime valuePeriod "
        "dataAbsentReason interpretation comment bodySite method specimen referenceRange related component",
    ),
    "DiagnosticReport": _type(
        results.report,
        frozenset({S.RESULTS}),
        "basedOn status category code context effectiveDateTime issued performer specimen result conclusion "
        "codedDiagnosis",
    ),
    "Encounter": _type(
        care.consultation,
        frozenset({S.PROFESSIONAL_CONTACTS}),
        "status class type participant period reason diagnosis length location serviceProvider",
    ),
    "ReferralRequest": _type(
        care.referral,
        frozenset({S.REFERRALS}),
        "status intent type priority serviceRequested context occurrenceDateTime occurrencePeriod authoredOn requester "
        "specialty recipient reasonCode reasonReference description note",
    ),
    "ProcedureRequest": _type(
        care.diary_entry,
        frozenset({S.ACTIONS}),
        "status intent priority category code context occurrenceDateTime occurrencePeriod occurrenceTiming authoredOn "
        "requester performerType performer reasonCode reasonReference note specimen",
    ),
}

# Received to explain others, or to say what belongs together. Never an entry, and nothing not understood.
SUPPORTING = frozenset(
    {
        *("List", "Medication", "Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService"),
        *("Specimen", "OperationOutcome"),
    }
)

_STRUCTURE = frozenset(
    {"resourceType", "id", "meta", "language", "text", "contained", "identifier", "extension", "patient", "subject"}
)
# Said of an item by a practice's system for its own use, or told by what it is linked to.
_COMMON = frozenset({"RelatedProblemHeader", "encounter-associatedEncounter", "DateRecorded", "ParentPresent"})
_MOST_NAMES = 8  # of one resource: names are a stranger's, and a list of them is for an operator to read


def not_read(kind: str, resource: Json) -> list[str]:
    """The elements and extensions of a resource that no reader reads, as ``Type.element``."""
    known = TYPES[kind]
    elements = sorted(set(resource) - known.elements - _STRUCTURE)
    shown = [f"{kind}.{name}" for name in elements if not name.startswith("_") and name.isidentifier()]
    extensions = {name_of(each) for each in resource.get("extension") or ()} - known.extensions - _COMMON
    shown += [f"{kind}.extension({name})" for name in sorted(extensions) if name.replace("-", "").isalnum()]
    return [name[:64] for name in shown[:_MOST_NAMES]]
