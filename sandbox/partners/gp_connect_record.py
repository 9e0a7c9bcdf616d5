"""A resident's GP record as the FHIR STU3 bundle that GP Connect asks a practice for. Writes; decides nothing.

What a practice keeps back is left out here, as its own system would, and only a warning on the list tells.
"""

from __future__ import annotations

from collections.abc import Collection

from broker.vocabulary import NHS_NUMBER, ODS_CODE
from sandbox.neighbourhood import cast, staff
from sandbox.neighbourhood.facts import GP, Fact
from sandbox.neighbourhood.patient import Resource
from sandbox.neighbourhood.people import Person
from sandbox.partners.gp_connect_facts import WRITERS, link_problems
from sandbox.partners.gp_connect_parts import STU3, Writing, coded, extension

# Each parameter of the operation: the SNOMED CT code and the title of its list, in the order they are answered.
LISTS = {
    "includeAllergies": ("886921000000105", "Allergies and adverse reactions"),
    "includeMedication": ("933361000000108", "Medications and medical devices"),
    "includeProblems": ("717711000000103", "Problems"),
    "includeConsultations": ("1149501000000101", "List of consultations"),
    "includeImmunisations": ("1102181000000102", "Immunisations"),
    "includeInvestigations": ("887191000000108", "Investigations and results"),
    "includeReferrals": ("792931000000107", "Outbound referral"),
    "includeDiaryEntries": ("714311000000108", "Patient recall administration"),
    "includeUncategorisedData": ("826501000000100", "Miscellaneous record"),
}
ENDED = ("1103671000000101", "Ended allergies")
# What a practice may mark as confidential, for whoever it marks so: the areas where such a thing is recorded.
KEPT_BACK = frozenset({"includeProblems", "includeConsultations", "includeUncategorisedData"})


def bundle(
    person: Person,
    facts: Collection[Fact],
    practice: cast.Organisation,
    *,
    local: str,
    parameters: Collection[str],
    off: Collection[str] = (),
    confidential: bool = False,
) -> Resource:
    """The record of ``person`` in the areas asked for. ``off`` are those the practice has switched off.

    ``confidential``: something is kept back in every area where such things are recorded.
    """
    writing = Writing(person, practice, local)
    asked = [name for name in LISTS if name in parameters and name not in off]
    for fact in facts:
        if GP in fact.held_by and fact.kind in WRITERS and not (confidential and _kept_back(fact)):
            WRITERS[fact.kind](fact, writing)
    link_problems(writing)
    shown = _of_areas(writing, asked, off)
    lists = [_list(name, writing, confidential=confidential) for name in asked]
    if "includeAllergies" in asked:
        lists.append(_ended(writing))
    outcome = [_switched_off([name for name in parameters if name in off])]
    entries = [_patient(writing), _organisation(practice), _doctor(writing), *lists, *shown]
    entries += [each for each in outcome if each["issue"]]
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{STU3}/StructureDefinition/GPConnect-StructuredRecord-Bundle-1"]},
        "type": "collection",
        "entry": [{"resource": each} for each in entries],
    }


def _kept_back(fact: Fact) -> bool:
    return bool(fact.stated) or fact.key in ("termination", "abuse", "hiv", "sexual-health")


def _of_areas(writing: Writing, asked: Collection[str], off: Collection[str]) -> list[Resource]:
    """The resources of the areas asked for, and whatever these refer to that is not of an area switched off."""
    gone = {reference for name in off for reference in writing.listed.get(name, ())}
    named = ((f"{each['resourceType']}/{each['id']}", each) for each in writing.resources)
    by_name = {name: each for name, each in named if name not in gone}
    waiting = [reference for name in asked for reference in writing.listed.get(name, ())]
    found: dict[str, Resource] = {}
    while waiting:
        name = waiting.pop(0)
        if name in by_name and name not in found:
            found[name] = by_name[name]
            waiting += _references(by_name[name])
    return list(found.values())


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [each for held in value.values() for each in _references(held)]
    if isinstance(value, list):
        return [each for held in value for each in _references(held)]
    return []


def _patient(writing: Writing) -> Resource:
    person = writing.person
    return {
        "resourceType": "Patient",
        "id": writing.local,
        "identifier": [{"system": NHS_NUMBER, "value": person.nhs_number}],
        "active": True,
        "name": [{"use": "official", "family": person.family_name, "given": [person.given_name]}],
        "telecom": [{"system": "phone", "use": "home", "value": person.telephone}],
        "gender": person.sex,
        "birthDate": person.born_on.isoformat(),
        "address": [
            {"use": "home", "line": [person.line], "city": cast.PLACE_NAME, "postalCode": person.postcode},
        ],
        "generalPractitioner": [writing.doctor],
        "managingOrganization": {"reference": f"Organization/{writing.practice.code}"},
    }


def _organisation(practice: cast.Organisation) -> Resource:
    return {
        "resourceType": "Organization",
        "id": practice.code,
        "identifier": [{"system": ODS_CODE, "value": practice.code}],
        "name": practice.name,
    }


def _doctor(writing: Writing) -> Resource:
    people = [each.name for each in staff.of(writing.practice.code) if each.role.clinical]
    return {
        "resourceType": "Practitioner",
        "id": f"{writing.local}-doctor",
        "name": [{"text": people[0] if people else writing.practice.name}],
    }


def _list(name: str, writing: Writing, *, confidential: bool) -> Resource:
    code, title = LISTS[name]
    references = writing.listed.get(name, [])
    listed = _listing(code, title, references, writing)
    if confidential and name in KEPT_BACK:
        listed["extension"] = [extension("ListWarningCode", {"valueCode": "confidential-items"})]
        listed["note"] = [{"text": "Items excluded due to confidentiality and/or patient preferences."}]
    return listed


def _ended(writing: Writing) -> Resource:
    """Ended allergies are sent inside their list, and nowhere else."""
    listed = _listing(*ENDED, [f"#{each['id']}" for each in writing.ended], writing)
    return {**listed, "contained": writing.ended} if writing.ended else listed


def _listing(code: str, title: str, references: Collection[str], writing: Writing) -> Resource:
    listed: Resource = {
        "resourceType": "List",
        "id": f"{writing.local}-list-{code}",
        "status": "current",
        "mode": "snapshot",
        "title": title,
        "code": coded(code, title),
        "subject": writing.patient,
    }
    if references:
        return {**listed, "entry": [{"item": {"reference": each}} for each in references]}
    reason = coded("no-content-recorded", "No Content Recorded", f"{STU3}/CodeSystem/CareConnect-ListEmptyReasonCode-1")
    return {**listed, "emptyReason": reason, "note": [{"text": "Information not available"}]}


def _switched_off(names: Collection[str]) -> Resource:
    system = f"{STU3}/CodeSystem/Spine-ErrorOrWarningCode-1"
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "warning",
                "code": "not-supported",
                "details": {
                    "coding": [{"system": system, "code": "NOT_IMPLEMENTED"}],
                    "text": f"{name} has been disabled",
                },
                "diagnostics": name,
            }
            for name in names
        ],
    }
