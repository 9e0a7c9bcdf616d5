"""How a system proves who it is: which assertions are taken, and what every other one gets."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from joserfc import jwk

from broker.identity.models import Client
from broker.oauth.keys import check_set
from broker.settings import Settings
from tests.conformance.rows import row
from tests.oauth.client import ASSERTION_TYPE, Partner, new_key, signed
from tests.oauth.conftest import KEY, register
from tests.oauth.forging import by_shared_secret, unsigned
from tests.people import FOOD_BANK

SINKS = ["/oauth/token", "/oauth/par", "/oauth/introspect", "/oauth/revoke"]
RSA = new_key("PS256", "rsa")


def send(partner: Partner, path: str, assertion: str | None, **form: Any) -> Any:
    """A request that would be right at ``path``, but for its assertion."""
    proof = partner.proof("POST", path) if path == "/oauth/token" else None
    made: dict[str, Any] = {
        "/oauth/token": {"grant_type": "client_credentials", "scope": "residents.find"},
        "/oauth/par": partner.asking(),
        "/oauth/introspect": {"token": "a"},
        "/oauth/revoke": {"token": "a"},
    }[path]
    return partner.post(path, {**made, **form}, proof=proof, assertion=assertion)


@pytest.mark.parametrize("path", SINKS)
def test_a_right_assertion_is_taken_at_every_endpoint(steady: Partner, path: str) -> None:
    assert send(steady, path, steady.assertion()).status_code in (200, 201)


@row("FAPI-05", "A7", oidf="PAREndpointAsArrayAudienceFails")
@pytest.mark.parametrize("path", SINKS)
def test_a_list_of_audiences_is_refused(steady: Partner, path: str) -> None:
    for audience in ([steady.issuer], [f"{steady.issuer}/oauth/par"], [steady.issuer, "https://another.example"]):
        assert send(steady, path, steady.assertion(aud=audience)).status_code == 401


@row("FAPI-05", "A7", oidf=("PAREndpointAsAudienceFails", "PARTokenEndpointAsAudienceFails"))
@pytest.mark.parametrize("path", SINKS)
@pytest.mark.parametrize("audience", ["/oauth/par", "/oauth/token", "/smart/token", "/", "/api"])
def test_no_address_but_the_issuer_is_an_audience(steady: Partner, path: str, audience: str) -> None:
    answer = send(steady, path, steady.assertion(aud=steady.issuer + audience))
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@row("FAPI-09", oidf="PARJWTClientAssertionWithIatNbf8SecondsInTheFutureIsAccepted")
@pytest.mark.parametrize("ahead", [0, 8, 10])
def test_a_clock_a_little_ahead_is_put_up_with(steady: Partner, ahead: int) -> None:
    claims = {"iat": steady.now + ahead, "nbf": steady.now + ahead}
    assert steady.push(assertion=steady.assertion(**claims)).status_code == 201


@row("FAPI-09", oidf="PARJWTClientAssertionWithIatNbfOver60SecondsInTheFutureFails")
@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_clock_more_than_a_minute_ahead_is_not(steady: Partner, claim: str) -> None:
    assert steady.push(assertion=steady.assertion(**{claim: steady.now + 61})).status_code == 401


@row("FAPI-04", "A8", "A9", oidf="InvalidClientAssertionsFail")
@pytest.mark.parametrize("path", SINKS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": None},
        {"iss": "chairs-system"},
        {"sub": None},
        {"sub": "chairs-system"},
        {"sub": "nobody"},
        {"sub": 7},
        {"aud": None},
        {"aud": "https://another.example"},
        {"aud": ""},
        {"exp": None},
        {"exp": -11},
        {"exp": 3600},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e308},
        {"iat": "now"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "j" * 201},
    ],
    ids=str,
)
def test_a_wrong_claim_is_refused(steady: Partner, path: str, wrong: dict[str, Any]) -> None:
    [(name, value)] = wrong.items()
    if name == "exp" and type(value) is int:
        value += steady.now
    answer = send(steady, path, steady.assertion(**{name: value}))
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@row("FAPI-21", "FAPI-04", oidf="SignedClientAssertionWithRS256Fails")
@pytest.mark.parametrize("path", SINKS)
def test_an_assertion_by_another_algorithm_is_refused(signer: Partner, path: str) -> None:
    """The client has an RSA key registered, so that only the algorithm is wrong."""
    assert send(signer, path, signer.assertion(key=RSA, header={"alg": "PS256"})).status_code in (200, 201)
    for alg in ("RS256", "RS384", "RS512"):
        assert send(signer, path, signer.assertion(key=RSA, header={"alg": alg})).status_code == 401
    for text in (
        unsigned(signer.claims()),
        unsigned(signer.claims(), alg="None"),
        unsigned(signer.claims(), alg="nOnE"),
        unsigned(signer.claims(), alg="ES256"),
        by_shared_secret(signer.claims(), RSA.as_pem(private=False), kid="rsa"),
        by_shared_secret(signer.claims(), RSA.as_der(private=False), kid="rsa"),
        by_shared_secret(signer.claims(), KEY.as_pem(private=False), kid=KEY.kid),
        by_shared_secret(signer.claims(), b"", kid=KEY.kid),
    ):
        assert send(signer, path, text).status_code == 401


@pytest.fixture(scope="module")
def signer(steady: Partner) -> Partner:
    keys = {"keys": [each.as_dict(private=False) for each in (KEY, RSA)]}
    return register(steady.house, "two-keys", FOOD_BANK, jwks=keys)


@row("FAPI-04", "A9", oidf="ClientAssertionInTokenEndpoint")
@pytest.mark.parametrize("path", SINKS)
def test_without_an_assertion_or_with_another_kind_there_is_nothing(steady: Partner, path: str) -> None:
    right = steady.assertion()
    for form in (
        {},
        {"client_id": steady.client_id},
        {"client_assertion": right},
        {
            "client_assertion": right,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
        },
        {"client_assertion": "", "client_assertion_type": ASSERTION_TYPE},
    ):
        answer = send(steady, path, None, **form)
        assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@row(oidf="ClientIdInTokenEndpoint")
@pytest.mark.parametrize("path", SINKS)
def test_another_clients_id_beside_the_assertion_is_refused(steady: Partner, path: str) -> None:
    assert send(steady, path, steady.assertion(), client_id="chairs-system").status_code in (400, 401)
    assert send(steady, path, steady.assertion(), client_id=steady.client_id).status_code in (200, 201)


@row("BCP-16", "A15", "A21", "AUTHLIB-1.9.9")
@pytest.mark.parametrize("path", SINKS)
def test_a_shared_secret_or_none_at_all_is_no_proof_at_any_endpoint(steady: Partner, path: str) -> None:
    for header in (
        "Basic aGFydmVzdC1zeXN0ZW06c2VjcmV0",
        "Basic",
        "Basic !!!!",
        "Basic /////w==",
        "Basic w6k6w6k=",
        "Basic Og==",
        "Basic " + "A" * 8000,
        "Negotiate abc",
    ):
        proof = steady.proof("POST", path)
        form = {
            "client_id": steady.client_id,
            "grant_type": "client_credentials",
            "scope": "residents.find",
            "token": "a",
        }
        for secret in ({}, {"client_secret": "secret"}, {"client_secret": ""}, {"client_secret": "é\udcff"[:1]}):
            answer = steady.post(
                path, {**form, **secret}, proof=proof, assertion=None, headers={"Authorization": header}
            )
            assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


def test_an_assertion_is_used_once_wherever_it_is_used(steady: Partner) -> None:
    assertion = steady.assertion()
    assert steady.push(assertion=assertion).status_code == 201
    for path in SINKS:
        assert send(steady, path, assertion).status_code == 401


@row("FAPI-23")
def test_two_keys_of_one_name_are_both_tried(steady: Partner) -> None:
    decoy, real, foreign = new_key(kid="same"), new_key(kid="same"), new_key(kid="same")
    keys = {"keys": [each.as_dict(private=False) for each in (decoy, real)]}
    keys["keys"].insert(0, {**RSA.as_dict(private=False), "kid": "same"})
    partner = register(steady.house, "same-names", FOOD_BANK, key=real, jwks=keys)
    assert partner.push().status_code == 201
    assert partner.push(assertion=partner.assertion(header={"kid": None})).status_code == 201
    assert partner.push(assertion=partner.assertion(key=foreign)).status_code == 401
    assert partner.push(assertion=partner.assertion(header={"kid": "another"})).status_code == 401


def test_a_key_that_is_for_something_else_signs_no_assertion(steady: Partner) -> None:
    keys = {"keys": [{**KEY.as_dict(private=False), "use": "enc"}, {**RSA.as_dict(private=False), "alg": "RS256"}]}
    partner = register(steady.house, "other-uses", FOOD_BANK, jwks=keys)
    assert partner.push().status_code == 401
    assert partner.push(assertion=partner.assertion(key=RSA, header={"alg": "PS256"})).status_code == 401


@row("FAPI-22")
@pytest.mark.parametrize(
    "key",
    [
        jwk.RSAKey.generate_key(1024).as_dict(private=False),
        jwk.RSAKey.generate_key(2040).as_dict(private=False),
        jwk.ECKey.generate_key("P-384").as_dict(private=False),
        jwk.ECKey.generate_key("secp256k1").as_dict(private=False),
        jwk.OKPKey.generate_key("X25519").as_dict(private=False),
        jwk.OctKey.generate_key(256).as_dict(),
        KEY.as_dict(private=True),
        {"kty": "EC"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        "a text",
        None,
    ],
    ids=range(11),
)
def test_a_short_or_private_or_odd_key_is_not_registered(key: Any) -> None:
    with pytest.raises(ValueError, match=r"key|taken"):
        check_set({"keys": [key]})


@row("FAPI-02", "FAPI-04")
def test_a_client_with_no_key_can_do_nothing(steady: Partner) -> None:
    for name, keys in (("no-keys", {"keys": []}), ("no-set", {})):
        partner = register(steady.house, name, FOOD_BANK, jwks=keys)
        assert partner.push().status_code == 401
        assert partner.push(assertion=None).status_code == 401


def test_a_client_that_was_revoked_or_whose_organisation_left_can_do_nothing(fapi: Partner) -> None:
    assert fapi.push().status_code == 201
    with fapi.house.session() as session:
        client = session.get(Client, fapi.client_id)
        assert client is not None
        client.revoked_at = fapi.house.time[0]
        session.commit()
    assert [send(fapi, path, fapi.assertion()).status_code for path in SINKS] == [401] * 4


@row("A9", "AUTHLIB-1.9.0", "FAPI-21")
@pytest.mark.parametrize("path", SINKS)
def test_a_key_that_the_assertion_brings_is_never_used(steady: Partner, path: str) -> None:
    """Nor one that is at an address it names: ``tests/oauth/test_refused.py`` listens there."""
    mine = new_key(kid=KEY.kid)
    for header in ({"jwk": mine.as_dict(private=False)}, {"x5c": ["AAAA"]}, {"jku": "https://evil.example/jwks"}):
        assert send(steady, path, steady.assertion(key=mine, header=header)).status_code == 401
    assert send(steady, path, steady.assertion(header={"crit": ["b64"], "b64": True})).status_code == 401


@row("AUTHLIB-1.8.0")
@pytest.mark.parametrize("path", SINKS)
@pytest.mark.parametrize("text", ["", ".", "..", "...", "a", "a.b.c", "é.x.y", "e30.e30.", "W10.W10.W10", "\x7f"])
def test_an_assertion_that_cannot_be_read_is_a_refusal(steady: Partner, path: str, text: str) -> None:
    assert send(steady, path, text).status_code in (400, 401)


@row("FAPI-22")
def test_ten_thousand_secrets_differ_in_every_place(settings: Settings) -> None:
    """256 bits of the system's own randomness: no character is fixed, and each is as likely as any other."""
    from broker.grants.actions import new_secret

    drawn = [new_secret() for _ in range(10_000)]
    assert len(set(drawn)) == 10_000
    assert {len(each) for each in drawn} == {43}
    for place in range(42):
        assert len({each[place] for each in drawn}) == 64
    assert secrets.token_urlsafe(32) not in drawn


def test_a_signature_of_another_kind_of_key_does_not_hold(steady: Partner) -> None:
    ed = new_key("EdDSA", KEY.kid)
    assert steady.push(assertion=signed(steady.claims(), ed, alg="EdDSA")).status_code == 401


@pytest.mark.parametrize("name", ["sub", "iss", "jti", "extra"])
@pytest.mark.parametrize("text", ["a\x00b", "\x00"])
def test_what_no_database_can_keep_is_refused_before_one_is_asked(steady: Partner, name: str, text: str) -> None:
    changes: dict[str, Any] = {"sub": text, "iss": text} if name in ("sub", "iss") else {name: text}
    claims = {**steady.claims(), **changes}
    answer = steady.token(assertion=signed(claims, steady.key))
    assert answer.status_code == 401
    assert answer.get_json()["error"] == "invalid_client"
