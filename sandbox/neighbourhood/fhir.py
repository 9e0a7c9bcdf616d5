"""Each kind of fact as the FHIR R4 resource a source would serve, in UK Core shapes.

Leaves nothing out, and labels nothing but what the source itself states: withholding is the broker's work.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from sandbox.neighbourhood import fhir_care as care
from sandbox.neighbourhood import fhir_clinical as clinical
from sandbox.neighbourhood.facts import Fact, Kind
from sandbox.neighbourhood.fhir_parts import Page, coding
from sandbox.neighbourhood.patient import UK_CORE, Resource

__all__ = ["Page", "resource", "type_of"]


def resource(fact: Fact, page: Page, *, id: str, today: date) -> Resource:
    """``fact`` as a resource with this ``id``, last changed the day after it, and never after ``today``."""
    kind, profile, write = _WRITERS[fact.kind]
    changed = min(fact.on + timedelta(days=1), today)
    meta: Resource = {"lastUpdated": f"{changed.isoformat()}T06:30:00+00:00"}
    if profile:
        meta["profile"] = [f"{UK_CORE}/{profile}"]
    if fact.stated:
        meta["security"] = [coding(each) for each in fact.stated]
    written = {"resourceType": kind, "id": id, "meta": meta, **write(fact, page)}
    return {name: value for name, value in written.items() if value not in ([], "", None)}


def type_of(fact: Fact) -> str:
    """The FHIR resource type this fact becomes."""
    return _WRITERS[fact.kind][0]


# For each kind: the resource type, the UK Core profile it claims ("" for none), and what writes it.
_WRITERS: dict[Kind, tuple[str, str, Callable[[Fact, Page], Resource]]] = {
    Kind.PROBLEM: ("Condition", "UKCore-Condition", clinical.problem),
    Kind.ALLERGY: ("AllergyIntolerance", "UKCore-AllergyIntolerance", clinical.allergy),
    Kind.PRESCRIBED: ("MedicationRequest", "UKCore-MedicationRequest", clinical.prescribed),
    Kind.TAKEN: ("MedicationStatement", "UKCore-MedicationStatement", clinical.taken),
    Kind.VITAL: ("Observation", "UKCore-Observation", clinical.observation("vital-signs")),
    Kind.RESULT: ("Observation", "UKCore-Observation-Lab", clinical.observation("laboratory")),
    Kind.SOCIAL: ("Observation", "UKCore-Observation", clinical.observation("social-history")),
    Kind.VISIT: ("Encounter", "UKCore-Encounter", care.visit),
    Kind.BOOKING: ("Appointment", "UKCore-Appointment", care.booking),
    Kind.PROCEDURE: ("Procedure", "UKCore-Procedure", clinical.procedure),
    Kind.VACCINATION: ("Immunization", "UKCore-Immunization", clinical.vaccination),
    Kind.REFERRAL: ("ServiceRequest", "UKCore-ServiceRequest", care.referral),
    Kind.PLAN: ("CarePlan", "UKCore-CarePlan", care.plan),
    Kind.FLAG: ("Flag", "UKCore-Flag", care.flag),
    Kind.DOCUMENT: ("DocumentReference", "UKCore-DocumentReference", care.document),
    Kind.CONTACT: ("RelatedPerson", "UKCore-RelatedPerson", care.contact),
    Kind.RELATIVE: ("FamilyMemberHistory", "UKCore-FamilyMemberHistory", clinical.relative),
    Kind.CASELOAD: ("EpisodeOfCare", "UKCore-EpisodeOfCare", care.episode),
    Kind.DEVICE: ("Device", "", care.device),
    Kind.DIET: ("NutritionOrder", "", care.diet),
}
