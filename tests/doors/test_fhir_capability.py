"""The CapabilityStatement is true: what it names works, and what works it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from broker.api.fhir_read import asking, query, table
from broker.errors import InvalidInput
from broker.oauth import smart_scopes
from tests.doors.conftest import House
from tests.doors.reading import Reader, built, codes
from tests.doors.test_records import find

# Search parameters that FHIR R4 defines for these types, and others of its own: those not named must not be known.
OTHERS = (
    *("subject", "encounter", "status", "identifier", "asserter", "severity", "performer", "value-quantity", "text"),
    *("_text", "_content", "_lastUpdated", "_profile", "_security", "_tag", "_source", "_list", "_has", "_type"),
    *("_filter", "_query", "_elements", "_contained", "_offset", "_getpages", "recorded-date", "based-on", "near"),
)
ELSEWHERE = ("AuditEvent", "Consent")  # a resident's own: test_fhir_audit_events.py, test_consents_fhir.py
VALUES = {"token": "x", "date": "2026"}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Reader]:
    for house in built(tmp_path_factory.mktemp("capable"), sqlite_template):
        yield Reader(house, house.token(person="gp"))


@pytest.fixture(scope="module")
def ada_is(reader: Reader) -> str:
    return find(reader.house, reader.token)


@pytest.fixture(scope="module")
def stated(reader: Reader) -> dict[str, Any]:
    answer = reader.house.client.get("/fhir/metadata")
    assert answer.status_code == 200
    statement: dict[str, Any] = answer.get_json()
    return statement


def resources(stated: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["type"]: each for each in stated["rest"][0]["resource"]}


def test_anybody_may_read_it_and_it_is_valid(stated: dict[str, Any]) -> None:
    assert fhirkit.validate(stated) == []
    assert (stated["fhirVersion"], stated["rest"][0]["mode"]) == ("4.0.1", "server")


def test_it_names_every_type_that_can_be_told_and_no_other(stated: dict[str, Any]) -> None:
    told = {kind for kind, _ in smart_scopes.NATURAL.values()} | (smart_scopes.SECTIONS.keys() - {"*"})
    assert resources(stated).keys() == told | {"AuditEvent"}
    assert table.TYPES.keys() == told


def test_every_search_that_it_names_works(reader: Reader, ada_is: str, stated: dict[str, Any]) -> None:
    refused = []
    for kind, each in resources(stated).items():
        if kind in (*ELSEWHERE, "Patient") or not each.get("searchParam"):
            continue
        named = {one["name"]: VALUES.get(one["type"], ada_is) for one in each["searchParam"]}
        more = [("_include", name) for name in each.get("searchInclude", ())]
        more += [("_revinclude", name) for name in each["searchRevInclude"]]
        said = "&".join(f"{name}={value}" for name, value in [*named.items(), *more])
        answer = reader.get(f"{kind}?{said}", Prefer="handling=strict")
        # A type of sections that no agreement gives is refused by policy; the search itself was understood.
        if answer.status_code != 200 and codes(answer)[0] != "access-refused":
            refused.append((kind, codes(answer)))
    assert refused == []


def test_no_search_works_that_it_does_not_name(reader: Reader, ada_is: str, stated: dict[str, Any]) -> None:
    every = {*OTHERS, *(name for one in table.TYPES.values() for name in one.parameters)}
    for kind, each in resources(stated).items():
        if kind in ELSEWHERE or not each.get("searchParam"):
            continue
        for name in sorted(every - {one["name"] for one in each["searchParam"]}):
            with pytest.raises(InvalidInput, match="parameter-unknown"):
                query.read(kind, ((name, "x"),), strict=True)
        answer = reader.get(f"{kind}?patient={ada_is}&_lastUpdated=2026", Prefer="handling=strict")
        assert codes(answer) == ["parameter-unknown"], kind


def test_every_type_is_read_and_what_is_not_searched_says_so(
    reader: Reader, ada_is: str, stated: dict[str, Any]
) -> None:
    for kind, each in resources(stated).items():
        if kind in ELSEWHERE:
            continue
        can = {one["code"] for one in each["interaction"]}
        assert can <= {"read", "search-type"}
        if "search-type" not in can:
            assert codes(reader.get(f"{kind}?patient={ada_is}")) == ["type-not-searched"]
        if "read" in can and kind != "Patient":
            answer = reader.get(f"{kind}/{ada_is}.{'0' * 20}")
            assert codes(answer)[0] in ("resource-unknown", "access-refused"), kind


def test_its_operations_work(reader: Reader, ada_is: str, stated: dict[str, Any]) -> None:
    named = [each["name"] for each in resources(stated)["Patient"]["operation"]]
    assert named == ["everything", "document"]
    for name in named:
        assert reader.get(f"Patient/{ada_is}/${name}").status_code == 200
    assert reader.get(f"Patient/{ada_is}/$summary").status_code == 404
    assert reader.get("Patient/$match").status_code == 404


def test_its_addresses_are_those_that_smart_is_told(reader: Reader, stated: dict[str, Any]) -> None:
    found = reader.house.client.get("/fhir/.well-known/smart-configuration").get_json()
    (extension,) = stated["rest"][0]["security"]["extension"]
    named = {each["url"]: each["valueUri"] for each in extension["extension"]}
    assert named["token"] == found["token_endpoint"]
    assert named["authorize"] == found["authorization_endpoint"]


def test_every_type_has_a_scope_and_every_scope_a_type(reader: Reader) -> None:
    for kind in table.TYPES:
        assert smart_scopes.read(f"user/{kind}.rs").sections


def test_a_house_has_no_other_fhir_address(reader: Reader) -> None:
    house: House = reader.house
    served = {rule.rule for rule in house.app.url_map.iter_rules() if rule.endpoint.startswith("api_fhir.")}
    assert served == {
        "/fhir/metadata",
        "/fhir/AuditEvent",
        "/fhir/<kind>",
        "/fhir/<kind>/_search",
        "/fhir/<kind>/<resource_id>",
        "/fhir/Patient/<handle>/$everything",
        "/fhir/Patient/<handle>/$document",
    }


def test_the_page_for_engineers_tells_every_header_and_no_address_that_is_not_there(reader: Reader) -> None:
    page = (Path(__file__).parents[2] / "docs" / "fhir-api.md").read_text(encoding="utf-8")
    for header in (asking.PURPOSE, asking.REASON, asking.EMERGENCY, asking.WORKER, asking.WORKER_ROLE):
        assert f"`{header}" in page
    for kind in re.findall(r"/fhir/([A-Z][A-Za-z]+)", page):
        assert kind in {*table.TYPES, *ELSEWHERE}, kind
