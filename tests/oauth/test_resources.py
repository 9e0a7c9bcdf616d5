"""At the API: which tokens open a route, how they are presented, and what else is refused, in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from broker.identity.models import AccessToken, Client
from tests.conformance.rows import row
from tests.oauth.client import Partner
from tests.oauth.conftest import register
from tests.people import FOOD_BANK

FIND = "/api/residents/find"


@row("FAPI-26", oidf="AccessTokenTypeHeaderCaseSensitivity")
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP", "dPoP"])
def test_the_scheme_may_be_in_any_case(steady: Partner, scheme: str) -> None:
    assert steady.call("POST", FIND, steady.own_token(), json={}, scheme=scheme).status_code == 422


@row("FAPI-24", "BCP-08")
@pytest.mark.parametrize("where", ["query", "form", "json", "cookie", "twice", "joined", "none", "basic"])
def test_a_token_is_read_from_the_header_alone(steady: Partner, where: str) -> None:
    token = steady.own_token()
    proof = ("DPoP", steady.proof("POST", FIND, token))
    header = ("Authorization", f"DPoP {token}")
    options: dict[str, Any] = {
        "query": {"query_string": {"access_token": token}, "headers": [proof]},
        "form": {"data": {"access_token": token}, "headers": [proof]},
        "json": {"json": {"access_token": token}, "headers": [proof]},
        "cookie": {"headers": [proof, ("Cookie", f"access_token={token}")]},
        "twice": {"headers": [proof, header, header], "json": {}},
        "joined": {"headers": [proof, ("Authorization", f"DPoP {token}, DPoP {token}")], "json": {}},
        "none": {"headers": [proof], "json": {}},
        "basic": {"headers": [proof, ("Authorization", f"Basic {token}")], "json": {}},
    }[where]
    answer = steady.house.client.post(FIND, **options)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("DPoP ")


@row("FAPI-24")
def test_an_expired_a_revoked_and_a_narrow_token_are_refused(fapi: Partner) -> None:
    token = fapi.own_token()
    assert fapi.call("POST", "/api/records/view", token, json={}).get_json()["code"] == "scope-missing"
    assert fapi.call("GET", "/api/my/consents", token).get_json()["code"] == "scope-missing"
    fapi.house.wait(timedelta(seconds=300))
    assert fapi.call("POST", FIND, token, json={}).get_json()["code"] == "token-invalid"
    token = fapi.own_token()
    fapi.revoke(token)
    assert fapi.call("POST", FIND, token, json={}).get_json()["code"] == "token-invalid"


@row("FAPI-24", "BCP-07")
def test_a_token_for_another_audience_is_refused(fapi: Partner) -> None:
    token = fapi.own_token()
    with fapi.house.session() as session:
        session.execute(update(AccessToken).values(audience="https://another.example/api"))
        session.commit()
    assert fapi.call("POST", FIND, token, json={}).get_json()["code"] == "token-audience"


@row("BCP-07")
@pytest.mark.parametrize(
    "resource", ["https://another.example", "http://127.0.0.1:8080", "http://127.0.0.1:8080/api/", "a"]
)
def test_a_token_for_another_resource_is_not_given(steady: Partner, resource: str) -> None:
    assert steady.token(resource=resource).get_json()["error"] == "invalid_target"
    assert steady.push(resource=resource).get_json()["error"] == "invalid_target"
    assert steady.token(resource=f"{steady.issuer}/api").status_code == 200


@row("A19", "A20")
@pytest.mark.parametrize(
    "scope",
    [None, "", " ", "openid", "residents.find openid", "residents.find\trecords.read", "residents.find residents.find"],
)
def test_no_token_without_a_scope_that_is_registered(steady: Partner, scope: str | None) -> None:
    answer = steady.token(grant_type="client_credentials", scope=scope)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_scope")


@row("A19")
def test_every_route_of_the_api_names_the_scope_it_needs(steady: Partner) -> None:
    unsaid = []
    for rule in steady.house.app.url_map.iter_rules():
        if rule.rule.startswith(("/api/", "/access/v1", "/fhir")):
            audience = getattr(steady.house.app.view_functions[rule.endpoint], "audience", None)
            if audience is None:
                view = steady.house.app.view_functions[rule.endpoint]
                audience = getattr(getattr(view, "view_class", None), "audience", None) or getattr(
                    getattr(view, "__wrapped__", None), "audience", None
                )
            if not (audience == "public" or str(audience).startswith("scope:")):
                unsaid.append(rule.rule)
    assert unsaid == []


@row("BCP-13", "A26")
def test_a_client_named_like_a_person_is_no_person(fapi: Partner) -> None:
    """``ada`` is a resident's id and ``adviser`` a worker's; a client may be registered under either name."""
    for name in ("resident:ada", "person:adviser"):
        assert register(fapi.house, name, FOOD_BANK).token(scope="own.read").status_code == 401
    for name in ("ada", "adviser"):
        partner = register(fapi.house, name, FOOD_BANK)
        token = partner.token(scope="own.read").get_json()["access_token"]
        assert partner.introspect(token).get_json()["sub"] == f"client:{name}"
        assert partner.call("GET", "/api/my/consents", token).get_json()["code"] == "residents-only"
    person = fapi.granted()["access_token"]
    assert fapi.introspect(person).get_json()["sub"] == "person:adviser"


@row("BCP-05")
@pytest.mark.parametrize(
    "grant_type",
    [
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "CLIENT_CREDENTIALS",
        "client_credentials ",
        "",
        "é",
        '"',
        None,
    ],
)
def test_no_other_grant_type_exists(steady: Partner, grant_type: str | None) -> None:
    form = {"grant_type": grant_type, "username": "ada", "password": "a", "scope": "residents.find", "assertion": "a"}
    answer = steady.token(**form)
    assert answer.status_code == 400
    assert answer.get_json()["error"] in ("unsupported_grant_type", "invalid_request")


@row("FAPI-01", "BCP-05", "BCP-16", "FAPI-02", "FAPI-04", "FAPI-21", oidf="DiscoveryEndpointVerification")
def test_what_is_published_is_what_is_done(steady: Partner) -> None:
    answer = steady.house.client.get("/.well-known/oauth-authorization-server")
    said = answer.get_json()
    assert answer.mimetype == "application/json"
    assert said["issuer"] == steady.issuer
    assert said["response_types_supported"] == ["code"]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["require_pushed_authorization_requests"] is True
    assert said["authorization_response_iss_parameter_supported"] is True
    assert {"implicit", "password"} & set(said["grant_types_supported"]) == set()
    signed = [names for name, names in said.items() if name.endswith("signing_alg_values_supported")]
    assert {name for names in signed for name in names} <= {"PS256", "ES256", "Ed25519", "EdDSA"}
    for name in ("token", "revocation", "introspection"):
        assert said[f"{name}_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    known = {rule.rule for rule in steady.house.app.url_map.iter_rules()}
    for name, address in said.items():
        if name.endswith(("_endpoint", "_uri")):
            assert address.startswith(f"{steady.issuer}/")
            assert address.removeprefix(steady.issuer) in known, name


@row("BCP-14")
def test_forged_headers_of_a_proxy_change_nothing(steady: Partner) -> None:
    forged = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "host=evil.example;proto=https",
        "X-SSL-Client-Verify": "SUCCESS",
        "X-SSL-Client-Cert": "a",
        "X-Original-URL": "/oauth/authorize",
        "X-HTTP-Method-Override": "GET",
    }
    plain = steady.house.client.get("/.well-known/oauth-authorization-server")
    tried = steady.house.client.get("/.well-known/oauth-authorization-server", headers=forged)
    assert (tried.status_code, tried.data) == (plain.status_code, plain.data)
    del plain.headers["X-Request-Id"], tried.headers["X-Request-Id"]
    assert dict(tried.headers) == dict(plain.headers)
    answer = steady.push(assertion=None, headers=forged)
    assert answer.status_code == 401
    assert "evil.example" not in answer.text


def test_a_client_that_is_revoked_loses_its_tokens_at_once(fapi: Partner) -> None:
    token = fapi.own_token()
    with fapi.house.session() as session:
        session.execute(update(Client).values(revoked_at=fapi.house.time[0]))
        session.commit()
    assert fapi.call("POST", FIND, token, json={}).status_code == 401
