"""Tokens: who is given one, for what, and what a wrong, old, foreign or narrow one gets."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwk, jwt
from sqlalchemy import select, update

from broker.errors import Misconfigured
from broker.identity.models import AccessToken, Client, Membership
from broker.oauth.scopes import PARTNER_SCOPES
from broker.oauth.tokens import digest
from broker.settings import Settings
from broker.vocabulary import Role
from tests.doors import proving
from tests.doors.conftest import House, build_house
from tests.doors.test_records import find
from tests.people import FOOD_BANK, LONG_AGO, NOON

KEY = jwk.ECKey.generate_key("P-256", {"kid": "one"})
OTHER_KEY = jwk.ECKey.generate_key("P-256", {"kid": "one"})
NOW = int(NOON.timestamp())
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
def system(house: House) -> str:
    """The food bank's own system, registered."""
    with house.session() as session:
        session.add(
            Client(
                id="harvest-system",
                organisation_code=FOOD_BANK,
                name="Harvest Shelf casework",
                role=Role.CASE_WORKER,
                jwks={"keys": [KEY.as_dict(private=False)]},
                scopes=" ".join(PARTNER_SCOPES),
                registered_at=LONG_AGO,
            )
        )
        session.commit()
    return "harvest-system"


def claims(house: House, **changes: Any) -> dict[str, Any]:
    now = int(house.time[0].timestamp())
    issuer = house.broker.settings.issuer
    made = {"iss": "harvest-system", "sub": "harvest-system", "aud": issuer, "iat": now, "exp": now + 60}
    made["jti"] = secrets.token_hex(8)
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def form(assertion: str, **changes: Any) -> dict[str, Any]:
    made = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
        "scope": "residents.find",
    }
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def sent(house: House, data: dict[str, Any], *, query: str = "", **proof: Any) -> Any:
    """Ask for a token, with a proof of its own."""
    headers = {"DPoP": house.proof("/oauth/token", **proof)}
    return house.client.post(f"/oauth/token{query}", data=data, headers=headers)


def signed(house: House, *, key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(header or {"alg": "ES256", "kid": "one"}, claims(house, **changes), key)


def test_a_registered_system_is_given_a_short_opaque_token_kept_only_as_a_digest(house: House, system: str) -> None:
    answer = sent(house, form(signed(house)))
    body = answer.get_json()
    assert answer.status_code == 200, body
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("DPoP", 300, "residents.find")
    assert answer.headers["Cache-Control"] == "no-store"
    with house.session() as session:
        kept = session.scalars(select(AccessToken).where(AccessToken.client_id == system)).one()
    assert kept.digest == digest(body["access_token"])
    assert kept.jkt == proving.KEY.thumbprint()
    house.bound.add(body["access_token"])
    assert find(house, body["access_token"])


def test_a_token_is_asked_for_with_one_proof_of_a_key(house: House, system: str) -> None:
    for proofs in ([], [house.proof("/oauth/token"), house.proof("/oauth/token")], ["not-a-proof"]):
        headers = [("DPoP", each) for each in proofs]
        answer = house.client.post("/oauth/token", data=form(signed(house)), headers=headers)
        assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_dpop_proof")


def test_a_bound_token_is_no_bearer_token(house: House, system: str) -> None:
    """RFC 9449 §7.2: however good the token and the proof are otherwise."""
    token = house.system_token(form(signed(house)))
    assert find(house, token)
    for proved in (False, True):
        headers = {"Authorization": f"Bearer {token}"}
        if proved:
            headers["DPoP"] = house.proof("/api/residents/find", token=token)
        answer = house.client.post("/api/residents/find", json={}, headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "token-invalid")


def test_an_assertion_is_used_once(house: House, system: str) -> None:
    assertion = signed(house)
    assert sent(house, form(assertion)).status_code == 200
    assert sent(house, form(assertion)).status_code == 401


def test_of_many_simultaneous_uses_of_an_assertion_one_wins(house: House, system: str) -> None:
    assertion = signed(house)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: sent(house, form(assertion)).status_code, range(16)))
    assert answers.count(200) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": OTHER_KEY},
        {"aud": "https://another.example"},
        {"aud": ["http://127.0.0.1:8080"]},
        {"aud": "http://127.0.0.1:8080/oauth/token"},
        {"aud": None},
        {"exp": NOW - 120},
        {"exp": NOW + 3600},
        {"exp": None},
        {"iat": NOW + 120},
        {"iss": "somebody-else"},
        {"sub": "nobody"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
    ],
)
def test_a_wrong_assertion_gets_no_token(house: House, system: str, wrong: dict[str, Any]) -> None:
    answer = sent(house, form(signed(house, **wrong)))
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")
    assert "access_token" not in answer.text


def test_an_unsigned_or_weakly_signed_assertion_gets_no_token(house: House, system: str) -> None:
    import base64
    import json

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    unsigned = f"{part({'alg': 'none'})}.{part(claims(house))}."
    shared = jwt.encode(
        {"alg": "HS256"}, claims(house), jwk.OctKey.import_key(secrets.token_bytes(32)), algorithms=["HS256"]
    )
    for assertion in (
        unsigned,
        shared,
        "a.b.c",
        "",
        ".",
        "\u00e9.x.y",
        part({"alg": "ES256"}) + "." + "W" * 40_000 + ".x",
    ):
        answer = sent(house, form(assertion))
        assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client"), assertion[:40]


def test_deeply_nested_claims_are_refused_before_anything_is_believed(house: House, system: str) -> None:
    import base64

    deep = base64.urlsafe_b64encode(b'{"sub":' + b"[" * 20_000).rstrip(b"=").decode()
    answer = sent(house, form(f"eyJhbGciOiJFUzI1NiJ9.{deep}.x"))
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("change", "query", "error"),
    [
        ({"scope": "records.read everything"}, "", "invalid_scope"),
        ({"scope": None}, "", "invalid_scope"),
        ({"grant_type": "password"}, "", "unsupported_grant_type"),
        ({"resource": "https://another.example"}, "", "invalid_target"),
        ({"grant_type": None}, "?grant_type=client_credentials", "invalid_request"),
        ({"scope": ["residents.find", "records.read"]}, "", "invalid_request"),
    ],
)
def test_a_request_for_more_or_in_the_wrong_place_is_refused(
    house: House, system: str, change: dict[str, Any], query: str, error: str
) -> None:
    answer = sent(house, form(signed(house), **change), query=query)
    assert (answer.status_code, answer.get_json()["error"]) == (400, error)


def test_a_revoked_token_stops_at_once_and_revoking_tells_nothing(house: House, system: str) -> None:
    token = house.system_token(form(signed(house)))
    assert find(house, token)
    for text in (token, "not-a-token"):
        answer = house.client.post("/oauth/revoke", data={**form(signed(house)), "token": text})
        assert answer.status_code == 200
    assert house.call("POST", "/api/residents/find", token=token, json={}).status_code == 401


def test_a_revoked_client_gets_no_token(house: House, system: str) -> None:
    with house.session() as session:
        session.execute(update(Client).values(revoked_at=house.time[0]))
        session.commit()
    assert sent(house, form(signed(house))).status_code == 401


def test_an_expired_token_is_refused(house: House, adviser: str) -> None:
    house.wait(timedelta(seconds=300))
    answer = house.call("POST", "/api/residents/find", token=adviser, json={})
    assert (answer.status_code, answer.get_json()["code"]) == (401, "token-invalid")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_token_of_another_audience_is_refused(house: House, adviser: str) -> None:
    with house.session() as session:
        session.execute(update(AccessToken).values(audience="https://another.example/api"))
        session.commit()
    answer = house.call("POST", "/api/residents/find", token=adviser, json={})
    assert (answer.status_code, answer.get_json()["code"]) == (401, "token-audience")


def test_a_token_without_the_scope_is_refused(house: House, ada: str, adviser: str) -> None:
    assert house.call("POST", "/api/residents/find", token=ada, json={}).get_json()["code"] == "scope-missing"
    assert house.call("GET", "/api/my/consents", token=adviser).get_json()["code"] == "scope-missing"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer wrong", "Bearer \u00e9", "DPoP", "DPoP wrong"]
)
def test_no_token_or_a_made_up_one_is_refused(house: House, header: str) -> None:
    answer = house.client.get("/api/my/consents", headers={"Authorization": header.encode("utf-8").decode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("DPoP ")


def test_a_token_in_the_address_is_not_read(house: House, ada: str) -> None:
    assert house.client.get(f"/api/my/consents?access_token={ada}").status_code == 401


def test_the_metadata_lists_what_is_there_and_no_more(house: House) -> None:
    found = house.client.get("/.well-known/oauth-authorization-server").get_json()
    assert not {"implicit", "password"} & set(found["grant_types_supported"])
    assert {"authorization_code", "client_credentials", "refresh_token"} <= set(found["grant_types_supported"])
    assert found["require_pushed_authorization_requests"] is True
    assert found["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]


def test_a_system_asks_in_a_workers_name_only_while_they_work_there(house: House, system: str) -> None:
    token = house.system_token(form(signed(house), scope="residents.find records.read"))
    handle = find(house, token)
    for left, reason in ((None, None), (NOON, "not-a-member")):
        with house.session() as session:
            session.execute(update(Membership).where(Membership.person_id == "adviser").values(ended_at=left))
            session.commit()
        answer = house.call(
            "POST",
            "/api/records/view",
            token=token,
            json={
                "resident": handle,
                "purpose": "advice-debt",
                "sections": ["housing"],
                "worker": {"person": "adviser", "role": "case-worker"},
            },
        )
        found = {each["code"] for each in answer.get_json()["reasons"]}
        assert (reason in found) if reason else ("not-a-member" not in found)


@pytest.fixture
def real_house(settings: Settings) -> Iterator[House]:
    yield from build_house(settings)


def test_tokens_for_a_cast_exist_only_in_a_demonstration(real_house: House) -> None:
    assert real_house.client.post("/demo/token", json={"resident": "ada"}).status_code == 404
    assert real_house.client.get("/demo/sign-in").status_code == 404


def test_a_demonstration_cannot_be_turned_on_beside_a_non_loopback_address(settings: Settings) -> None:
    for bind in ("0.0.0.0:8080", "192.0.2.1:80", "[::]:80", "broker.example:80", ":8080"):
        with pytest.raises(Misconfigured, match="loopback"):
            replace(settings, demonstration=True, bind=bind)


def test_a_demonstration_cannot_be_turned_on_beside_a_public_address_of_another_machine(settings: Settings) -> None:
    replace(settings, demonstration=True, public_url="http://localhost:8080")
    for url in ("https://broker.example", "http://192.0.2.1:8080", "http://localhost.example", "//127.0.0.1@x.example"):
        with pytest.raises(Misconfigured, match="loopback"):
            replace(settings, demonstration=True, public_url=url)


@pytest.mark.parametrize("path", ["/demo/sign-in", "/demo/token", "/", "/api/vocabulary"])
def test_a_demonstration_answers_its_own_machine_under_its_own_name_alone(house: House, path: str) -> None:
    for host in ("localhost:8080", "127.0.0.1", "[::1]:8080"):
        assert house.client.get(path, headers={"Host": host}).status_code != 403
    for host in ("rebound.example", "192.0.2.1:8080", "127.0.0.1.example", "[::1"):
        assert house.client.get(path, headers={"Host": host}).status_code in (400, 403)
    assert house.client.get(path, environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 403


def test_what_is_no_demonstration_answers_any_machine(real_house: House) -> None:
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    answer = real_house.client.get("/health", headers={"Host": "broker.example"}, environ_base=elsewhere)
    assert answer.status_code == 200
