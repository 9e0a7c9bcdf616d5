"""The table of what is understood: FHIR R4 resource types, the reader of each, and the sections it may fill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from broker.vocabulary import Section as S

from . import care, clinical, medicines, observations, papers, people, plans
from .reading import Context, Draft
from .values import Json


@dataclass(frozen=True, slots=True)
class Type:
    """How one resource type is read. ``with_also`` are search parameters whose targets must come along (_include)."""

    read: Callable[[Json, Context], list[Draft]]
    sections: frozenset[S]
    with_also: tuple[str, ...] = ()


def _type(read: Callable[[Json, Context], list[Draft]], *sections: S, also: tuple[str, ...] = ()) -> Type:
    return Type(read, frozenset(sections), also)


# Sections a source may itself name in ``category`` (see reading.stated_section), beyond the usual ones.
_STATED = (S.ABOUT_ME, S.HOUSING, S.MONEY, S.VCFSE_SUPPORT, S.WISHES, S.ADVICE_GIVEN, S.FORMULATION)

TYPES: Mapping[str, Type] = {
    "Patient": _type(people.patient, S.DEMOGRAPHICS, S.GP_PRACTICE, S.CONTACTS, S.INDIVIDUAL_REQUIREMENTS),
    "RelatedPerson": _type(people.related_person, S.CONTACTS),
    "AllergyIntolerance": _type(clinical.allergy, S.ALLERGIES),
    "MedicationRequest": _type(medicines.medication_request, S.MEDICATIONS, also=("medication",)),
    "MedicationStatement": _type(medicines.medication_statement, S.MEDICATIONS, also=("medication",)),
    "Condition": _type(clinical.condition, S.PROBLEMS, S.PREGNANCY, S.SOCIAL_CONTEXT, S.HOUSING, S.MONEY, S.RISKS),
    "Procedure": _type(clinical.procedure, S.PROCEDURES),
    "Immunization": _type(clinical.immunization, S.VACCINATIONS),
    "Observation": _type(
        observations.observation,
        *(S.RESULTS, S.OBSERVATIONS, S.ASSESSMENTS, S.SOCIAL_CONTEXT, S.PREGNANCY, S.HOUSING, S.MONEY),
        *(S.ABOUT_ME, S.WISHES, S.ADVICE_GIVEN, S.FORMULATION),
    ),
    "DiagnosticReport": _type(observations.diagnostic_report, S.RESULTS),
    "FamilyMemberHistory": _type(clinical.family_history, S.FAMILY_HISTORY),
    "RiskAssessment": _type(clinical.risk, S.RISKS),
    "Encounter": _type(care.encounter, S.ADMISSIONS, S.PROFESSIONAL_CONTACTS),
    "Appointment": _type(care.appointment, S.APPOINTMENTS, S.PROFESSIONAL_CONTACTS),
    "ServiceRequest": _type(care.service_request, S.REFERRALS, S.ACTIONS),
    "CarePlan": _type(plans.care_plan, S.CARE_PLAN, S.CONTINGENCY, S.ACTIONS),
    "Goal": _type(plans.goal, S.CARE_PLAN),
    "CareTeam": _type(care.care_team, S.SERVICES),
    "EpisodeOfCare": _type(care.episode, S.SERVICES),
    "Flag": _type(
        plans.flag,
        *(S.ALERTS, S.INDIVIDUAL_REQUIREMENTS, S.SAFEGUARDING, S.RISKS, S.CONTINGENCY, S.RESEARCH, S.LEGAL),
    ),
    "DocumentReference": _type(papers.document, S.DOCUMENTS, S.CONTINGENCY, *_STATED),
    "QuestionnaireResponse": _type(papers.form, S.ASSESSMENTS, *_STATED),
    "Consent": _type(papers.consent, S.LEGAL, S.RESEARCH),
}

SECTIONS = frozenset(section for known in TYPES.values() for section in known.sections)

# Received to explain others: a medicine's name, a practice's address. Never an entry, and nothing not understood.
SUPPORTING = frozenset(
    {"Medication", "Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService"}
)


def types_for(sections: frozenset[S]) -> tuple[str, ...]:
    """The types that may fill one of ``sections``, without Patient, which is always asked for."""
    return tuple(name for name, known in TYPES.items() if name != "Patient" and known.sections & sections)
