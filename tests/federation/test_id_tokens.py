"""An ID token is believed for what its provider signed with its pinned keys, for us, now, and for this sign-in."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwk

from broker.federation.id_tokens import Claims, verify
from broker.federation.models import IdentityProvider
from broker.federation.signatures import NotBelieved
from tests.federation.forging import AT, CLIENT, ISSUER, NONCE, elliptic, provider, public, rsa, said, signed, unsigned
from tests.people import NOON


def believed(text: str, of: IdentityProvider | None = None, **options: Any) -> Claims:
    return verify(of or provider(), text, **{"nonce": NONCE, "now": NOON, **options})


def why_not(text: str, of: IdentityProvider | None = None, **options: Any) -> str:
    with pytest.raises(NotBelieved) as refused:
        believed(text, of, **options)
    return refused.value.code


def by_hand(claims: dict[str, Any], mac: Any, **header: Any) -> str:
    """A token whose signature is made without a library that would refuse to."""
    head, _, rest = unsigned(claims, **header).partition(".")
    return f"{head}.{rest}{mac(f'{head}.{rest.rstrip(chr(46))}'.encode())}"


def test_a_token_of_the_provider_for_us_is_believed() -> None:
    found = believed(signed(said()))
    assert (found.subject, found.session) == ("their-subject", "their-session")
    assert found.authenticated_at == NOON - timedelta(seconds=20)


@pytest.mark.parametrize(
    ("pinned", "key"),
    [("RS256", rsa("first")), ("PS256", rsa("first")), ("RS512", rsa("first")), ("ES256", elliptic("curve"))],
    ids=["RS256", "PS256", "RS512", "ES256"],
)
def test_each_algorithm_is_taken_where_it_is_pinned_and_only_there(pinned: str, key: Any) -> None:
    token = signed(said(), key=key, alg=pinned)
    assert believed(token, provider(algorithms=[pinned], jwks=public(key))).subject == "their-subject"
    others = [name for name in ("RS256", "RS512", "PS256", "ES256") if name != pinned]
    assert why_not(token, provider(algorithms=others, jwks=public(key))) == "token-algorithm-wrong"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "RS1", "dir"])
def test_an_unsigned_token_is_not_believed(alg: str) -> None:
    assert why_not(unsigned(said(), alg=alg)) in ("token-algorithm-wrong", "token-malformed")


def test_none_is_not_taken_even_where_somebody_pinned_it() -> None:
    assert why_not(unsigned(said()), provider(algorithms=["none"])) in ("token-algorithm-wrong", "token-malformed")


@pytest.mark.parametrize("form", ["pem", "json"])
@pytest.mark.parametrize("pinned", [["RS512"], ["HS256"], ["RS512", "HS256"]], ids=str)
def test_a_public_key_is_no_shared_secret(form: str, pinned: list[str]) -> None:
    public_key = rsa("first")
    secret = (
        public_key.as_pem(private=False) if form == "pem" else json.dumps(public_key.as_dict(private=False)).encode()
    )

    def mac(text: bytes) -> str:
        import base64

        return base64.urlsafe_b64encode(hmac.new(secret, text, hashlib.sha256).digest()).rstrip(b"=").decode()

    assert (
        why_not(by_hand(said(), mac, alg="HS256", kid="first"), provider(algorithms=pinned)) == "token-algorithm-wrong"
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://sign-in.example/"}, "token-issuer-wrong"),
        ({"iss": "https://SIGN-IN.example"}, "token-issuer-wrong"),
        ({"iss": "https://another.example"}, "token-issuer-wrong"),
        ({"iss": [ISSUER]}, "token-issuer-wrong"),
        ({"iss": None}, "token-issuer-wrong"),
        ({"aud": "another"}, "token-audience-wrong"),
        ({"aud": None}, "token-audience-wrong"),
        ({"aud": []}, "token-audience-wrong"),
        ({"aud": ["another"]}, "token-audience-wrong"),
        ({"aud": [CLIENT, "another"]}, "token-audience-wrong"),
        ({"aud": f"{CLIENT} another"}, "token-audience-wrong"),
        ({"aud": {CLIENT: 1}}, "token-audience-wrong"),
        ({"azp": "another"}, "token-party-wrong"),
        ({"azp": [CLIENT]}, "token-party-wrong"),
        ({"sub": None}, "token-subject-missing"),
        ({"sub": ""}, "token-subject-missing"),
        ({"sub": 7}, "token-subject-missing"),
        ({"sub": "s" * 256}, "token-subject-missing"),
        ({"exp": None}, "token-expired"),
        ({"exp": AT - 10}, "token-expired"),
        ({"exp": "4102444800"}, "token-expired"),
        ({"exp": True}, "token-expired"),
        ({"exp": -1}, "token-expired"),
        ({"exp": 1e300}, "token-expired"),
        ({"iat": None}, "token-not-of-now"),
        ({"iat": AT + 61}, "token-not-of-now"),
        ({"iat": AT - 3901}, "token-not-of-now"),
        ({"iat": "now"}, "token-not-of-now"),
        ({"nbf": AT + 61}, "token-not-of-now"),
        ({"nbf": "now"}, "token-not-of-now"),
        ({"nonce": None}, "token-nonce-wrong"),
        ({"nonce": ""}, "token-nonce-wrong"),
        ({"nonce": "another"}, "token-nonce-wrong"),
        ({"nonce": [NONCE]}, "token-nonce-wrong"),
        ({"nonce": NONCE.lower()}, "token-nonce-wrong"),
        ({"nonce": "é"}, "token-nonce-wrong"),
        ({"nonce": None, "nonce_supported": False}, "token-nonce-wrong"),
        ({"nonce": "another", "nonce_supported": False}, "token-nonce-wrong"),
        ({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, "token-type-wrong"),
    ],
    ids=str,
)
def test_a_claim_that_is_wrong_is_not_believed(changes: dict[str, Any], code: str) -> None:
    assert why_not(signed(said(**changes))) == code


@pytest.mark.parametrize(
    "changes",
    [{"aud": [CLIENT]}, {"azp": CLIENT}, {"exp": AT - 9}, {"iat": AT + 60}, {"nbf": AT + 60}, {"sid": None}],
    ids=str,
)
def test_what_is_only_unusual_is_believed(changes: dict[str, Any]) -> None:
    assert believed(signed(said(**changes))).subject == "their-subject"


def test_without_a_nonce_of_ours_none_is_compared() -> None:
    assert believed(signed(said(nonce=None)), nonce=None).subject == "their-subject"


@pytest.mark.parametrize(
    ("proved", "within", "enough"),
    [(AT - 300, 300, True), (AT - 360, 300, True), (AT - 361, 300, False), (AT + 61, 300, False), (AT - 61, 0, False)],
)
def test_a_proof_that_is_too_old_is_not_believed(proved: int, within: int, enough: bool) -> None:
    token, max_age = signed(said(auth_time=proved)), timedelta(seconds=within)
    if enough:
        assert believed(token, max_age=max_age).authenticated_at is not None
    else:
        assert why_not(token, max_age=max_age) == "token-proof-too-old"


@pytest.mark.parametrize("told", [None, "1", True, [AT]])
def test_a_proof_of_no_stated_time_is_not_a_recent_one(told: Any) -> None:
    token = signed(said(auth_time=told))
    assert why_not(token, max_age=timedelta(seconds=300)) == "token-proof-too-old"
    assert believed(token).authenticated_at is None


@pytest.mark.parametrize("typ", ["logout+jwt", "at+jwt", "application/logout+jwt", "dpop+jwt"])
def test_a_token_of_another_type_is_no_id_token(typ: str) -> None:
    assert why_not(signed(said(), typ=typ)) == "token-type-wrong"


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "application/jwt"])
def test_the_type_may_be_left_out(typ: str | None) -> None:
    assert believed(signed(said(), typ=typ)).subject == "their-subject"


@pytest.mark.parametrize(
    "header", [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}], ids=str
)
def test_what_must_be_understood_and_is_not_is_refused(header: dict[str, Any]) -> None:
    token = by_hand(said(), lambda _: "AAAA", alg="RS512", kid="first", **header)
    assert why_not(token) in ("token-header-unknown", "token-malformed")


def test_a_key_of_another_is_not_believed_under_our_providers_name() -> None:
    forger = jwk.RSAKey.generate_key(2048, {"kid": "first"}, private=True)
    assert why_not(signed(said(), key=forger)) == "token-signature-wrong"


@pytest.mark.parametrize("where", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_that_the_token_brings_or_names_is_not_looked_at(where: str) -> None:
    forger = jwk.RSAKey.generate_key(2048, {"kid": "theirs"}, private=True)
    brought: Any = {"jwk": forger.as_dict(private=False), "x5c": ["AAAA"]}.get(where, "https://forger.example/keys")
    refused = why_not(signed(said(), key=forger, **{where: brought}))
    assert refused in ("token-signature-wrong", "token-malformed")


def test_of_two_keys_of_one_name_each_is_tried() -> None:
    decoy = jwk.RSAKey.generate_key(2048, {"kid": "first"}, private=True)
    assert believed(signed(said()), provider(jwks=public(decoy, rsa("first")))).subject == "their-subject"
    assert believed(signed(said()), provider(jwks=public(rsa("first"), decoy))).subject == "their-subject"


def test_an_unknown_key_name_is_refused_without_asking_anybody() -> None:
    assert why_not(signed(said(), kid="tomorrow")) == "token-signature-wrong"


def test_without_a_key_name_each_key_of_the_kind_is_tried() -> None:
    both = provider(jwks=public(elliptic("curve"), rsa("second"), rsa("first")))
    assert believed(signed(said(), kid=None), both).subject == "their-subject"


def test_a_key_for_another_algorithm_is_not_used() -> None:
    assert why_not(signed(said()), provider(jwks=public(rsa("first"), alg="RS256"))) == "token-signature-wrong"
    assert believed(signed(said()), provider(jwks=public(rsa("first"), alg="RS512"))).subject == "their-subject"


@pytest.mark.filterwarnings("ignore:Key size")
def test_a_key_that_is_too_small_is_not_used() -> None:
    small = rsa("small", 1024)
    assert why_not(signed(said(), key=small), provider(jwks=public(small))) == "token-signature-wrong"


def test_a_claim_said_twice_is_not_read() -> None:
    twice = json.dumps(said())[:-1] + f', "sub": "somebody-else", "iat": {AT}}}'
    assert why_not(signed(twice)) == "token-malformed"


@pytest.mark.parametrize("body", ["[]", '"sub"', "null", "{", "", "[" * 20_000, '{"a":' * 20_000], ids=lambda b: b[:6])
def test_a_body_that_is_not_claims_is_not_read(body: str) -> None:
    assert why_not(signed(body)) == "token-malformed"


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "...", "a.b.c", "a.b.c.d.e", "é.é.é", "x" * 40_000, "e30.e30.e30", "bnVsbA.e30.e30"],
    ids=lambda text: text[:8],
)
def test_what_is_no_token_is_not_read(text: str) -> None:
    assert why_not(text) in ("token-malformed", "token-algorithm-wrong")


def test_one_changed_character_anywhere_is_enough() -> None:
    token = signed(said())
    for at in range(0, len(token), 37):
        if token[at] != ".":
            changed = token[:at] + ("A" if token[at] != "A" else "Q") + token[at + 1 :]
            if changed != token:
                why_not(changed)


def test_why_is_for_the_log_and_the_words_are_the_same_for_everybody() -> None:
    words = set()
    for changes in ({"nonce": "another"}, {"iss": "https://another.example"}, {"exp": 1}):
        with pytest.raises(NotBelieved) as refused:
            believed(signed(said(**changes)))
        words.add(refused.value.detail)
    assert len(words) == 1
