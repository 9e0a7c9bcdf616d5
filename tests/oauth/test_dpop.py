"""Proofs of possession: the twelve checks of RFC 9449 §4.3 and what follows from them, at both ends of a token."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwk
from sqlalchemy.orm import Session

from broker.errors import Misconfigured
from broker.oauth import dpop
from broker.settings import Settings
from tests.conformance.rows import row
from tests.doors.conftest import build_house
from tests.oauth.client import Partner, encoded, new_key, signed
from tests.oauth.conftest import of_a_demonstration, register
from tests.oauth.forging import by_shared_secret, made_of, nested, unsigned, with_header
from tests.people import FOOD_BANK

FIND = "/api/residents/find"
RSA, ED, P384 = new_key("PS256"), new_key("Ed25519"), new_key("ES384")


def at_token(partner: Partner, proof: Any) -> Any:
    return partner.token(proof=proof)


def refused_everywhere(
    partner: Partner, wrong: dict[str, Any], header: dict[str, Any] | None = None, **options: Any
) -> None:
    """The same wrong proof gets no token, and opens nothing with one."""
    answer = at_token(partner, partner.proof("POST", "/oauth/token", header=header, **options, **wrong))
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_dpop_proof"), answer.text
    token = held(partner)
    answer = partner.call(
        "POST", FIND, token, json={}, proof=partner.proof("POST", FIND, token, header=header, **options, **wrong)
    )
    assert answer.status_code == 401, answer.text
    assert 'error="invalid_dpop_proof"' in answer.headers["WWW-Authenticate"]


def held(partner: Partner) -> str:
    return partner.own_token()


@row("DPOP-01", oidf="DpopNegativeTests")
def test_there_is_exactly_one_proof(steady: Partner) -> None:
    two = [steady.proof("POST", "/oauth/token") for _ in range(2)]
    for proofs in (None, two, [two[0], two[0]], [", ".join(two)], [""]):
        assert at_token(steady, proofs).get_json()["error"] == "invalid_dpop_proof"
    token = held(steady)
    two = [steady.proof("POST", FIND, token) for _ in range(2)]
    for proofs in (None, two, [", ".join(two)]):
        assert steady.call("POST", FIND, token, json={}, proof=proofs).status_code == 401


@row("DPOP-02", oidf="DpopNegativeTests")
@pytest.mark.parametrize(
    "proof",
    [
        "",
        "a",
        "a.b",
        "a.b.c.d",
        "...",
        "e30.e30.",
        "\u00e9",
        "a" * 4097,
        made_of(b"[]", b"{}"),
        made_of(b"{", b"{}"),
        made_of(nested(20_000), b"{}"),
        made_of({"typ": "dpop+jwt", "alg": "ES256", "jwk": {}}, nested(900)),
        made_of({"typ": "dpop+jwt", "alg": "ES256", "jwk": "a"}, b"{}"),
        made_of({"typ": "dpop+jwt", "alg": "ES256", "jwk": None}, b"{}"),
        made_of({"typ": "dpop+jwt", "alg": ["ES256"], "jwk": {}}, b"{}"),
        made_of(b"\xff\xfe", b"\xff"),
    ],
    ids=range(16),
)
def test_a_proof_is_one_well_formed_token(steady: Partner, proof: str) -> None:
    assert at_token(steady, proof.encode().decode("latin-1")).get_json()["error"] == "invalid_dpop_proof"


@row("DPOP-03", oidf="DpopNegativeTests")
@pytest.mark.parametrize("name", ["htm", "htu", "iat", "jti"])
@pytest.mark.parametrize("value", [None, "", [], {}, True, [[]]], ids=str)
def test_every_claim_is_there_and_of_its_kind(steady: Partner, name: str, value: Any) -> None:
    refused_everywhere(steady, {name: value})


@row("DPOP-04", oidf="DpopNegativeTests")
@pytest.mark.parametrize("kind", [None, "", "JWT", "dpop", "DPoP+JWT", "application/dpop+jwt", "at+jwt"])
def test_it_says_that_it_is_a_proof(steady: Partner, kind: str | None) -> None:
    refused_everywhere(steady, {}, header={"typ": kind})


@row("DPOP-05", "FAPI-21", "AUTHLIB-1.9.5", oidf="DpopNegativeTests")
def test_it_is_signed_by_an_algorithm_that_is_taken_here(steady: Partner) -> None:
    for key, alg in ((RSA, "RS256"), (RSA, "RS512"), (RSA, "PS512"), (P384, "ES384")):
        refused_everywhere(steady, {}, key=key, header={"alg": alg})
    claims = {"htm": "POST", "htu": f"{steady.issuer}/oauth/token", "iat": steady.now, "jti": "a"}
    public = steady.dpop_key.as_dict(private=False)
    for proof in (
        unsigned(claims, typ="dpop+jwt", jwk=public),
        unsigned(claims, alg="ES256", typ="dpop+jwt", jwk=public),
        by_shared_secret(claims, steady.dpop_key.as_pem(private=False), typ="dpop+jwt", jwk=public),
        by_shared_secret(claims, b"k", typ="dpop+jwt", jwk={"kty": "oct", "k": "aw"}),
    ):
        assert at_token(steady, proof).get_json()["error"] == "invalid_dpop_proof"
    small = jwk.RSAKey.generate_key(1024)
    refused_everywhere(steady, {}, key=small, header={"alg": "PS256"})


@row("FAPI-21", "DPOP-05")
@pytest.mark.parametrize(
    ("key", "alg"), [(RSA, "PS256"), (ED, "Ed25519"), (ED, "EdDSA")], ids=["PS256", "Ed25519", "EdDSA"]
)
def test_a_proof_by_each_algorithm_that_is_published_opens_what_it_should(steady: Partner, key: Any, alg: str) -> None:
    by = replace(steady, dpop_key=key)
    token = at_token(by, by.proof("POST", "/oauth/token", header={"alg": alg})).get_json()["access_token"]
    proof = by.proof("POST", FIND, token, header={"alg": alg})
    assert by.call("POST", FIND, token, json={}, proof=proof).status_code == 422


@row("DPOP-06", oidf="DpopNegativeTests")
def test_its_signature_is_by_the_key_it_carries(steady: Partner) -> None:
    mine, theirs = steady.dpop_key, new_key()
    refused_everywhere(steady, {}, header={"jwk": theirs.as_dict(private=False)})
    proof = steady.proof("POST", "/oauth/token")
    for broken in (proof[:-2] + ("AA" if not proof.endswith("AA") else "BB"), proof.rpartition(".")[0] + "."):
        assert at_token(steady, broken).get_json()["error"] == "invalid_dpop_proof"
    swapped = with_header(proof, typ="dpop+jwt", alg="ES256", jwk=mine.as_dict(private=False))
    assert at_token(steady, swapped).get_json()["error"] == "invalid_dpop_proof"
    crossed = signed({"htm": "POST"}, ED, alg="EdDSA", typ="dpop+jwt", jwk=mine.as_dict(private=False))
    assert at_token(steady, crossed).get_json()["error"] == "invalid_dpop_proof"


@row("DPOP-07", oidf="DpopNegativeTests")
def test_the_key_it_carries_has_no_private_half(steady: Partner) -> None:
    refused_everywhere(steady, {}, header={"jwk": steady.dpop_key.as_dict(private=True)})
    for more in ({"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/cert"}):
        answer = at_token(steady, steady.proof("POST", "/oauth/token", header={"jwk": None, **more}))
        assert answer.get_json()["error"] == "invalid_dpop_proof"
    refused_everywhere(steady, {}, header={"crit": ["b64"], "b64": True})


@row("DPOP-08", oidf="DpopNegativeTests")
@pytest.mark.parametrize("method", ["GET", "post", "POST ", "PUT", "*"])
def test_it_is_for_this_method(steady: Partner, method: str) -> None:
    refused_everywhere(steady, {"htm": method})


@row("DPOP-09", "A22", oidf="DpopNegativeTests")
@pytest.mark.parametrize(
    "address",
    [
        "https://another.example/oauth/token",
        "http://127.0.0.1:8080/oauth/token/",
        "http://127.0.0.1:8080/oauth/tokens",
        "http://127.0.0.1:8080//oauth/token",
        "http://127.0.0.1:8080/OAuth/token",
        "http://127.0.0.1:8081/oauth/token",
        "https://127.0.0.1:8080/oauth/token",
        "http://a@127.0.0.1:8080/oauth/token",
        "http://127.0.0.1:8080",
        "http://127.0.0.1:99999/oauth/token",
        "http://[::1/oauth/token",
        "/oauth/token",
        "token",
    ],
)
def test_it_is_for_this_address(steady: Partner, address: str) -> None:
    assert steady.issuer == "http://127.0.0.1:8080"
    refused_everywhere(steady, {"htu": address})


@row("DPOP-09")
@pytest.mark.parametrize("after", ["", "?a=b", "#a", "?a=b#c"])
def test_what_does_not_count_of_an_address_does_not(steady: Partner, after: str) -> None:
    for address in (f"{steady.issuer}/oauth/token{after}", f"HTTP://127.0.0.1:8080/oauth/token{after}"):
        assert at_token(steady, steady.proof("POST", "/oauth/token", htu=address)).status_code == 200


@row("BCP-14", "DPOP-09")
def test_the_address_is_the_configured_one_whatever_the_request_says(steady: Partner) -> None:
    forged = {"Host": "localhost:1", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    assert steady.token(headers=forged).status_code == 200
    for htu in ("http://localhost:1/oauth/token", "https://evil.example/oauth/token"):
        answer = steady.token(headers=forged, proof=steady.proof("POST", "/oauth/token", htu=htu))
        assert answer.get_json()["error"] == "invalid_dpop_proof"


@row("DPOP-11", "FAPI-09", oidf=("DpopProofWithIat10SecondsBeforeSucceeds", "DpopProofWithIat10SecondsAfterSucceeds"))
@pytest.mark.parametrize(
    ("seconds", "fine"), [(-61, False), (-60, True), (-10, True), (0, True), (10, True), (61, False)]
)
def test_it_was_made_now(steady: Partner, seconds: int, fine: bool) -> None:
    if fine:
        assert at_token(steady, steady.proof("POST", "/oauth/token", iat=steady.now + seconds)).status_code == 200
    else:
        refused_everywhere(steady, {"iat": steady.now + seconds})


@row("DPOP-11", oidf="CheckDpopProofNbfExp")
@pytest.mark.parametrize("wrong", [{"exp": -61}, {"nbf": 61}, {"exp": "a"}, {"nbf": True}, {"exp": [1]}], ids=str)
def test_a_proof_that_says_when_it_ends_is_held_to_it(steady: Partner, wrong: dict[str, Any]) -> None:
    [(name, value)] = wrong.items()
    refused_everywhere(steady, {name: steady.now + value if type(value) is int else value})
    fine = steady.proof("POST", "/oauth/token", exp=steady.now + 60, nbf=steady.now)
    assert at_token(steady, fine).status_code == 200


@row("DPOP-11")
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300, -1, 2**70])
@pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
def test_a_time_that_is_no_time_is_refused(steady: Partner, name: str, value: float) -> None:
    """One that is only far away is a time: long ago for a beginning, far ahead for an end."""
    answer = at_token(steady, steady.proof("POST", "/oauth/token", **{name: value}))
    far = math.isfinite(value) and ((name == "exp" and value > 0) or (name == "nbf" and value < 0))
    assert answer.status_code == (200 if far else 400)


@row("DPOP-12", "BCP-06", oidf="DpopNegativeTests")
def test_at_a_resource_it_names_its_token(steady: Partner) -> None:
    token, another = held(steady), held(steady)
    for ath in (None, "", encoded(hashlib.sha256(another.encode()).digest()), encoded(b"a"), token, 7):
        proof = steady.proof("POST", FIND, token, ath=ath)
        answer = steady.call("POST", FIND, token, json={}, proof=proof)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "dpop-proof-invalid")
    assert steady.call("POST", FIND, token, json={}).status_code == 422


@row("DPOP-13", "BCP-06", "FAPI-03", "A24")
def test_a_token_is_of_use_to_its_own_key_alone_and_never_as_a_bearer_token(steady: Partner) -> None:
    token, thief = held(steady), new_key()
    stolen = steady.call("POST", FIND, token, json={}, proof=steady.proof("POST", FIND, token, key=thief))
    plain = steady.call("POST", FIND, token, json={}, scheme="Bearer", proof=None)
    both = steady.call("POST", FIND, token, json={}, scheme="Bearer")
    for answer in (stolen, plain, both):
        assert answer.status_code == 401
        said = answer.headers["WWW-Authenticate"]
        assert said.startswith("DPoP ")
        assert 'algs="ES256 PS256 Ed25519 EdDSA"' in said
        assert 'error="invalid_token"' in said


@row("DPOP-14")
def test_a_proof_is_used_once(steady: Partner) -> None:
    proof = steady.proof("POST", "/oauth/token")
    assert at_token(steady, proof).status_code == 200
    assert at_token(steady, proof).get_json()["error"] == "invalid_dpop_proof"
    token = held(steady)
    proof = steady.proof("POST", FIND, token)
    assert steady.call("POST", FIND, token, json={}, proof=proof).status_code == 422
    assert steady.call("POST", FIND, token, json={}, proof=proof).status_code == 401


@row("DPOP-14")
def test_of_many_simultaneous_uses_of_a_proof_one_wins(steady: Partner) -> None:
    proof = steady.proof("POST", "/oauth/token")
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: at_token(steady, proof).status_code, range(32)))
    assert (answers.count(200), answers.count(400)) == (1, 31)


@row("DPOP-15")
def test_the_examples_of_the_specification_give_its_own_answers(session: Session) -> None:
    """RFC 9449 §4.2's proof and its thumbprint, §7.1's token and its hash."""
    proof = (
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rs"
        "cEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2"
        "In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2V"
        "uIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
    )
    key, claims = dpop._read(proof)
    assert key.thumbprint() == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    assert (claims["htm"], claims["htu"]) == ("POST", "https://server.example.com/token")
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    assert dpop.hash_of(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


@pytest.fixture
def with_nonces(settings: Settings, sqlite_template: Any) -> Iterator[Partner]:
    for house in build_house(replace(of_a_demonstration(settings), dpop_nonces=True), template=sqlite_template):
        yield register(house, "harvest-system", FOOD_BANK)


@row("DPOP-10")
def test_where_nonces_are_asked_for_one_is_given_and_then_taken(with_nonces: Partner) -> None:
    from datetime import timedelta

    fapi = with_nonces
    first = fapi.token()
    assert (first.status_code, first.get_json()["error"]) == (400, "use_dpop_nonce")
    nonce = first.headers["DPoP-Nonce"]
    answer = fapi.token(proof=fapi.proof("POST", "/oauth/token", nonce=nonce))
    assert answer.status_code == 200
    token = answer.get_json()["access_token"]
    asked = fapi.call("POST", FIND, token, json={})
    assert (asked.status_code, asked.get_json()["code"]) == (401, "dpop-nonce")
    assert 'error="use_dpop_nonce"' in asked.headers["WWW-Authenticate"]
    nonce = asked.headers["DPoP-Nonce"]
    assert (
        fapi.call("POST", FIND, token, json={}, proof=fapi.proof("POST", FIND, token, nonce=nonce)).status_code == 422
    )
    for wrong in ("", "a", nonce + "a", 7, [nonce]):
        refused = fapi.token(proof=fapi.proof("POST", "/oauth/token", nonce=wrong))
        assert (refused.status_code, refused.get_json()["error"]) == (400, "use_dpop_nonce")
    fapi.house.wait(timedelta(seconds=121))
    assert fapi.token(proof=fapi.proof("POST", "/oauth/token", nonce=nonce)).get_json()["error"] == "use_dpop_nonce"


def test_nonces_are_of_this_house_alone(settings: Settings, tmp_path: Any) -> None:
    from tests.people import NOON

    settings.data_folder.mkdir(mode=0o700)
    other = replace(settings, data_folder=tmp_path / "other")
    other.data_folder.mkdir(mode=0o700)
    assert not set(dpop.nonces(settings, now=NOON)) & set(dpop.nonces(other, now=NOON))
    (settings.data_folder / "secrets" / "dpop-nonces").write_text("short")
    with pytest.raises(Misconfigured):
        dpop.nonces(settings, now=NOON)
