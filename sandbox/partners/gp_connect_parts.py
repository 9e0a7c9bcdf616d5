"""What a GP Connect record is written with: a page that remembers what each area holds. Writes no fact."""

from __future__ import annotations

from dataclasses import dataclass, field

from broker.vocabulary import ACT_CODE, SNOMED_CT
from sandbox.neighbourhood import cast
from sandbox.neighbourhood.codes import Concept
from sandbox.neighbourhood.facts import Fact
from sandbox.neighbourhood.patient import Resource
from sandbox.neighbourhood.people import Person

STU3 = "https://fhir.nhs.uk/STU3"
HL7_UK = "https://fhir.hl7.org.uk/STU3"


def extension(name: str, value: Resource, *, base: str = f"{STU3}/StructureDefinition") -> Resource:
    marked = "" if base.startswith(HL7_UK) else "GPC-"
    return {"url": f"{base}/Extension-CareConnect-{marked}{name}-1", **value}


def coded(code: str, display: str, system: str = SNOMED_CT) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}


@dataclass(slots=True)
class Writing:
    """One record while it is written: whose, in whose words, and what each area has so far."""

    person: Person
    practice: cast.Organisation
    local: str
    number: int = 0
    resources: list[Resource] = field(default_factory=list)
    listed: dict[str, list[str]] = field(default_factory=dict)
    ended: list[Resource] = field(default_factory=list)
    by_key: dict[str, str] = field(default_factory=dict)

    @property
    def patient(self) -> Resource:
        return {"reference": f"Patient/{self.local}"}

    @property
    def doctor(self) -> Resource:
        return {"reference": f"Practitioner/{self.local}-doctor"}

    def add(self, kind: str, written: Resource, *, area: str = "", fact: Fact | None = None) -> Resource:
        """Keep one resource, listed in ``area``; a reference to it."""
        self.number += 1
        resource: Resource = {"resourceType": kind, "id": f"{self.local}-{self.number}"}
        security = [_security(each) for each in fact.stated] if fact else []
        if fact is not None and any(each.code in ("TBOO", "third-party") for each in fact.stated):
            security.append({"system": "http://hl7.org/fhir/v3/ActCode", "code": "NOPAT"})
        if security:
            resource["meta"] = {"security": security}
        resource |= {name: value for name, value in written.items() if value not in ([], "", None)}
        self.resources.append(resource)
        reference = f"{kind}/{resource['id']}"
        if area:
            self.listed.setdefault(area, []).append(reference)
        if fact is not None and fact.key:
            self.by_key.setdefault(fact.key, reference)
        return {"reference": reference}


def _security(concept: Concept) -> Resource:
    system = "http://hl7.org/fhir/v3/ActCode" if concept.system == ACT_CODE else concept.system
    return {"system": system, "code": concept.code}
