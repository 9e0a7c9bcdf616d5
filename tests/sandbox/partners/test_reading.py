"""Reading one resource, and every way of asking wrongly: each error is a valid OperationOutcome."""

from __future__ import annotations

import pytest

from tests.sandbox.partners.partner import NUMBERS, Partner


def test_a_resource_is_read_by_its_id(practice: Partner) -> None:
    answer = practice.get("/Patient/p0")
    assert answer.json["identifier"][0]["value"] == NUMBERS[0]
    assert answer.headers["ETag"] == 'W/"3"'
    assert answer.headers["Content-Type"] == "application/fhir+json; charset=utf-8"


@pytest.mark.parametrize("path", ["/Patient/p3", "/Patient/nobody", "/Observation/p0", "/Patient/p0-o1"])
def test_a_resource_that_is_not_there_is_not_found(practice: Partner, path: str) -> None:
    answer = practice.get(path)
    assert (answer.status, answer.issue) == (404, "not-found")


@pytest.mark.parametrize(
    "path", ["/Wand", "/Wand/1", "/Patient/p0/_history/1", "/Observation/p0-o1/$everything", "/_sandbox"]
)
def test_an_address_that_is_none_is_not_supported(practice: Partner, path: str) -> None:
    answer = practice.get(path)
    assert (answer.status, answer.issue) == (404, "not-supported")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/Patient/p0", "GET, HEAD"),
        ("DELETE", "/Patient/p0", "GET, HEAD"),
        ("PATCH", "/Patient/p0", "GET, HEAD"),
        ("POST", "/Patient", "GET, HEAD"),
        ("GET", "/Patient/_search", "POST"),
        ("GET", "", "POST"),
        ("POST", "/metadata", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_taken_says_which_is(practice: Partner, method: str, path: str, allow: str) -> None:
    answer = practice.ask(method, path)
    assert (answer.status, answer.issue, answer.headers["Allow"]) == (405, "not-supported", allow)


def test_head_is_get_without_its_body(practice: Partner) -> None:
    answer = practice.ask("HEAD", "/Patient/p0")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+json",
        "application/json",
        "*/*",
        "text/html, application/*;q=0.5",
        "application/fhir+json; fhirVersion=4.0",
    ],
)
def test_json_is_served_to_whoever_takes_it(practice: Partner, accept: str) -> None:
    assert practice.get("/Patient/p0", Accept=accept).status == 200


@pytest.mark.parametrize(
    "accept",
    ["application/fhir+xml", "text/html", "application/fhir+json;q=0", "application/fhir+json; fhirVersion=3.0"],
)
def test_what_cannot_be_served_is_not_acceptable(practice: Partner, accept: str) -> None:
    answer = practice.get("/Patient/p0", Accept=accept)
    assert (answer.status, answer.issue) == (406, "not-supported")


def test_format_outranks_accept(practice: Partner) -> None:
    assert practice.get("/Patient/p0", {"_format": "xml"}, Accept="*/*").status == 406
    assert practice.get("/Patient/p0?_format=application/fhir+json", Accept="text/html").status == 200
    assert practice.get("/Patient/p0", {"_format": "json"}, Accept="text/html").status == 200


def test_a_source_that_wants_a_token_answers_with_the_right_one_only(guarded_practice: Partner) -> None:
    assert guarded_practice.get("/Patient/p0", Authorization="Bearer open-sesame").status == 200
    for wrong in ("", "Bearer", "Bearer open-sesame2", "Basic open-sesame"):
        answer = guarded_practice.get("/Patient/p0", Authorization=wrong)
        assert (answer.status, answer.issue) == (401, "login")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_capability_statement_needs_no_token(guarded_practice: Partner) -> None:
    assert guarded_practice.get("/metadata").status == 200


def test_another_hosts_name_is_not_served(practice: Partner) -> None:
    assert practice.get("/Patient/p0", Host="sandbox.example:80").status == 421
