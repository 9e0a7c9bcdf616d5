"""Authorization details: read strictly, granted in part, told as granted, and never more at the resource."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.rows import row
from tests.oauth.client import Partner
from tests.oauth.forging import nested


@pytest.fixture(scope="module")
def handle(steady: Partner) -> str:
    return steady.find()


def refused(partner: Partner, details: str, error: str = "invalid_authorization_details") -> None:
    answer = partner.push(scope="records.read", authorization_details=details)
    assert (answer.status_code, answer.get_json()["error"]) == (400, error), answer.text


def test_details_that_are_right_are_taken(steady: Partner, handle: str) -> None:
    details = steady.details(handle, locations=[f"{steady.issuer}/api"])
    assert steady.push(scope="records.read", authorization_details=details).status_code == 201


@row("RAR-01")
@pytest.mark.parametrize(
    "change",
    [
        {"type": None},
        {"type": "urn:neighbourhood-broker:record-access:v2"},
        {"type": "payment_initiation"},
        {"type": ""},
        {"type": 7},
        {"type": ["urn:neighbourhood-broker:record-access:v1"]},
        {"actions": None},
        {"actions": []},
        {"actions": ["write"]},
        {"actions": ["read", "read"]},
        {"actions": ["read", "write"]},
        {"actions": "read"},
        {"actions": {"0": "read"}},
        {"resident": None},
        {"resident": ""},
        {"resident": "9990000018"},
        {"resident": "a" * 65},
        {"resident": "../../../etc/passwd"},
        {"resident": ["a"]},
        {"resident": 9990000018},
        {"resident": "0" * 40},
        {"sections": None},
        {"sections": []},
        {"sections": ["*"]},
        {"sections": ["everything"]},
        {"sections": ["housing", "housing"]},
        {"sections": "housing"},
        {"sections": [["housing"]]},
        {"sections": [7]},
        {"purpose": None},
        {"purpose": ""},
        {"purpose": "curiosity"},
        {"purpose": "ADVICE-DEBT"},
        {"purpose": ["advice-debt"]},
        {"duration": None},
        {"duration": 299},
        {"duration": 7_776_001},
        {"duration": 0},
        {"duration": -86_400},
        {"duration": 86_400.5},
        {"duration": "86400"},
        {"duration": True},
        {"duration": 2**70},
        {"reason": None},
        {"reason": ""},
        {"reason": "   "},
        {"reason": "r" * 201},
        {"reason": 7},
        {"reason": "a\nb"},
        {"reason": "a\x00b"},
        {"reason": "a\u202eb"},
        {"reason": "a\u200bb"},
        {"reason": "a\ue000b"},
        {"locations": []},
        {"locations": ["https://another.example/api"]},
        {"locations": ["http://127.0.0.1:8080/api", "http://127.0.0.1:8080/api"]},
        {"locations": "http://127.0.0.1:8080/api"},
        {"datatypes": ["all"]},
        {"privileges": ["admin"]},
        {"identifier": "9990000018"},
        {"__proto__": {}},
    ],
    ids=lambda change: str(change)[:60],
)
def test_details_that_are_not_exactly_right_are_refused(steady: Partner, handle: str, change: dict[str, Any]) -> None:
    refused(steady, steady.details(handle, **change))


@row("RAR-01", "A16")
@pytest.mark.parametrize("number", range(14))
def test_what_is_no_list_of_one_object_is_refused(steady: Partner, handle: str, number: int) -> None:
    one = json.loads(steady.details(handle))[0]
    text = [
        "",
        "null",
        "7",
        '"a"',
        "{}",
        "[]",
        "[[]]",
        "[null]",
        json.dumps([one, one]),
        json.dumps(one),
        json.dumps([one])[:-1],
        json.dumps([one])[:-2] + ', "purpose": "direct-care"}]',
        nested(2_000).decode(),
        json.dumps([{**one, "reason": "r" * 9_000}]),
    ][number]
    refused(steady, text)


@row("A16")
def test_details_nested_twenty_thousand_deep_are_refused(steady: Partner) -> None:
    refused(steady, nested(4_000).decode())
    refused(steady, "[" * 20_000)
    refused(steady, '{"a":' * 1_600)


@row("RAR-07")
@pytest.mark.parametrize(
    "change",
    [
        {"sections": ["problems"]},
        {"sections": ["housing", "allergies-and-adverse-reaction"]},
        {"purpose": "direct-care"},
    ],
)
def test_what_no_agreement_allows_cannot_be_asked_for(steady: Partner, handle: str, change: dict[str, Any]) -> None:
    refused(steady, steady.details(handle, **change))


@row("RAR-07")
def test_another_organisations_name_for_a_resident_is_nobodys(
    steady: Partner, steady_other: Partner, handle: str
) -> None:
    theirs = steady_other.find()
    assert theirs != handle
    answers = [
        steady.push(scope="records.read", authorization_details=steady.details(each)) for each in (theirs, "0" * 40)
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].data == answers[1].data


@pytest.mark.parametrize("scope", ["own.read", "own.change own.read"])
def test_a_record_is_not_asked_for_with_a_residents_scopes(steady: Partner, handle: str, scope: str) -> None:
    answer = steady.push(scope=scope, authorization_details=steady.details(handle))
    assert answer.get_json()["error"] == "invalid_scope"


@row("RAR-05")
def test_the_type_is_published(steady: Partner) -> None:
    for path in ("/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource"):
        said = steady.house.client.get(path).get_json()
        assert said["authorization_details_types_supported"] == ["urn:neighbourhood-broker:record-access:v1"]


def view(partner: Partner, token: str, handle: str, sections: list[str], purpose: str = "advice-debt") -> Any:
    body = {"resident": handle, "purpose": purpose, "sections": sections, "reason": "Arrears"}
    return partner.call("POST", "/api/records/view", token, json=body)


@row("RAR-04", "BCP-07")
def test_the_resource_gives_no_more_than_was_granted_even_where_more_is_permitted(fapi: Partner) -> None:
    handle = fapi.find()
    whole = fapi.granted(who="resident:ada", scope="records.read", authorization_details=fapi.details(handle))
    narrow = fapi.granted(
        who="resident:ada", scope="records.read", authorization_details=fapi.details(handle, sections=["housing"])
    )
    assert view(fapi, whole["access_token"], handle, ["housing", "money-and-benefits"]).status_code == 200
    assert view(fapi, narrow["access_token"], handle, ["housing"]).status_code == 200
    for sections, purpose in ((["money-and-benefits"], "advice-debt"), (["housing"], "advice-food")):
        refused = view(fapi, narrow["access_token"], handle, sections, purpose)
        assert refused.status_code in (403, 422)
    ben = fapi.find("9990000026")
    assert view(fapi, narrow["access_token"], ben, ["housing"]).status_code == 403


@row("RAR-04")
def test_when_the_resident_stops_the_token_opens_nothing(fapi: Partner) -> None:
    handle = fapi.find()
    given = fapi.granted(who="resident:ada", scope="records.read", authorization_details=fapi.details(handle))
    assert view(fapi, given["access_token"], handle, ["housing"]).status_code == 200
    ada = fapi.house.token(resident="ada")
    [consent] = fapi.house.call("GET", "/api/my/consents", token=ada).get_json()
    stopped = fapi.house.call("POST", f"/api/my/consents/{consent['id']}/withdraw", token=ada, json={})
    assert stopped.status_code == 200, stopped.text
    assert view(fapi, given["access_token"], handle, ["housing"]).status_code in (401, 403)
