"""A signed answer to what a token is: for the resource server that asked, and for nobody else (RFC 9701)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.conformance.rows import row
from tests.doors.conftest import House
from tests.oauth.client import Partner, new_key
from tests.oauth.conftest import register
from tests.people import COUNCIL

SIGNED = {"Accept": "application/token-introspection+jwt"}


@pytest.fixture
def server(house: House) -> Partner:
    """The council's own service, which is handed partners' tokens and asks what they are."""
    return register(house, "council-desk", COUNCIL, key=new_key(), resource_server=True, redirect_uris=[])


def claims_of(partner: Partner, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/token-introspection+jwt"
    keys = KeySet.import_key_set(partner.house.client.get("/oauth/jwks").get_json())
    found = jwt.decode(answer.text, keys, algorithms=["ES256"])
    assert found.header["typ"] == "token-introspection+jwt"
    return found.claims


@row("JAR-07")
def test_a_resource_server_is_told_in_signed_words_what_it_would_be_told_in_plain_ones(
    fapi: Partner, server: Partner
) -> None:
    token = fapi.granted()["access_token"]
    plain = server.introspect(token).get_json()
    claims = claims_of(server, server.introspect(token, headers=SIGNED))
    assert claims == {
        "iss": server.issuer,
        "aud": "council-desk",
        "iat": server.now,
        "token_introspection": plain,
    }
    assert plain["active"] is True
    assert plain["cnf"] == {"jkt": fapi.thumbprint}


def test_of_an_unknown_or_dead_token_it_says_only_that(fapi: Partner, server: Partner) -> None:
    token = fapi.own_token()
    fapi.revoke(token)
    for text in (token, "made-up"):
        assert claims_of(server, server.introspect(text, headers=SIGNED))["token_introspection"] == {"active": False}


def test_nobody_else_is_given_a_signed_answer(fapi: Partner, server: Partner) -> None:
    token = fapi.own_token()
    answer = fapi.introspect(token, headers=SIGNED)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "unauthorized_client")
    stranger = replace(server, key=new_key())
    answer = stranger.introspect(token, headers=SIGNED)
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/token-introspection+jwt;q=0", "application/*"]
)
def test_whoever_does_not_ask_for_it_by_name_is_answered_plainly(fapi: Partner, server: Partner, accept: str) -> None:
    answer = server.introspect(fapi.own_token(), headers={"Accept": accept})
    assert answer.mimetype == "application/json"
    assert answer.get_json()["active"] is True


def test_the_algorithm_is_in_the_metadata(server: Partner) -> None:
    metadata = server.house.client.get("/.well-known/oauth-authorization-server").get_json()
    assert metadata["introspection_signing_alg_values_supported"] == ["ES256"]
