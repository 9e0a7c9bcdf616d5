"""Registering a system: what may be asked for is written down once, by public keys alone, and ended at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.audit.models import AuditEntry
from broker.audit.trail import Trail
from broker.errors import Conflict, InvalidInput, NotFound
from broker.grants.models import Grant, RefreshToken
from broker.identity.models import AccessToken, Client
from broker.oauth import registration
from broker.oauth.registration import CIBA, CODE, CREDENTIALS, EXCHANGE, REFRESH, Registration
from broker.vocabulary import AuditAction, ClientProfile, Role
from tests.cli.conftest import Run, ready, run, written
from tests.conformance.rows import row
from tests.oauth.client import CALLBACK, Partner, new_key
from tests.oauth.conftest import KEY
from tests.people import FOOD_BANK, NOON

__all__ = ["ready", "run"]
BY = "operator:tests"
PUBLIC = {"keys": [KEY.as_dict(private=False)]}


def wanted(**changes: Any) -> Registration:
    return replace(Registration(name="Harvest", role=Role.CASE_WORKER, jwks=PUBLIC), **changes)


def asks_people(**changes: Any) -> Registration:
    return wanted(**{"grant_types": (CODE, REFRESH), "redirect_uris": (CALLBACK,), **changes})


def refused(found: Registration, *, demonstration: bool = False) -> str:
    with pytest.raises(InvalidInput) as raised:
        registration.check(found, demonstration=demonstration)
    return raised.value.code


@pytest.mark.parametrize(
    "right",
    [
        wanted(),
        asks_people(signs_requests=True),
        asks_people(grant_types=(CODE, REFRESH, CREDENTIALS, CIBA)),
        wanted(grant_types=(CIBA, REFRESH)),
        wanted(resource_server=True),
        asks_people(profile=ClientProfile.SMART_APP, scopes=("launch/patient", "patient/*.rs", "offline_access")),
        asks_people(profile=ClientProfile.SMART_APP, scopes=("user/Condition.read", "residents.find")),
        wanted(profile=ClientProfile.SMART_BACKEND, scopes=("system/*.rs",)),
        wanted(profile=ClientProfile.NHS, grant_types=(EXCHANGE,), scopes=("own.read",)),
    ],
    ids=lambda right: f"{right.profile}-{'-'.join(right.grant_types)}",
)
def test_each_profile_has_its_own_grant_types_and_scopes(right: Registration) -> None:
    registration.check(right, demonstration=False)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (wanted(name=" "), "name-missing"),
        (wanted(role=Role.RESIDENT), "role-not-for-systems"),
        (wanted(role=Role.PROXY), "role-not-for-systems"),
        (wanted(grant_types=()), "grant-type-wrong"),
        (wanted(grant_types=("password",)), "grant-type-wrong"),
        (wanted(grant_types=("implicit",)), "grant-type-wrong"),
        (wanted(grant_types=(EXCHANGE,)), "grant-type-wrong"),
        (wanted(grant_types=(CREDENTIALS, REFRESH)), "grant-type-wrong"),
        (wanted(grant_types=(CREDENTIALS, CREDENTIALS)), "grant-type-wrong"),
        (wanted(profile=ClientProfile.SMART_BACKEND, scopes=("system/*.rs",), grant_types=(CODE,)), "grant-type-wrong"),
        (wanted(grant_types=(CODE,)), "redirect-uri-wrong"),
        (wanted(redirect_uris=(CALLBACK,)), "redirect-uri-wrong"),
        (asks_people(redirect_uris=(CALLBACK, CALLBACK)), "redirect-uri-wrong"),
        (wanted(signs_requests=True), "signs-requests-wrong"),
        (asks_people(signs_requests=True, grant_types=(CODE, CIBA)), "signs-requests-wrong"),
        (wanted(scopes=()), "scope-wrong"),
        (wanted(scopes=("everything",)), "scope-wrong"),
        (wanted(scopes=("records.read", "records.read")), "scope-wrong"),
        (wanted(scopes=("user/Condition.rs",)), "scope-wrong"),
        (asks_people(profile=ClientProfile.SMART_APP, scopes=("records.read",)), "scope-wrong"),
        (asks_people(profile=ClientProfile.SMART_APP, scopes=("system/*.rs",)), "scope-wrong"),
        (asks_people(profile=ClientProfile.SMART_APP, scopes=("user/*.cruds",)), "scope-wrong"),
        (asks_people(profile=ClientProfile.SMART_APP, scopes=("user/*.*",)), "scope-wrong"),
        (wanted(profile=ClientProfile.SMART_BACKEND, scopes=("user/*.rs",)), "scope-wrong"),
        (wanted(profile=ClientProfile.SMART_BACKEND, scopes=("offline_access",)), "scope-wrong"),
    ],
)
def test_what_a_profile_does_not_have_is_refused(wrong: Registration, code: str) -> None:
    assert refused(wrong) == code


@row("FAPI-15")
@pytest.mark.parametrize(
    "address",
    [
        "http://harvest.example/cb",
        "http://127.0.0.1:8000/cb",
        "https://harvest.example/cb#part",
        "https://harvest.example/cb#",
        "https://someone@harvest.example/cb",
        "https://someone:word@harvest.example/cb",
        "https://*.harvest.example/cb",
        "https://harvest.example/*",
        "https:///cb",
        "/cb",
        "",
        "javascript:alert(1)",
        "harvest://cb",
        "https://harvest.example/a/../cb",
        "https://harvest.example/\u00e9",
        "https://harvest.example/c b",
        "https://harvest.example\\@other.example/",
        "https://harvest.example:99999/cb",
        "https://[::1/cb",
        "https://harvest.example/" + "a" * 500,
    ],
)
def test_people_are_sent_back_to_a_whole_https_address_alone(address: str) -> None:
    assert refused(asks_people(redirect_uris=(address,))) == "redirect-uri-wrong"


def test_a_demonstration_alone_sends_people_to_its_own_machine_over_http() -> None:
    for address in ("http://127.0.0.1:8000/cb", "http://localhost/cb", "http://[::1]:9/cb"):
        registration.check(asks_people(redirect_uris=(address,)), demonstration=True)
        assert refused(asks_people(redirect_uris=(address,))) == "redirect-uri-wrong"
    assert refused(asks_people(redirect_uris=("http://harvest.example/cb",)), demonstration=True)


def of(*keys: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) if not isinstance(key, dict) else key for key in keys]}


@pytest.mark.parametrize("alg", ["ES256", "PS256", "Ed25519"])
def test_keys_of_each_algorithm_are_taken(alg: str) -> None:
    registration.check_keys(of(new_key(alg)))


@row("FAPI-22")
@pytest.mark.parametrize(
    ("jwks", "code"),
    [
        ({}, "jwks-malformed"),
        ([], "jwks-malformed"),
        ({"keys": []}, "jwks-malformed"),
        ({"keys": ["a"]}, "jwks-malformed"),
        ({"keys": [KEY.as_dict(private=True)]}, "jwks-not-public"),
        ({"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}]}, "jwks-not-public"),
        (of(jwk.RSAKey.generate_key(1024, {"kid": "small"})), "jwks-malformed"),
        (of(jwk.ECKey.generate_key("P-384", {"kid": "other"})), "jwks-malformed"),
        (of(jwk.OKPKey.generate_key("X25519", {"kid": "agree"})), "jwks-malformed"),
        (of(KEY, KEY), "jwks-duplicate"),
        (of(KEY, {**KEY.as_dict(private=False), "kid": "another-name"}), "jwks-duplicate"),
        (of(KEY, new_key("ES256", KEY.kid)), "jwks-duplicate"),
        (of({**KEY.as_dict(private=False), "use": "enc"}), "jwks-not-for-signing"),
        (of({**KEY.as_dict(private=False), "alg": "RS256"}), "jwks-not-for-signing"),
        (of({**KEY.as_dict(private=False), "kid": 7}), "jwks-malformed"),
        (of(*(new_key() for _ in range(21))), "jwks-malformed"),
    ],
)
def test_keys_that_are_weak_private_shared_or_there_twice_are_refused(jwks: Any, code: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        registration.check_keys(jwks)
    assert raised.value.code == code


@row("BCP-13")
def test_an_id_that_could_be_taken_for_a_person_is_refused(fapi: Partner) -> None:
    """A client's id stands beside typed subjects, and never among them (RFC 9700 §4.15)."""
    for client_id in ("person:adviser", "", "a b", "-x", "a" * 61, "\u00e9"):
        with pytest.raises(InvalidInput), fapi.house.session() as session:
            added(session, fapi, client_id)


def added(session: Session, partner: Partner, client_id: str, **changes: Any) -> Client:
    return registration.add(
        session,
        client_id,
        wanted(**changes),
        organisation=FOOD_BANK,
        demonstration=False,
        by=BY,
        trail=partner.house.broker.trail,
        now=NOON,
    )


def trail_of(partner: Partner) -> Trail:
    return partner.house.broker.trail


def entries(session: Session, action: AuditAction) -> list[dict[str, Any]]:
    bodies = select(AuditEntry.body).where(AuditEntry.action == action).order_by(AuditEntry.index)
    return [json.loads(body) for body in session.scalars(bodies)]


def test_what_is_registered_is_on_the_trail_and_works(fapi: Partner) -> None:
    with fapi.house.session() as session:
        added(session, fapi, "harvest-night", scopes=("residents.find",))
        session.commit()
        assert entries(session, AuditAction.CLIENT_CHANGED)[-1]["act"] == "registered"
        with pytest.raises(Conflict):
            added(session, fapi, "harvest-night")
    partner = replace(fapi, client_id="harvest-night")
    assert partner.token(scope="residents.find").status_code == 200
    assert partner.token(scope="records.read").get_json()["error"] == "invalid_scope"


def test_revoking_ends_every_grant_and_token_at_once(fapi: Partner, other: Partner) -> None:
    given, foreign = fapi.granted(), other.own_token()
    own = fapi.own_token()
    with fapi.house.session() as session:
        registration.revoke(session, fapi.client_id, by=BY, trail=trail_of(fapi), now=fapi.house.time[0])
        session.commit()
    for token in (given["access_token"], own):
        assert fapi.call("POST", "/api/residents/find", token, json={}).status_code == 401
    assert fapi.refresh(given["refresh_token"]).status_code == 401
    assert fapi.push().status_code == 401
    assert other.call("POST", "/api/residents/find", foreign, json={}).status_code == 422, "another's goes on"
    with fapi.house.session() as session:
        assert session.scalars(select(Grant.ended_at)).all().count(None) == 0
        assert session.scalars(select(RefreshToken.revoked_at)).all().count(None) == 0
        live = select(AccessToken.client_id).where(AccessToken.revoked_at.is_(None))
        assert set(session.scalars(live)) == {other.client_id}
        with pytest.raises(Conflict):
            registration.revoke(session, fapi.client_id, by=BY, trail=trail_of(fapi), now=fapi.house.time[0])


def changed(partner: Partner, **changes: Any) -> None:
    with partner.house.session() as session:
        registration.change(
            session,
            partner.client_id,
            demonstration=False,
            by=BY,
            trail=trail_of(partner),
            now=partner.house.time[0],
            **changes,
        )
        session.commit()


def test_a_system_that_may_ask_for_less_keeps_nothing_of_what_it_had(fapi: Partner) -> None:
    token = fapi.granted()["access_token"]
    changed(fapi, name="Harvest Shelf casework")
    assert fapi.call("POST", "/api/residents/find", token, json={}).status_code == 422, "a name takes nothing away"
    changed(fapi, scopes=("records.read",))
    assert fapi.call("POST", "/api/residents/find", token, json={}).status_code == 401


def test_keys_are_replaced_and_the_old_ones_open_nothing(fapi: Partner) -> None:
    new = new_key()
    changed(fapi, jwks=of(new))
    assert fapi.token().status_code == 401
    assert replace(fapi, key=new).token().status_code == 200


def test_a_profile_is_for_good_and_a_stranger_is_not_changed(fapi: Partner) -> None:
    with pytest.raises(InvalidInput):
        changed(fapi, profile=ClientProfile.NHS, grant_types=(EXCHANGE,), redirect_uris=())
    with pytest.raises(NotFound):
        changed(replace(fapi, client_id="nobody"), name="x")


@pytest.mark.slow
def test_an_operator_registers_changes_shows_and_revokes_a_system(ready: Run, tmp_path: Path) -> None:
    keys = written(tmp_path, "keys.json", json.dumps(PUBLIC))
    words = ("clients", "add", "harvest", "--organisation", FOOD_BANK, "--name", "Harvest", "--role", "case-worker")
    asks = ("--grant-type", CODE, "--grant-type", REFRESH, "--redirect-uri", CALLBACK, "--scope", "records.read")
    assert "redirect-uri-wrong" in ready(*words, "--jwks", keys, "--grant-type", CODE)[2]
    code, said, complaint = ready(*words, "--jwks", keys, *asks, "--signs-requests")
    assert (code, "records.read" in said) == (0, True), complaint
    shown = json.loads(ready("clients", "show", "harvest")[1])
    assert (shown["signs_requests"], shown["resource_server"], shown["redirect_uris"]) == (True, False, [CALLBACK])
    assert shown["token_endpoint_auth_method"] == "private_key_jwt"
    assert ready("clients", "change", "harvest", "--no-signs-requests", "--resource-server")[0] == 0
    shown = json.loads(ready("clients", "show", "harvest")[1])
    assert (shown["signs_requests"], shown["resource_server"]) == (False, True)
    assert "in use" in ready("clients", "list")[1]
    assert ready("clients", "revoke", "harvest")[0] == 0
    assert "revoked" in ready("clients", "list")[1]
    assert "client-revoked" in ready("clients", "change", "harvest", "--name", "X")[2]
    assert "client-unknown" in ready("clients", "show", "nobody")[2]
    assert ready("clients", "change", "harvest")[0] == 2


@row("FAPI-02", "BCP-16")
@pytest.mark.slow
def test_no_other_way_to_authenticate_can_be_registered(ready: Run, tmp_path: Path) -> None:
    keys = written(tmp_path, "keys.json", json.dumps(PUBLIC))
    words = ("clients", "add", "harvest", "--organisation", FOOD_BANK, "--name", "Harvest", "--role", "case-worker")
    assert "Missing option '--jwks'" in ready(*words)[2]
    for option in ("--auth-method=none", "--secret=word", "--token-endpoint-auth-method=client_secret_basic"):
        assert "No such option" in ready(*words, "--jwks", keys, option)[2]
