"""The FHIR R4 adapter against a server that other people wrote, where one is running."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import nhs_number
import pytest

from adapters import Egress, Http, build
from broker.records.source import ResidentIdentity, SourceAnswer
from broker.vocabulary import NHS_NUMBER, GapCause, Section
from tests.adapters.conformance.asking import described, no_secret
from tests.adapters.fhir_people import said
from tests.peers import fhir_server

pytestmark = [pytest.mark.needs("fhir_server"), pytest.mark.slow]
BORN = date(1950, 3, 2)


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with fhir_server.serving(tmp_path_factory.mktemp("peer")) as base:
        yield base


def create(peer: str, kind: str, **elements: Any) -> str:
    body = json.dumps({"resourceType": kind, **elements}).encode()
    request = urllib.request.Request(f"{peer}/{kind}", body, {"Content-Type": "application/fhir+json"})
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["id"])


@pytest.fixture(scope="module")
def someone(peer: str) -> str:
    """The NHS number of a synthetic person with 250 results, an allergy and a prescription on the peer."""
    number = str(nhs_number.generate(for_region=nhs_number.REGION_SYNTHETIC, quantity=1)[0])
    patient = create(
        peer,
        "Patient",
        identifier=[{"system": NHS_NUMBER, "value": number}],
        name=[{"family": f"Peer{uuid4().hex[:6]}", "given": ["Ada"]}],
        birthDate=BORN.isoformat(),
    )
    about = {"reference": f"Patient/{patient}"}
    laboratory = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]
    }
    for place in range(250):
        amount = {"value": place, "unit": "mm"}
        elements = {"status": "final", "subject": about, "category": [laboratory], "code": said(f"Test {place}")}
        create(peer, "Observation", **elements, valueQuantity=amount)
    create(peer, "AllergyIntolerance", patient=about, code=said("Penicillin"))
    medicine = {"medicationCodeableConcept": said("Metformin")}
    create(peer, "MedicationRequest", status="active", intent="order", subject=about, **medicine)
    return number


def ask(peer: str, number: str, born: date = BORN, **configured: Any) -> SourceAnswer:
    async def run() -> SourceAnswer:
        client = Http(egress=Egress([urlsplit(peer).netloc]))
        system = build(described("fhir-r4", {"base_url": peer, **configured}), http=client, secret=no_secret)
        wanted = frozenset({Section.RESULTS, Section.ALLERGIES, Section.MEDICATIONS, Section.CARE_PLAN})
        answer = await system.fetch(ResidentIdentity(number, born), wanted)
        await client.close()
        return answer

    return asyncio.run(run())


@pytest.mark.parametrize("configured", [{}, {"strategy": "per-type", "page_size": 40}, {"search": "get"}])
def test_the_whole_record_arrives_from_a_server_of_other_people(
    peer: str, someone: str, configured: dict[str, Any]
) -> None:
    answer = ask(peer, someone, **configured)
    assert not answer.gaps
    assert len(answer.entries) == 252


def test_a_server_of_other_people_cannot_give_us_the_wrong_person(peer: str, someone: str) -> None:
    assert {gap.cause for gap in ask(peer, someone, date(1950, 3, 3)).gaps} == {GapCause.WRONG_PERSON}
