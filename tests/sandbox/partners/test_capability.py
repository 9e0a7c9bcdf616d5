"""The CapabilityStatement is true to the code: what it lists works, and what it does not list is refused."""

from __future__ import annotations

from typing import Any

import fhirkit
import pytest

from sandbox.partners.parameters import TABLE
from tests.sandbox.partners.partner import Partner

SAMPLE = {"token": "x", "date": "ge2020-01-01", "reference": "Patient/p0", "string": "x"}


@pytest.fixture
def statement(practice: Partner) -> Any:
    return practice.get("/metadata").json


def _resources(statement: Any) -> list[Any]:
    (rest,) = statement["rest"]
    return list(rest["resource"])


def test_the_statement_is_valid_fhir_r4(statement: Any) -> None:
    assert statement["fhirVersion"] == "4.0.1"
    assert [str(problem) for problem in fhirkit.validate(statement)] == []


def test_every_search_parameter_listed_is_understood(practice: Partner, statement: Any) -> None:
    for resource in _resources(statement):
        for parameter in resource["searchParam"]:
            query = {"_id": "p0", parameter["name"]: SAMPLE[parameter["type"]]}
            answer = practice.get(f"/{resource['type']}", query, Prefer="handling=strict")
            assert answer.status == 200, (resource["type"], parameter["name"])
            assert parameter["name"] in (answer.link("self") or "")


def test_a_search_parameter_listed_for_another_type_only_is_refused(practice: Partner, statement: Any) -> None:
    every = {p["name"]: p["type"] for resource in _resources(statement) for p in resource["searchParam"]}
    for resource in _resources(statement):
        listed = {p["name"] for p in resource["searchParam"]}
        for name in every.keys() - listed:
            query = {"_id": "p0", name: SAMPLE[every[name]]}
            answer = practice.get(f"/{resource['type']}", query, Prefer="handling=strict")
            assert (answer.status, answer.issue) == (400, "not-supported"), (resource["type"], name)


def test_every_reverse_include_listed_is_understood_and_no_other(practice: Partner, statement: Any) -> None:
    patient = next(r for r in _resources(statement) if r["type"] == "Patient")
    for name in patient["searchRevInclude"]:
        answer = practice.get("/Patient", {"_id": "p0", "_revinclude": name}, Prefer="handling=strict")
        assert answer.status == 200, name
    for name in ("Patient:link", "Observation:encounter", "Organization:patient", "Observation", "*"):
        answer = practice.get("/Patient", {"_id": "p0", "_revinclude": name}, Prefer="handling=strict")
        assert answer.status == 400, name


def test_every_include_listed_is_understood(practice: Partner, statement: Any) -> None:
    listed = [(r["type"], name) for r in _resources(statement) for name in r.get("searchInclude", ())]
    assert ("Observation", "Observation:patient") in listed
    for kind, name in listed:
        answer = practice.get(f"/{kind}", {"_id": "p0", "_include": name}, Prefer="handling=strict")
        assert answer.status == 200, name


def test_every_type_listed_can_be_searched_and_an_unlisted_one_cannot(practice: Partner, statement: Any) -> None:
    listed = {resource["type"] for resource in _resources(statement)}
    assert listed == set(TABLE)
    assert practice.get("/Basic", {"_id": "x"}).status == 404


def test_a_loaded_type_is_listed_from_then_on(practice: Partner) -> None:
    entry = {"resource": {"resourceType": "Basic", "id": "b"}}
    practice.post_json("", {"resourceType": "Bundle", "type": "collection", "entry": [entry]})
    statement = practice.get("/metadata").json
    patient = next(r for r in _resources(statement) if r["type"] == "Patient")
    assert "Basic" in {resource["type"] for resource in _resources(statement)}
    assert "Basic:patient" in patient["searchRevInclude"]


def test_the_statement_says_where_a_token_is_needed(practice: Partner, guarded_practice: Partner) -> None:
    assert "security" not in practice.get("/metadata").json["rest"][0]
    assert "security" in guarded_practice.get("/metadata").json["rest"][0]
