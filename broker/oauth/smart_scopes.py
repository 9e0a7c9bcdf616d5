"""SMART scopes (SMART App Launch 2.2 §3): how they are written, and which sections of a record each is about.

A scope says what may be asked, never what is shown: policy decides that, live. Nothing is ever written here, so a scope
to create, update or delete is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from broker.vocabulary import Section as S

LAUNCH_PATIENT = "launch/patient"
OFFLINE, ONLINE = "offline_access", "online_access"
RENEWING = frozenset({OFFLINE, ONLINE})  # says how long, and nothing of whom or what
SUFFIX = "rs"  # reading and searching together: every view is both
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_GRAMMAR = re.compile(
    r"(?P<context>patient|user|system)/(?P<type>[A-Z][A-Za-z]{1,40}|\*)"
    r"\.(?P<may>read|write|\*|(?=[cruds])c?r?u?d?s?)"
    r"(?:\?(?P<query>[!-~]{1,200}))?"
)
_OLDER = {"read": "rs", "write": "cud", "*": "cruds"}  # SMART 1.0's words

_STATED = (S.ABOUT_ME, S.HOUSING, S.MONEY, S.VCFSE_SUPPORT, S.WISHES, S.ADVICE_GIVEN, S.FORMULATION)
R4 = "4.0"  # what ``RecordEntry.fhir_release`` says of an entry whose original is an R4 resource
# What an entry becomes whose source does not speak FHIR R4: its section's natural type, and a category it states.
NATURAL: Mapping[S, tuple[str, str]] = {
    S.ABOUT_ME: ("QuestionnaireResponse", ""),
    S.DEMOGRAPHICS: ("Patient", ""),
    S.GP_PRACTICE: ("CareTeam", ""),
    S.CONTACTS: ("RelatedPerson", ""),
    S.INDIVIDUAL_REQUIREMENTS: ("Flag", ""),
    S.RESEARCH: ("Flag", ""),
    S.LEGAL: ("Flag", ""),
    S.ALERTS: ("Flag", ""),
    S.RISKS: ("Flag", ""),
    S.SAFEGUARDING: ("Flag", ""),
    S.ALLERGIES: ("AllergyIntolerance", ""),
    S.MEDICATIONS: ("MedicationStatement", ""),
    S.PROBLEMS: ("Condition", ""),
    S.PROCEDURES: ("Procedure", ""),
    S.VACCINATIONS: ("Immunization", ""),
    S.RESULTS: ("Observation", ""),  # of a laboratory or an image: the source did not say
    S.OBSERVATIONS: ("Observation", "exam"),
    S.ASSESSMENTS: ("Observation", "survey"),
    S.FAMILY_HISTORY: ("FamilyMemberHistory", ""),
    S.SOCIAL_CONTEXT: ("Observation", "social-history"),
    S.PREGNANCY: ("Observation", "social-history"),
    S.SERVICES: ("CareTeam", ""),
    S.REFERRALS: ("ServiceRequest", ""),
    S.APPOINTMENTS: ("Encounter", ""),  # an Appointment must say when it ends, and few sources do
    S.PROFESSIONAL_CONTACTS: ("Encounter", ""),
    S.ADMISSIONS: ("Encounter", ""),
    S.ACTIONS: ("ServiceRequest", ""),
    S.CARE_PLAN: ("CarePlan", ""),
    S.CONTINGENCY: ("CarePlan", ""),
    S.FORMULATION: ("QuestionnaireResponse", ""),
    S.WISHES: ("QuestionnaireResponse", ""),
    S.ADVICE_GIVEN: ("QuestionnaireResponse", ""),
    S.HOUSING: ("Observation", "social-history"),
    S.MONEY: ("Observation", "social-history"),
    S.WORK: ("Observation", "social-history"),
    S.CARING: ("Observation", "social-history"),
    S.LONELINESS: ("Observation", "social-history"),
    S.VCFSE_SUPPORT: ("CareTeam", ""),
    S.SIGNPOSTING: ("HealthcareService", ""),
    S.DOCUMENTS: ("DocumentReference", ""),
}
# Each resource type, and the sections it is shown in.
SECTIONS: Mapping[str, frozenset[S]] = {
    name: frozenset(sections) | frozenset(section for section, (kind, _) in NATURAL.items() if kind == name)
    for name, sections in {
        "Patient": (S.DEMOGRAPHICS,),
        "RelatedPerson": (S.CONTACTS,),
        "AllergyIntolerance": (S.ALLERGIES,),
        "MedicationRequest": (S.MEDICATIONS,),
        "MedicationStatement": (S.MEDICATIONS,),
        "Condition": (S.PROBLEMS, S.PREGNANCY, S.SOCIAL_CONTEXT, S.HOUSING, S.MONEY, S.RISKS),
        "Procedure": (S.PROCEDURES,),
        "Immunization": (S.VACCINATIONS,),
        "Observation": (
            *(S.RESULTS, S.OBSERVATIONS, S.ASSESSMENTS, S.SOCIAL_CONTEXT, S.PREGNANCY, S.HOUSING, S.MONEY),
            *(S.ABOUT_ME, S.WISHES, S.ADVICE_GIVEN, S.FORMULATION),
        ),
        "DiagnosticReport": (S.RESULTS,),
        "FamilyMemberHistory": (S.FAMILY_HISTORY,),
        "RiskAssessment": (S.RISKS,),
        "Encounter": (S.ADMISSIONS, S.PROFESSIONAL_CONTACTS),
        "Appointment": (S.APPOINTMENTS, S.PROFESSIONAL_CONTACTS),
        "ServiceRequest": (S.REFERRALS, S.ACTIONS),
        "CarePlan": (S.CARE_PLAN, S.CONTINGENCY, S.ACTIONS),
        "Goal": (S.CARE_PLAN,),
        "CareTeam": (S.SERVICES,),
        "EpisodeOfCare": (S.SERVICES,),
        "Flag": (*(S.ALERTS, S.INDIVIDUAL_REQUIREMENTS, S.SAFEGUARDING, S.RISKS, S.CONTINGENCY, S.RESEARCH, S.LEGAL),),
        "DocumentReference": (S.DOCUMENTS, S.CONTINGENCY, *_STATED),
        "QuestionnaireResponse": (S.ASSESSMENTS, *_STATED),
        "Consent": (S.LEGAL, S.RESEARCH),
        "HealthcareService": (),
        "*": tuple(S),
    }.items()
}
# The categories a scope may be narrowed to (``?category=``), and the sections each is shown in.
CATEGORIES: Mapping[tuple[str, str], frozenset[S]] = {
    ("Observation", f"{OBSERVATION_CATEGORY}|laboratory"): frozenset({S.RESULTS}),
    ("Observation", f"{OBSERVATION_CATEGORY}|imaging"): frozenset({S.RESULTS}),
    ("Observation", f"{OBSERVATION_CATEGORY}|vital-signs"): frozenset({S.OBSERVATIONS}),
    ("Observation", f"{OBSERVATION_CATEGORY}|exam"): frozenset({S.OBSERVATIONS}),
    ("Observation", f"{OBSERVATION_CATEGORY}|survey"): frozenset({S.ASSESSMENTS}),
    ("Observation", f"{OBSERVATION_CATEGORY}|social-history"): frozenset(
        {S.SOCIAL_CONTEXT, S.PREGNANCY, S.HOUSING, S.MONEY, S.WORK, S.CARING, S.LONELINESS}
    ),
}


class Unusable(ValueError):
    """A scope that is no SMART scope, or none that can be granted here. Its text is safe to show."""


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """What somebody may ask of one type of resource, or of all; ``category`` (``system|code``) narrows it."""

    context: str  # patient, user or system
    kind: str
    category: str | None = None

    @property
    def sections(self) -> frozenset[S]:
        return SECTIONS[self.kind] if self.category is None else CATEGORIES[self.kind, self.category]

    def covers(self, other: ResourceScope) -> bool:
        """Whether whoever may have this may have ``other``."""
        same_kind = self.kind in ("*", other.kind)
        return self.context == other.context and same_kind and self.category in (None, other.category)

    def shows(self, resource: Mapping[str, Any]) -> bool:
        """Whether a resource is of this type and, where it is narrowed, states this category."""
        if self.kind not in ("*", resource.get("resourceType")):
            return False
        return self.category is None or self.category in _categories(resource)


def read(scope: str) -> ResourceScope:
    """One resource scope. Raises Unusable for one written otherwise, or for anything but reading and searching."""
    found = _GRAMMAR.fullmatch(scope)
    if found is None or (found["may"] in _OLDER and found["query"]):
        raise Unusable("A scope is written (patient|user|system)/Type.rs, as SMART App Launch 2.2 has it.")
    may = _OLDER.get(found["may"], found["may"])
    if may != SUFFIX:
        raise Unusable("Nothing is written here, and reading goes with searching: ask for .rs, or .read.")
    if found["type"] not in SECTIONS:
        raise Unusable("There is no such type of resource here.")
    category = None
    if found["query"] is not None:
        name, _, category = found["query"].partition("=")
        if name != "category" or (found["type"], category) not in CATEGORIES:
            raise Unusable("A scope can be narrowed by category=system|code alone, to a category that is known here.")
    return ResourceScope(found["context"], found["type"], category)


def resource_scopes(scopes: str) -> list[ResourceScope]:
    """The resource scopes among ``scopes``; others are passed over."""
    return [read(scope) for scope in scopes.split() if is_resource_scope(scope)]


def is_resource_scope(scope: str) -> bool:
    """Whether it could only be a SMART resource scope. None of our own has this shape."""
    return scope.partition("/")[0] in ("patient", "user", "system") and "/" in scope


def covered(scope: str, registered: Iterable[str]) -> bool:
    """Whether a client registered for ``registered`` may ask for the resource scope ``scope``, if it can be read."""
    wanted = _readable(scope)
    held = (_readable(each) for each in registered)
    return wanted is not None and any(each is not None and each.covers(wanted) for each in held)


def _readable(scope: str) -> ResourceScope | None:
    try:
        return read(scope)
    except Unusable:
        return None


def sections_of(scopes: str) -> frozenset[S] | None:
    """Every section the resource scopes among ``scopes`` are about; None where there is none of those."""
    found = resource_scopes(scopes)
    return frozenset().union(*(each.sections for each in found)) if found else None


def said_of(scope: str) -> str:
    """What a scope lets an app do, in plain words."""
    if scope in _PLAIN:
        return _PLAIN[scope]
    found = read(scope)
    whose = "your own record" if found.context == "patient" else "a record"
    kind = "anything" if found.kind == "*" else " and ".join(s.label.lower() for s in S if s in found.sections)
    return f"Ask for {kind} in {whose}"


_PLAIN = {
    LAUNCH_PATIENT: "Know that it is you who uses it",
    OFFLINE: "Go on when you are not there",
    ONLINE: "Go on while you use it",
}


def kind_of(section: S, original: Mapping[str, Any], release: str) -> str:
    """The resource type an entry is told as: its own where its source speaks FHIR R4, else its section's natural one.

    One Patient is several entries, so only demographics are told as a Patient.
    """
    kind = original.get("resourceType") if release == R4 else None
    if kind in SECTIONS and (kind != "Patient" or section is S.DEMOGRAPHICS):
        return str(kind)
    return NATURAL[section][0]


def as_resource(section: S, original: Mapping[str, Any], release: str) -> Mapping[str, Any]:
    """Of what an entry is told as, as much as ``ResourceScope.shows`` reads."""
    kind = kind_of(section, original, release)
    if release == R4 and kind == original.get("resourceType"):
        return original
    return {"resourceType": kind, "category": categories_of(section)}


def categories_of(section: S) -> list[dict[str, Any]]:
    """The category that an entry states where it is told as its section's natural type; none where there is none."""
    code = NATURAL[section][1]
    return [{"coding": [{"system": OBSERVATION_CATEGORY, "code": code}]}] if code else []


def _categories(resource: Mapping[str, Any]) -> set[str]:
    """Every ``system|code`` that a resource states as its category."""
    concepts = resource.get("category")
    listed = concepts if isinstance(concepts, list) else [concepts]
    codings = [c for concept in listed if isinstance(concept, Mapping) for c in concept.get("coding") or ()]
    return {f"{c.get('system')}|{c.get('code')}" for c in codings if isinstance(c, Mapping)}
