"""Pushed requests: what may be asked for, by whom, and how everything else is refused, before any browser is there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.rows import row
from tests.oauth.client import CALLBACK, Partner, challenge_of
from tests.oauth.conftest import register
from tests.people import FOOD_BANK

ERRORS = {"invalid_request", "invalid_scope", "invalid_client", "unauthorized_client", "unsupported_response_type"}


def refused(answer: Any, *errors: str) -> None:
    """JSON that says no, and sends nobody anywhere."""
    assert answer.status_code in (400, 401), answer.text
    assert answer.get_json()["error"] in (errors or ERRORS), answer.text
    assert "Location" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert "request_uri" not in answer.get_json()


# Each stands for a way in which an address can look like the registered one, or be dangerous.
ADDRESSES = [
    CALLBACK + "/",
    CALLBACK + "/../cb",
    CALLBACK + "/%2e%2e/cb",
    CALLBACK + "?",
    CALLBACK + "?a=b",
    CALLBACK + "#",
    CALLBACK + "#a",
    CALLBACK + "%00",
    CALLBACK + " ",
    " " + CALLBACK,
    CALLBACK + "\n",
    CALLBACK + "\t",
    CALLBACK.upper(),
    CALLBACK.replace("/cb", "/CB"),
    CALLBACK.replace("/cb", "//cb"),
    CALLBACK.replace("/cb", "\\cb"),
    CALLBACK.replace("https", "http"),
    CALLBACK.replace("https", "HTTPS"),
    CALLBACK.replace("harvest.example", "HARVEST.example"),
    CALLBACK.replace("harvest.example", "harvest.example."),
    CALLBACK.replace("harvest.example", "harvest.example:443"),
    CALLBACK.replace("harvest.example", "harvest.example:444"),
    CALLBACK.replace("harvest.example", "user@harvest.example"),
    CALLBACK.replace("harvest.example", "harvest.example@evil.example"),
    CALLBACK.replace("harvest.example", "evil.example#harvest.example"),
    CALLBACK.replace("harvest.example", "evil.harvest.example"),
    CALLBACK.replace("harvest.example", "harvest.example.evil.example"),
    CALLBACK.replace("harvest.example", "hаrvest.example"),  # a Cyrillic letter
    CALLBACK.replace("harvest.example", "[::1]"),
    "//harvest.example/cb",
    "/cb",
    "",
    "javascript:alert(1)",
    "javascript://harvest.example/%0aalert(1)",
    "data:text/html,a",
    "file:///etc/passwd",
    "urn:ietf:wg:oauth:2.0:oob",
    "http://localhost:80@evil.example/",
    "https://harvest.example/cb,https://evil.example",
    'https://x.example/"',
    "https://x.example/\\",
    "https://two-chairs.example/cb",
]


@row("BCP-01", "BCP-02", "A13", "A14", "AUTHLIB-1.8.0", "AUTHLIB-1.9.3", oidf="RegisteredRedirectUri")
@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_not_the_registered_one_is_refused(steady: Partner, address: str) -> None:
    refused(steady.push(redirect_uri=address), "invalid_request")


@row("FAPI-13", "PAR-06")
def test_an_address_must_be_given(steady: Partner) -> None:
    refused(steady.push(redirect_uri=None), "invalid_request")


@row("FAPI-12", "BCP-03", "A1", "A2", oidf=("PARPKCERequired", "PARPlainPKCERejected"))
@pytest.mark.parametrize(
    "change",
    [
        {"code_challenge": None},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge_method": "S512"},
        {"code_challenge_method": ""},
        {"code_challenge": ""},
        {"code_challenge": "a" * 42},
        {"code_challenge": "a" * 44},
        {"code_challenge": challenge_of("a") + "="},
        {"code_challenge": challenge_of("a")[:-1] + "+"},
        {"code_challenge": challenge_of("a")[:-1] + "é"},
        {"code_challenge": challenge_of("a")[:-1] + "\n"},
        {"code_challenge": "v" * 64},
    ],
    ids=str,
)
def test_a_challenge_by_s256_is_asked_of_everybody(steady: Partner, change: dict[str, Any]) -> None:
    refused(steady.push(**change), "invalid_request")


@row("FAPI-10", "BCP-05", oidf=("ResponseTypeCodeIdTokenFails", "ResponseTypeTokenFails"))
@pytest.mark.parametrize(
    "kind", ["token", "code id_token", "code token", "id_token", "none", "", "CODE", "code ", None, 'a"']
)
def test_the_response_type_is_code(steady: Partner, kind: str | None) -> None:
    refused(steady.push(response_type=kind), "unsupported_response_type")


@row("FAPI-11", "PAR-06")
def test_a_push_proves_whose_it_is(steady: Partner) -> None:
    answer = steady.push(assertion=None)
    assert answer.status_code == 401
    refused(answer, "invalid_client")


@row("PAR-02", oidf="PARRejectRequestUriInParAuthorizationFormParams")
def test_a_push_has_no_name_of_its_own(steady: Partner) -> None:
    for uri in (steady.pushed(), "urn:a", "https://evil.example/request"):
        refused(steady.push(request_uri=uri), "invalid_request")


@row("PAR-04", oidf="PARRejectInvalidHttpVerb")
@pytest.mark.parametrize("path", ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"])
def test_only_post_is_taken(steady: Partner, method: str, path: str) -> None:
    answer = steady.house.client.open(path, method=method)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "OPTIONS, POST" or "POST" in answer.headers["Allow"]


@row("PAR-03")
@pytest.mark.parametrize("path", ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"])
def test_a_body_that_is_too_large_is_refused_as_that(steady: Partner, path: str) -> None:
    assert steady.house.client.post(path, data={"state": "s" * 65_536}).status_code == 413
    unsized = {"Transfer-Encoding": "chunked"}
    assert steady.house.client.post(path, headers=unsized).status_code in (400, 413, 415)


@row("PAR-05", "A10")
@pytest.mark.parametrize("path", ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"])
@pytest.mark.parametrize(
    "query", ["?a=b", "?grant_type=client_credentials", "?client_id=harvest-system", "?scope=", "?&"]
)
def test_nothing_comes_in_the_address(steady: Partner, path: str, query: str) -> None:
    proof = steady.proof("POST", path)
    form = {**steady.asking(), "grant_type": "client_credentials", "scope": "residents.find", "token": "a"}
    answer = steady.post(path, form, proof=proof, query=query)
    refused(answer, "invalid_request")


@row("PAR-05", "A11")
@pytest.mark.parametrize(
    "name", ["scope", "redirect_uri", "state", "client_id", "response_type", "code_challenge", "nonce", "unknown"]
)
def test_a_parameter_given_twice_is_refused_even_where_both_say_the_same(steady: Partner, name: str) -> None:
    value = steady.asking().get(name, "a")
    refused(steady.push(**{name: [value, value]}), "invalid_request")


@row("FAPI-08", oidf="MismatchedDpopJktFails")
def test_a_proof_and_a_thumbprint_that_differ_are_refused(steady: Partner, steady_other: Partner) -> None:
    proof = steady.proof("POST", "/oauth/par")
    refused(steady.push(proof=proof, dpop_jkt=steady_other.thumbprint), "invalid_dpop_proof", "invalid_request")
    assert steady.push(proof=steady.proof("POST", "/oauth/par"), dpop_jkt=steady.thumbprint).status_code == 201
    for odd in ("", "a", steady.thumbprint + "=", "é" * 43):
        refused(steady.push(dpop_jkt=odd), "invalid_request")


def test_a_proof_beside_a_push_must_hold(steady: Partner) -> None:
    """It binds the code, so one that does not hold is not passed over."""
    for proof in (steady.proof("POST", "/oauth/token"), steady.proof("GET", "/oauth/par"), "not-a-proof"):
        refused(steady.push(proof=proof), "invalid_dpop_proof")


@row("A20")
@pytest.mark.parametrize(
    "scope",
    [
        None,
        "",
        " ",
        "openid",
        "residents.find everything",
        "residents.find residents.find",
        "residents.find  records.read",
        " residents.find",
        "residents.find ",
        "residents.find\trecords.read",
        "Residents.find",
        "residents.*",
        "own.read records.read",
        "residents.find\u00a0records.read",
        '"',
    ],
)
def test_too_wide_an_odd_or_a_mixed_scope_is_refused(steady: Partner, scope: str | None) -> None:
    refused(steady.push(scope=scope), "invalid_scope")


@pytest.mark.parametrize("name", ["response_mode", "registration"])
@pytest.mark.parametrize("value", ["form_post", "fragment", "jwt", "query.jwt", "{}"])
def test_what_would_mean_something_elsewhere_is_refused(steady: Partner, name: str, value: str) -> None:
    refused(steady.push(**{name: value}), "invalid_request")


def test_a_client_that_is_not_registered_to_ask_people_may_not(steady: Partner) -> None:
    partner = register(steady.house, "backend", FOOD_BANK, grant_types=["client_credentials"], redirect_uris=[])
    refused(partner.push(), "unauthorized_client")


def test_a_parameter_that_means_nothing_here_changes_nothing(steady: Partner) -> None:
    """RFC 6749 §3.1; and nothing of it is kept."""
    assert steady.push(display="popup", ui_locales="cy", claims="{}", audience="x").status_code == 201


@row("STEP-05")
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"acr_values": "urn:example:gold"}, "unmet_authentication_requirements"),
        ({"acr_values": ""}, "unmet_authentication_requirements"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"max_age": "1000000"}, "invalid_request"),
        ({"prompt": "select_account"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_of_a_sign_in_is_refused(steady: Partner, change: dict[str, str], error: str) -> None:
    refused(steady.push(**change), error)
