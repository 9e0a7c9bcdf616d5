"""A FHIR document read by itself: whom it says it is about, and that nothing of anybody else's is used."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.answering import Limits, Read
from adapters.fhir_r4.documents import read_document
from broker.records.source import ResidentIdentity
from broker.vocabulary import GapCause
from tests.adapters.conformance.worlds import ADA, STRANGER
from tests.adapters.fhir_people import ada, of_ada, said

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PENICILLIN = of_ada("AllergyIntolerance", "a1", code=said("Penicillin"))


def document(*resources: Any) -> bytes:
    entries = [{"fullUrl": f"urn:x:{r['id']}", "resource": r} for r in resources]
    return json.dumps({"resourceType": "Bundle", "type": "document", "entry": entries}).encode()


def read(data: bytes, resident: ResidentIdentity | None = ADA, **limits: int) -> Read:
    return read_document(data, source="file", now=NOW, limits=Limits(**limits), resident=resident)


def titles(found: Read) -> set[str]:
    return {e.title for e in found.answer.entries if not e.id.startswith("Patient")}


def causes(found: Read) -> set[GapCause]:
    return {gap.cause for gap in found.answer.gaps}


@pytest.mark.parametrize("resident", [ADA, None])
def test_a_document_says_whom_it_is_about_and_what_of_them(resident: ResidentIdentity | None) -> None:
    found = read(document(ada(), PENICILLIN), resident)
    assert found.person == ResidentIdentity(ADA.nhs_number, ADA.born_on)
    assert titles(found) == {"Penicillin"}
    assert not found.answer.gaps


def test_compared_with_somebody_else_nothing_of_it_is_used() -> None:
    found = read(document(ada(), PENICILLIN), STRANGER)
    assert not found.answer.entries
    assert causes(found) == {GapCause.WRONG_PERSON}
    assert found.person is not None


def test_of_two_people_the_one_the_composition_names_is_meant_and_without_one_neither() -> None:
    mother = ada(id="p7", birthDate="1940-01-01")
    about = {"resourceType": "Composition", "id": "c", "subject": {"reference": "Patient/p1"}}
    assert titles(read(document(about, mother, ada(), PENICILLIN))) == {"Penicillin"}
    assert causes(read(document(mother, ada(), PENICILLIN))) == {GapCause.WRONG_PERSON}
    stray = {**about, "subject": {"reference": "Patient/p9"}}
    assert causes(read(document(stray, ada(), PENICILLIN))) == {GapCause.WRONG_PERSON}


def test_an_entry_about_somebody_else_is_a_gap() -> None:
    found = read(document(ada(), {**PENICILLIN, "patient": {"reference": "Patient/p2"}}))
    assert titles(found) == set()
    assert causes(found) == {GapCause.WRONG_PERSON}


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"7", b"{}", b'{"resourceType": "Bundle", "entry": [1]}', b'{"resourceType": 4}']
)
def test_what_is_no_document_is_said_to_be_none(data: bytes) -> None:
    found = read(data)
    assert not found.answer.entries
    assert causes(found) <= {GapCause.MALFORMED, GapCause.WRONG_PERSON}
    assert found.answer.gaps


def test_one_beyond_the_limit_is_not_read() -> None:
    assert causes(read(document(ada(), PENICILLIN), answer_bytes=100)) == {GapCause.TOO_LARGE}
