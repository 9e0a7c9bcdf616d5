"""What the national services answer about somebody, piece by piece."""

from __future__ import annotations

from typing import Any

from broker.records.source import ResidentIdentity
from broker.vocabulary import NHS_NUMBER, ODS_CODE
from tests.adapters.listener import Reply, as_json

FHIR = "application/fhir+json"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SPINE = "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode"
Resource = dict[str, Any]


def person(who: ResidentIdentity, **more: Any) -> Resource:
    """A Patient as the register has them."""
    return {
        "resourceType": "Patient",
        "id": who.nhs_number,
        "meta": {"security": [{"system": CONFIDENTIALITY, "code": "U"}], "versionId": "2"},
        "identifier": [{"system": NHS_NUMBER, "value": who.nhs_number}],
        "birthDate": who.born_on.isoformat(),
        "name": [{"use": "usual", "family": "Bright", "given": ["Ada"]}],
        **more,
    }


def named(who: ResidentIdentity) -> Resource:
    return {"identifier": {"system": NHS_NUMBER, "value": who.nhs_number}}


def refused(code: str, *, status: int) -> Reply:
    coding = {"system": SPINE, "code": code}
    issue = {"severity": "error", "code": "processing", "details": {"coding": [coding]}}
    return as_json({"resourceType": "OperationOutcome", "issue": [issue]}, status=status, media=FHIR)


def page(resources: list[Resource], **more: Any) -> Resource:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources], **more}


def pointer(who: ResidentIdentity, number: int = 1, **more: Any) -> Resource:
    return {
        "resourceType": "DocumentReference",
        "id": f"XX9T01-{number}",
        "status": "current",
        "type": {"coding": [{"system": "http://snomed.info/sct", "code": "736373009"}]},
        "subject": named(who),
        "custodian": {"identifier": {"system": ODS_CODE, "value": "XX9T01"}},
        "content": [{"attachment": {"contentType": "application/pdf", "url": "https://docs.example/1"}}],
        **more,
    }


def flag(who: ResidentIdentity, number: int = 1, **more: Any) -> Resource:
    return {
        "resourceType": "Flag",
        "id": f"f{number}",
        "status": "active",
        "category": [{"coding": [{"code": "NRAF", "display": "National Reasonable Adjustments Flag"}]}],
        "code": {"text": f"Adjustment {number}"},
        "subject": named(who),
        **more,
    }
