"""STU3 resources about Ada as a practice's system would send them, and what is read of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from adapters.answering import Read
from adapters.gp_connect import read_document
from broker.records.source import RecordEntry, ResidentIdentity
from broker.vocabulary import SNOMED_CT
from tests.adapters.conformance.worlds import ADA
from tests.adapters.gp_connect.stu3 import bundle, listed, patient

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
SUBJECT = {"reference": "Patient/p1"}
NHS = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-"
HL7_UK = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-"
LISTS = {
    "allergies": "886921000000105",
    "ended": "1103671000000101",
    "medications": "933361000000108",
    "problems": "717711000000103",
    "consultations": "1149501000000101",
    "immunisations": "1102181000000102",
    "investigations": "887191000000108",
    "referrals": "792931000000107",
    "diary": "714311000000108",
    "uncategorised": "826501000000100",
}


def said(text: str, code: str = "") -> dict[str, Any]:
    return {"coding": [{"system": SNOMED_CT, "code": code, "display": text}]} if code else {"text": text}


def resource(kind: str, id: str, **elements: Any) -> dict[str, Any]:
    whose = "patient" if kind in ("AllergyIntolerance", "Immunization") else "subject"
    return {"resourceType": kind, "id": id, whose: SUBJECT, **elements}


def to(kind: str, id: str) -> dict[str, Any]:
    return {"reference": f"{kind}/{id}"}


def secured(system: str, code: str) -> dict[str, Any]:
    return {"security": [{"system": system, "code": code}]}


def listing(name: str, *resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return listed(LISTS[name], *resources, **more)


def read(*resources: dict[str, Any], resident: ResidentIdentity | None = ADA, whole: Any = None) -> Read:
    """What is read of a record of Ada with these resources, or of ``whole`` instead."""
    document = bundle(patient(ADA), *resources) if whole is None else whole
    return read_document(json.dumps(document).encode(), source="the-source", now=NOW, resident=resident)


def entries(*resources: dict[str, Any]) -> dict[str, RecordEntry]:
    """The entries read, by id, without who Ada is."""
    answer = read(*resources).answer
    return {entry.id: entry for entry in answer.entries if not entry.id.startswith("Patient/")}


def one(*resources: dict[str, Any]) -> tuple[RecordEntry, dict[str, str]]:
    """The one entry there is, and its details by name."""
    (entry,) = entries(*resources).values()
    return entry, dict(entry.details)
