"""An identity assertion is exchanged for a token: its maker's, for us, fresh, sure enough, of somebody known, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from broker.audit.models import AuditEntry
from broker.federation.models import FederatedIdentity, IdentityProvider
from broker.identity.models import AccessToken, Membership, Resident
from broker.oauth import registration
from broker.oauth.exchange import ACCESS_TOKEN, ID_TOKEN
from broker.oauth.registration import CREDENTIALS, EXCHANGE
from broker.proxies.models import Proxy
from broker.vocabulary import AccessLevel, AuditAction, ClientProfile, LegalBasis, ProviderKind, ProxyState, Role
from tests.conformance.rows import row
from tests.doors.conftest import House
from tests.oauth.client import Partner, encoded, new_key, signed, without_none
from tests.oauth.conftest import register
from tests.people import FOOD_BANK, LONG_AGO, NOON, SURGERY

LOGIN, CARE = "https://login.provider.example", "https://care.provider.example"
UPSTREAM = new_key("RS512", "upstream")
ADA, BEN, GP = "upstream-ada", "upstream-ben", "555500001111"
TIED: dict[str, dict[str, str]] = {ADA: {"resident_id": "ada"}, BEN: {"resident_id": "ben"}}


def provider(id_: str, kind: ProviderKind, issuer: str, **changes: Any) -> IdentityProvider:
    columns = {
        "id": id_,
        "kind": kind,
        "label": id_,
        "issuer": issuer,
        "client_id": "our-broker",
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks": {"keys": [UPSTREAM.as_dict(private=False)]},
        "algorithms": ["RS512"],
        "client_algorithm": "RS512",
        "scopes": "openid",
        "added_at": LONG_AGO,
    }
    return IdentityProvider(**{**columns, **changes})


@pytest.fixture
def nhs(house: House) -> Partner:
    """An app of the surgery's that signs its people in at NHS login or NHS Care Identity."""
    with house.session() as session:
        session.add(provider("login", ProviderKind.NHS_LOGIN, LOGIN))
        session.add(provider("care", ProviderKind.CIS2, CARE))
        session.flush()
        for subject, who in TIED.items():
            session.add(FederatedIdentity(provider_id="login", subject=subject, linked_at=LONG_AGO, **who))
        session.add(FederatedIdentity(provider_id="care", subject=GP, person_id="gp", linked_at=LONG_AGO))
        session.commit()
    scopes = "own.read own.change residents.find records.read"
    kind = {"profile": ClientProfile.NHS, "grant_types": [EXCHANGE, CREDENTIALS], "redirect_uris": []}
    made = register(house, "nhs-app", SURGERY, key=new_key(), dpop_key=new_key(), scopes=scopes, **kind)
    return replace(made, audience=f"{made.issuer}/smart/token", token_path="/smart/token")


def assertion(partner: Partner, *, key: Any = UPSTREAM, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """NHS login's word for Ada, a minute ago."""
    made = {
        "iss": LOGIN,
        "sub": ADA,
        "aud": "our-broker",
        "iat": partner.now - 60,
        "exp": partner.now + 3540,
        "auth_time": partner.now - 60,
        "jti": "j-1",
        "vot": "P9.Cp.Cd",
    }
    return signed(without_none({**made, **changes}), key, **{"alg": "RS512", **(header or {})})


def of_gp(partner: Partner, **changes: Any) -> str:
    levels = {"id_assurance_level": "3", "authentication_assurance_level": "2"}
    return assertion(partner, **{"iss": CARE, "sub": GP, "vot": None, **levels, **changes})


def exchange(partner: Partner, text: str, **changes: Any) -> Any:
    form = {
        "grant_type": EXCHANGE,
        "subject_token": text,
        "subject_token_type": ID_TOKEN,
        "scope": "own.read",
        **changes,
    }
    return partner.token(**form)


def kept(partner: Partner) -> AccessToken:
    with partner.house.session() as session:
        return session.scalars(select(AccessToken)).one()


@row("NHS-03")
def test_a_residents_assertion_is_exchanged_for_a_token_that_names_the_app(nhs: Partner) -> None:
    answer = exchange(nhs, assertion(nhs))
    body = answer.get_json()
    assert answer.status_code == 200, body
    assert (body["token_type"], body["issued_token_type"], body["expires_in"]) == ("DPoP", ACCESS_TOKEN, 300)
    assert "refresh_token" not in body
    assert nhs.call("GET", "/api/my/consents", body["access_token"]).status_code == 200
    said = nhs.introspect(body["access_token"]).get_json()
    assert said["act"] == {"sub": "client:nhs-app"}
    assert said["sub"].startswith("resident:")
    assert said["acr"].endswith(":3")
    assert said["auth_time"] == nhs.now - 60


@row("NHS-03")
def test_a_workers_assertion_is_exchanged_for_a_token_of_their_work_for_the_apps_own_organisation(nhs: Partner) -> None:
    body = exchange(nhs, of_gp(nhs), scope="residents.find").get_json()
    assert "access_token" in body, body
    found = kept(nhs)
    assert (found.person_id, found.organisation_code, found.role) == ("gp", SURGERY, Role.CLINICIAN)
    assert found.acting == "client:nhs-app"
    assert nhs.call("POST", "/api/residents/find", body["access_token"], json={}).status_code == 422


def test_a_token_ends_with_the_work_it_was_given_for(nhs: Partner) -> None:
    token = exchange(nhs, of_gp(nhs), scope="residents.find").get_json()["access_token"]
    with nhs.house.session() as session:
        session.execute(update(Membership).where(Membership.person_id == "gp").values(ended_at=NOON))
        session.commit()
    assert nhs.call("POST", "/api/residents/find", token, json={}).status_code == 401
    assert exchange(nhs, of_gp(nhs, jti="later"), scope="residents.find").get_json()["error"] == "invalid_grant"


WRONG: dict[str, Callable[[Partner], str]] = {
    "another maker": lambda p: assertion(p, iss="https://other.example"),
    "no maker": lambda p: assertion(p, iss=None),
    "another key": lambda p: assertion(p, key=new_key("RS512", "upstream")),
    "another audience": lambda p: assertion(p, aud="another-client"),
    "two audiences": lambda p: assertion(p, aud=["our-broker", "another-client"]),
    "our issuer as audience": lambda p: assertion(p, aud=p.issuer),
    "no audience": lambda p: assertion(p, aud=None),
    "more than an hour old": lambda p: assertion(p, iat=p.now - 3601),
    "expired": lambda p: assertion(p, exp=p.now - 30),
    "no end": lambda p: assertion(p, exp=None),
    "no beginning": lambda p: assertion(p, iat=None),
    "from the future": lambda p: assertion(p, iat=p.now + 120),
    "proved too little (P5)": lambda p: assertion(p, vot="P5.Cp.Cd"),
    "proved by a password alone": lambda p: assertion(p, vot="P9.Cp"),
    "does not say how proved": lambda p: assertion(p, vot=None),
    "an unknown subject": lambda p: assertion(p, sub="upstream-nobody"),
    "no subject": lambda p: assertion(p, sub=None),
    "a child of twelve": lambda p: assertion(p, sub=BEN),
    "a logout token": lambda p: assertion(p, events={"x": {}}),
    "another type of token": lambda p: assertion(p, header={"typ": "logout+jwt"}),
    "unsigned": lambda p: f"{encoded(b'{}')}.{assertion(p).split('.')[1]}.",
    "signed by a weaker algorithm": lambda p: assertion(p, header={"alg": "RS256"}),
    "a worker's as a resident's": lambda p: assertion(p, iss=CARE, sub=GP),
    "a worker surely known and weakly signed in": lambda p: of_gp(p, authentication_assurance_level="1"),
    "a worker hardly known": lambda p: of_gp(p, id_assurance_level=1),
    "a worker unknown here": lambda p: of_gp(p, sub="555500002222"),
    "a worker who acts for another": lambda p: of_gp(p, act={"sub": "x"}),
    "not a token": lambda p: "not-a-token",
    "our own token": lambda p: p.assertion(),
}


@row("NHS-03")
@pytest.mark.parametrize("wrong", WRONG)
def test_whatever_is_wrong_with_it_the_answer_is_the_same(nhs: Partner, wrong: str) -> None:
    answer = exchange(nhs, WRONG[wrong](nhs))
    why = "The subject token is not one that is taken here, or is taken no more."
    assert (answer.status_code, answer.get_json()) == (400, {"error": "invalid_grant", "error_description": why})
    assert refusals(nhs)[-1]["client"] == "nhs-app", "the cause is on the trail"


def refusals(partner: Partner) -> list[dict[str, Any]]:
    with partner.house.session() as session:
        kept = select(AuditEntry.body).where(AuditEntry.action == AuditAction.SIGN_IN_REFUSED)
        return [json.loads(body) for body in session.scalars(kept.order_by(AuditEntry.index))]


def test_each_assertion_is_taken_once_however_it_is_written(nhs: Partner) -> None:
    text = assertion(nhs)
    assert exchange(nhs, text).status_code == 200
    again = exchange(nhs, text)
    assert again.get_json()["error"] == "invalid_grant"
    assert refusals(nhs)[-1]["why"] == "assertion-used-before"
    assert exchange(nhs, assertion(nhs, jti="another")).status_code == 200


def test_of_many_simultaneous_uses_one_wins(nhs: Partner) -> None:
    text = assertion(nhs)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: exchange(nhs, text).status_code, range(8)))
    assert answers.count(200) == 1


def test_an_hour_is_the_limit_and_not_a_second_more(nhs: Partner) -> None:
    assert exchange(nhs, assertion(nhs, iat=nhs.now - 3600)).status_code == 200


def test_somebody_who_has_died_and_a_provider_that_was_removed_open_nothing(nhs: Partner) -> None:
    with nhs.house.session() as session:
        session.execute(update(Resident).where(Resident.id == "ada").values(died_on=NOON.date()))
        session.commit()
    assert exchange(nhs, assertion(nhs)).get_json()["error"] == "invalid_grant"
    with nhs.house.session() as session:
        session.execute(update(Resident).values(died_on=None))
        session.execute(update(IdentityProvider).values(removed_at=NOON))
        session.commit()
    assert exchange(nhs, assertion(nhs)).get_json()["error"] == "invalid_grant"


def test_an_organisations_own_provider_is_no_nhs_one(nhs: Partner) -> None:
    issuer = "https://sign-in.surgery.example"
    with nhs.house.session() as session:
        session.add(provider("own", ProviderKind.ORGANISATION, issuer, organisation_code=SURGERY))
        session.flush()
        session.add(FederatedIdentity(provider_id="own", subject="x", person_id="gp", linked_at=LONG_AGO))
        session.commit()
    assert exchange(nhs, of_gp(nhs, iss=issuer, sub="x"), scope="residents.find").status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token": None}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"requested_token_type": ACCESS_TOKEN}, None),
        ({"actor_token": "a.b.c"}, "invalid_request"),
        ({"audience": "https://another.example"}, "invalid_target"),
        ({"resource": "https://another.example"}, "invalid_target"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "residents.find"}, "invalid_scope"),
        ({"scope": "own.read residents.find"}, "invalid_scope"),
    ],
    ids=str,
)
def test_it_is_asked_for_in_one_way(nhs: Partner, changes: dict[str, Any], error: str | None) -> None:
    answer = exchange(nhs, assertion(nhs), **changes)
    assert answer.get_json().get("error") == error


def test_only_a_client_of_this_profile_at_its_own_address_may_exchange(nhs: Partner, fapi: Partner) -> None:
    there = replace(nhs, token_path="/oauth/token")
    assert exchange(there, assertion(nhs)).get_json()["error"] == "invalid_client"
    assert exchange(fapi, assertion(nhs)).get_json()["error"] == "unauthorized_client"
    assert exchange(nhs, assertion(nhs), proof=None).get_json()["error"] == "invalid_dpop_proof"


def test_the_app_of_another_organisation_gets_no_token_for_a_worker_of_this_one(nhs: Partner, house: House) -> None:
    kind = {"profile": ClientProfile.NHS, "grant_types": [EXCHANGE], "redirect_uris": []}
    made = register(house, "other-app", FOOD_BANK, key=new_key(), dpop_key=new_key(), **kind)
    other = replace(made, audience=nhs.audience, token_path="/smart/token")
    assert exchange(other, of_gp(nhs), scope="residents.find").get_json()["error"] == "invalid_grant"


# ---- somebody who acts for a resident ----


def acts(partner: Partner, **changes: Any) -> None:
    """Ada may act for Ben, as his mother."""
    columns = {
        "resident_id": "ben",
        "proxy_resident_id": "ada",
        "legal_basis": LegalBasis.PARENTAL_RESPONSIBILITY,
        "levels": frozenset(AccessLevel),
        "state": ProxyState.ACTIVE,
        "granted_by": SURGERY,
        "from_at": NOON - timedelta(days=30),
        "reviewed_at": NOON,
    }
    with partner.house.session() as session:
        session.add(Proxy(**{**columns, **changes}))
        session.commit()


@row("NHS-04")
def test_a_composite_assertion_tells_the_resident_and_who_acts_for_them_apart(nhs: Partner) -> None:
    acts(nhs)
    body = exchange(nhs, assertion(nhs, sub=BEN, act={"sub": ADA})).get_json()
    assert "access_token" in body, body
    found = kept(nhs)
    assert (found.resident_id, found.acting, found.role) == ("ben", "resident:ada", Role.PROXY)
    said = nhs.introspect(body["access_token"]).get_json()
    assert said["act"]["sub"].startswith("resident:")
    assert said["act"]["sub"] != said["sub"]
    with nhs.house.session() as session:
        made = session.scalars(select(AuditEntry).where(AuditEntry.action == AuditAction.GRANT_MADE)).one()
        assert (made.actor, made.resident) == ("resident:ada", "ben")


@row("NHS-04")
@pytest.mark.parametrize(
    "act",
    [
        {"sub": BEN},
        {"sub": "upstream-nobody"},
        {"sub": ADA, "act": {"sub": BEN}},
        {"sub": ADA, "iss": "https://other.example"},
        {"sub": 7},
        {},
        "upstream-ada",
        None,
    ],
    ids=str,
)
def test_a_composite_assertion_that_is_not_so_here_is_refused(nhs: Partner, act: Any) -> None:
    acts(nhs)
    changes = {"act": act} if act is not None else {}
    assert exchange(nhs, assertion(nhs, sub=BEN, **changes)).get_json()["error"] == "invalid_grant"


def test_nobody_acts_for_somebody_because_an_assertion_says_so(nhs: Partner) -> None:
    """The relationship is this broker's to know: none, one that has ended and one that is paused are the same."""
    composite = {"sub": BEN, "act": {"sub": ADA}}
    assert exchange(nhs, assertion(nhs, **composite)).get_json()["error"] == "invalid_grant"
    acts(nhs, state=ProxyState.SUSPENDED)
    assert exchange(nhs, assertion(nhs, **composite)).get_json()["error"] == "invalid_grant"
    assert refusals(nhs)[-1]["why"] == "proxy-not-standing"


def test_a_client_of_the_profile_is_registered_so() -> None:
    assert EXCHANGE in registration.GRANT_TYPES[ClientProfile.NHS]
    assert not any(
        EXCHANGE in types for profile, types in registration.GRANT_TYPES.items() if profile is not ClientProfile.NHS
    )
