"""Signed requests: nothing outside the signature is read, and nothing inside that is wrong or old is taken."""

from __future__ import annotations

import hmac
import json
import secrets
from typing import Any

import pytest
from joserfc import jws
from sqlalchemy import select

from broker.grants.actions import digest
from broker.grants.models import PushedRequest
from broker.identity.models import Client
from tests.conformance.rows import row
from tests.oauth.client import Partner, encoded, new_key, signed, without_none
from tests.oauth.conftest import KEY

HOUR = 3600


def claims(partner: Partner, **changes: Any) -> dict[str, Any]:
    made = {"iss": partner.client_id, "aud": partner.issuer, "nbf": partner.now, "exp": partner.now + 300}
    return without_none({**partner.asking(), **made, **changes})


def signed_request(partner: Partner, *, key: Any = None, header: dict[str, Any] | None = None, **changes: Any) -> str:
    return signed(claims(partner, **changes), key or partner.key, **{"typ": "oauth-authz-req+jwt", **(header or {})})


def push(partner: Partner, request: str, **outside: Any) -> Any:
    return partner.post("/oauth/par", {"request": request, "client_id": partner.client_id, **outside})


def kept(partner: Partner, request_uri: str) -> dict[str, Any]:
    with partner.house.session() as session:
        found = session.get(PushedRequest, digest(request_uri))
        assert found is not None
        return found.parameters


@row("JAR-02", oidf="RequestObjectMatchingKeySucceeds")
def test_a_signed_request_is_pushed_answered_and_redeemed(fapi: Partner) -> None:
    answer = push(fapi, signed_request(fapi))
    assert answer.status_code == 201, answer.text
    answered = fapi.authorize(answer.get_json()["request_uri"])
    assert answered.said["state"] == "a-state"
    assert fapi.redeem(answered.code).status_code == 200


@row("JAR-05", oidf="StateOnlyOutsideRequestObjectNotUsed")
def test_only_what_is_signed_is_read(fapi: Partner) -> None:
    """A state that is outside is nobody's: it is not sent back (FAPI 2.0 Message Signing §5.3.1)."""
    answer = push(fapi, signed_request(fapi, state=None), state="outside", nonce="outside", scope="records.read")
    assert answer.status_code == 201, answer.text
    found = kept(fapi, answer.get_json()["request_uri"])
    assert "state" not in found
    assert found["scope"] == fapi.asking()["scope"]
    assert "state" not in fapi.authorize(answer.get_json()["request_uri"]).said


@row("JAR-03", "JAR-04", oidf=("RequestObjectMultipleAudSucceeds", "RequestObjectNbf8SecondsFutureSucceeds"))
@pytest.mark.parametrize(
    "changes",
    [
        {"nbf": 8, "iat": 8},
        {"nbf": -HOUR + 5, "exp": 5},
        {"nbf": 0, "exp": HOUR},
        {"aud": ["https://another.example", "the issuer"]},
        {"max_age": 300},
        {"max_age": "300"},
    ],
    ids=str,
)
def test_a_request_that_is_right_is_taken(steady: Partner, changes: dict[str, Any]) -> None:
    answer = push(steady, signed_request(steady, **timed(steady, changes)))
    assert answer.status_code == 201, answer.text


def test_a_request_object_may_leave_its_type_out(steady: Partner) -> None:
    """FAPI 2.0 Message Signing recommends one; a request object without is known by what it says."""
    header = {"alg": "ES256", "kid": steady.key.kid}
    request = jws.serialize_compact(header, json.dumps(claims(steady)), steady.key, algorithms=["ES256"])
    assert push(steady, request).status_code == 201


def timed(partner: Partner, changes: dict[str, Any]) -> dict[str, Any]:
    """Times are given from now; and the issuer by that name."""
    made = dict(changes)
    for name in ("nbf", "exp", "iat"):
        if isinstance(made.get(name), int) and not isinstance(made[name], bool):
            made[name] += partner.now
    if isinstance(made.get("aud"), list):
        made["aud"] = [partner.issuer if each == "the issuer" else each for each in made["aud"]]
    return made


@row(
    "JAR-03",
    "JAR-04",
    oidf=(
        "RequestObjectWithoutExpFails",
        "RequestObjectWithoutNbfFails",
        "ExpiredRequestObjectFails",
        "RequestObjectBadAudFails",
        "RequestObjectExpOver60Fails",
        "RequestObjectNbfOver60Fails",
    ),
)
@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": None},
        {"nbf": None},
        {"exp": -11, "nbf": -300},
        {"exp": HOUR + 1},
        {"nbf": -HOUR - 1},
        {"nbf": 61},
        {"iat": 61},
        {"exp": "soon"},
        {"nbf": True},
        {"exp": 1.5e9},
        {"aud": None},
        {"aud": "https://another.example"},
        {"aud": ["https://another.example"]},
        {"aud": {"the": "issuer"}},
        {"iss": None},
        {"iss": "chairs-system"},
        {"client_id": None},
        {"client_id": "chairs-system"},
        {"sub": "harvest-system"},
        {"request": "a.b.c"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
        {"state": 7},
        {"scope": ["residents.find"]},
        {"claims": {"id_token": {}}},
        {"max_age": 1.5},
        {"max_age": True},
        {"authorization_details": {"type": "x"}},
        {"authorization_details": "[]"},
        {"state": "a\x00b"},
    ],
    ids=str,
)
def test_a_request_that_is_wrong_is_refused(steady: Partner, wrong: dict[str, Any]) -> None:
    answer = push(steady, signed_request(steady, **timed(steady, wrong)))
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request_object"), answer.text
    assert "Location" not in answer.headers


@row("JAR-06")
@pytest.mark.parametrize(
    "header",
    [{"typ": "JWT"}, {"typ": "dpop+jwt"}, {"typ": ""}, {"kid": "another"}, {"alg": "EdDSA"}],
    ids=str,
)
def test_a_header_that_says_something_else_is_refused(steady: Partner, header: dict[str, Any]) -> None:
    key = new_key("EdDSA", KEY.kid) if header.get("alg") == "EdDSA" else None
    answer = push(steady, signed_request(steady, header=header, key=key))
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request_object")


def with_shared_secret(claims: dict[str, Any], secret: bytes) -> str:
    """As if the public key were a secret that both knew."""
    said = f"{encoded(json.dumps({'alg': 'HS256', 'kid': KEY.kid}).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{said}.{encoded(hmac.digest(secret, said.encode(), 'sha256'))}"


@row(
    "JAR-02",
    "A12",
    oidf=(
        "RequestObjectSignedWithRS256Fails",
        "RequestObjectSignedWithNoneFails",
        "RequestObjectInvalidSignatureFails",
    ),
)
def test_no_other_key_and_no_weaker_algorithm_is_taken(steady: Partner) -> None:
    right = claims(steady)
    shared = with_shared_secret(right, KEY.as_pem(private=False))
    weak = signed(right, new_key("RS256", KEY.kid), alg="RS256")
    unsigned = f"{encoded(json.dumps({'alg': 'none'}).encode())}.{encoded(json.dumps(right).encode())}."
    header, body, signature = signed_request(steady).split(".")
    other = encoded(json.dumps({**right, "scope": "records.read"}).encode())
    for request in (
        *(shared, weak, unsigned, signed(right, new_key("ES256", KEY.kid))),
        *(f"{header}.{other}.{signature}", f"{header}.{body}.", "a.b.c", "", "\u00e9"),
    ):
        answer = push(steady, request)
        assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request_object"), request[:40]


def test_a_request_object_nested_deeply_or_with_a_name_twice_is_refused(steady: Partner) -> None:
    for payload in (b'{"state":' + b"[" * 9_000, b'{"iss":"a","iss":"b"}', b"[]", b"\xff"):
        request = f"{encoded(b'{}')}.{encoded(payload)}.AAAA"
        assert push(steady, request).status_code == 400


@pytest.mark.parametrize("alg", ["PS256", "Ed25519", "EdDSA"])
def test_each_algorithm_of_the_profile_is_taken(fapi: Partner, alg: str) -> None:
    key = new_key(alg)
    with fapi.house.session() as session:
        client = session.scalars(select(Client).where(Client.id == fapi.client_id)).one()
        client.jwks = {"keys": [*client.jwks["keys"], key.as_dict(private=False)]}  # type: ignore[misc]
        session.commit()
    answer = push(fapi, signed_request(fapi, key=key, header={"alg": alg}))
    assert answer.status_code == 201, answer.text


def test_what_is_inside_is_checked_as_any_request_is(steady: Partner) -> None:
    """Being signed excuses nothing."""
    for wrong, error in (
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"redirect_uri": "https://harvest.example/other"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"response_mode": "form_post"}, "invalid_request"),
    ):
        answer = push(steady, signed_request(steady, **wrong))
        assert (answer.status_code, answer.get_json()["error"]) == (400, error), wrong


def test_authorization_details_are_an_array_inside(fapi: Partner) -> None:
    asking = fapi.asking_ada()
    details = json.loads(asking.pop("authorization_details"))
    answer = push(fapi, signed_request(fapi, authorization_details=details, **asking))
    assert answer.status_code == 201, answer.text
    wrong = push(fapi, signed_request(fapi, authorization_details=[{**details[0], "extra": 1}], **asking))
    assert wrong.get_json()["error"] == "invalid_authorization_details"


@row("JAR-01", oidf="UnsignedRequestAtParFails")
def test_a_client_that_signs_its_requests_is_taken_at_no_other_word(fapi: Partner) -> None:
    with fapi.house.session() as session:
        session.scalars(select(Client).where(Client.id == fapi.client_id)).one().signs_requests = True
        session.commit()
    unsigned = fapi.push()
    assert (unsigned.status_code, unsigned.get_json()["error"]) == (400, "invalid_request")
    assert push(fapi, signed_request(fapi)).status_code == 201


def test_a_request_object_is_no_client_assertion_and_the_other_way_round(fapi: Partner) -> None:
    request = signed_request(fapi, jti=secrets.token_hex(8))
    assert fapi.push(assertion=request).status_code == 401
    assertion = signed({**fapi.claims(), **claims(fapi)}, fapi.key)
    assert push(fapi, assertion).get_json()["error"] == "invalid_request_object"


def test_another_clients_signature_opens_nothing(fapi: Partner, other: Partner) -> None:
    assert push(fapi, signed_request(fapi, key=other.key)).status_code == 400
    assert push(other, signed_request(fapi)).status_code == 400
