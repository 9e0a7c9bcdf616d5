"""The STU3 resources every structured record is made of, as a practice's system would send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.records.source import ResidentIdentity
from broker.vocabulary import NHS_NUMBER, SNOMED_CT


def bundle(*resources: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }


def patient(person: ResidentIdentity, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": NHS_NUMBER, "value": person.nhs_number}],
        "birthDate": person.born_on.isoformat(),
        "name": [{"use": "official", "family": "Bright", "given": ["Ada"]}],
        **more,
    }


def listed(code: str, *resources: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    empty = {"emptyReason": {"coding": [{"code": "no-content-recorded"}]}}
    entries = [{"item": {"reference": f"{each['resourceType']}/{each['id']}"}} for each in resources]
    return {
        "resourceType": "List",
        "id": f"list-{code}",
        "status": "current",
        "mode": "snapshot",
        "code": {"coding": [{"system": SNOMED_CT, "code": code}]},
        "subject": {"reference": "Patient/p1"},
        **({"entry": entries} if entries else empty),
        **more,
    }


def allergy(number: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"a{number}",
        "clinicalStatus": "active",
        "verificationStatus": "unconfirmed",
        "code": {"text": f"Substance {number}"},
        "patient": {"reference": "Patient/p1"},
        **more,
    }
