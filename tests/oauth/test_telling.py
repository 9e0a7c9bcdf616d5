"""Introspection and revocation: a token's own client is told of it, and a resource server; nobody else of anything."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.conformance.rows import row
from tests.oauth.client import Partner
from tests.oauth.conftest import register
from tests.people import COUNCIL


@row("INTRO-01", "INTRO-02")
def test_another_client_is_told_of_a_live_token_as_of_one_that_never_was(fapi: Partner, other: Partner) -> None:
    token = fapi.own_token()
    assert fapi.introspect(token).get_json()["active"] is True
    theirs, made_up = other.introspect(token), other.introspect("made-up")
    assert theirs.get_json() == {"active": False}
    assert (theirs.status_code, theirs.data, theirs.headers["Content-Type"]) == (
        made_up.status_code,
        made_up.data,
        made_up.headers["Content-Type"],
    )


@row("INTRO-01")
def test_a_registered_resource_server_is_told_and_knows_residents_by_its_own_names(fapi: Partner) -> None:
    server = register(fapi.house, "council-api", COUNCIL, resource_server=True)
    token = fapi.granted(who="resident:ada", scope="own.read")["access_token"]
    ours, theirs = fapi.introspect(token).get_json(), server.introspect(token).get_json()
    assert theirs["active"] is True
    assert theirs["sub"] != ours["sub"]
    assert {name: value for name, value in theirs.items() if name != "sub"} == {
        name: value for name, value in ours.items() if name != "sub"
    }


@row("INTRO-02")
@pytest.mark.parametrize("why", ["expired", "revoked", "made-up", "refresh"])
def test_of_a_token_that_is_not_live_nothing_is_said_but_that(fapi: Partner, why: str) -> None:
    given = fapi.granted()
    token = given["access_token"]
    if why == "expired":
        fapi.house.wait(timedelta(seconds=300))
    if why == "revoked":
        fapi.revoke(token)
    said = fapi.introspect({"made-up": "made-up", "refresh": given["refresh_token"]}.get(why, token))
    assert (said.status_code, said.get_json()) == (200, {"active": False})
    assert said.headers["Cache-Control"] == "no-store"


@row("REV-01")
def test_giving_back_what_is_not_ones_own_does_nothing_and_says_nothing(fapi: Partner, other: Partner) -> None:
    given = fapi.granted()
    answers = [other.revoke(text) for text in (given["access_token"], given["refresh_token"], "made-up")]
    assert {(answer.status_code, answer.data) for answer in answers} == {(200, b"{}")} or len(
        {(answer.status_code, answer.data) for answer in answers}
    ) == 1
    assert fapi.introspect(given["access_token"]).get_json()["active"] is True
    assert fapi.refresh(given["refresh_token"]).status_code == 200


@row("REV-02")
def test_a_refresh_token_given_back_takes_its_grant_with_it(fapi: Partner) -> None:
    given = fapi.granted()
    again = fapi.refresh(given["refresh_token"]).get_json()
    assert fapi.revoke(given["refresh_token"]).status_code == 200
    for token in (given["access_token"], again["access_token"]):
        assert fapi.introspect(token).get_json() == {"active": False}
        assert fapi.call("POST", "/api/residents/find", token, json={}).status_code == 401
    assert fapi.refresh(given["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert fapi.revoke(given["refresh_token"]).status_code == 200


@row("REV-02")
def test_an_access_token_given_back_is_dead_and_its_grant_lives(fapi: Partner) -> None:
    given = fapi.granted()
    assert fapi.revoke(given["access_token"]).status_code == 200
    assert fapi.call("POST", "/api/residents/find", given["access_token"], json={}).status_code == 401
    assert fapi.refresh(given["refresh_token"]).status_code == 200


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke"])
def test_which_token_must_be_said(fapi: Partner, path: str) -> None:
    for form in ({}, {"token": ""}):
        answer = fapi.post(path, form)
        assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")
