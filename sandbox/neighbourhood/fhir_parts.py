"""The pieces FHIR R4 resources are written with, and the page they are written on. Writes no resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.vocabulary import Section
from sandbox.neighbourhood import cast, staff
from sandbox.neighbourhood.codes import Concept
from sandbox.neighbourhood.facts import Fact, Quantity
from sandbox.neighbourhood.patient import Resource, organisation_reference

HL7 = "http://terminology.hl7.org/CodeSystem"


@dataclass(frozen=True, slots=True)
class Page:
    """Where a fact is written: whose record, in which source, under which id, and what else is there.

    ``references`` holds what each key of the story became in this source, as ``Type/id``.
    """

    source: cast.SourceSystem
    patient: str  # Patient/<id>
    contact: Mapping[str, str] = field(default_factory=dict)  # name and telephone of the person to call
    references: Mapping[str, str] = field(default_factory=dict)

    @property
    def writer(self) -> Resource:
        """Somebody of the source's organisation who reads records, else the organisation itself."""
        people = [each for each in staff.of(self.source.organisation) if each.role.clinical]
        return {"type": "Practitioner", "display": people[0].name} if people else self.organisation

    @property
    def organisation(self) -> Resource:
        return organisation_reference(self.source.organisation)

    @property
    def subject(self) -> Resource:
        return {"reference": self.patient}

    def about(self, fact: Fact) -> list[Resource]:
        reference = self.references.get(fact.about)
        return [{"reference": reference}] if reference else []


def coding(concept: Concept) -> Resource:
    return {"system": concept.system, "code": concept.code, "display": concept.display}


def said(concept: Concept) -> Resource:
    """A CodeableConcept; with text alone where the source used no code."""
    if not concept.code:
        return {"text": concept.words}
    return {"coding": [coding(concept)], "text": concept.words}


def heading(section: str) -> Resource:
    """A category that names a section of the record, in the system its code is from."""
    return {"coding": [{"system": Section(section).system, "code": section}]}


def one(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{HL7}/{system}", "code": code}]}


def quantity(value: Quantity) -> Resource:
    return {"value": value.value, "unit": value.unit, "system": "http://unitsofmeasure.org", "code": value.ucum}
