"""The same requests to a certified server of others and to the broker: nothing it refuses is taken here.

The other is npm oidc-provider set to FAPI 2.0. What is refused here and taken there is our own strictness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.oauth.client import ASSERTION_TYPE, CALLBACK, Partner, new_key, without_none
from tests.oauth.conftest import DPOP_KEY, KEY, OTHER_KEY
from tests.oauth.forging import by_shared_secret, unsigned
from tests.oauth.test_pushed_requests import ADDRESSES
from tests.peers.running import run_peer

pytestmark = [pytest.mark.slow, pytest.mark.needs("node")]
PUBLIC = KEY.as_pem(private=False)
PATHS = {"/oauth/par": "/request", "/oauth/token": "/token"}


@dataclass
class There(Partner):
    """The same client, at the other server."""

    there: str = ""

    @property
    def issuer(self) -> str:
        return self.there

    def proof(self, method: str, path: str, token: str | None = None, **options: Any) -> str:
        return super().proof(method, PATHS.get(path, path), token, **options)

    def post(self, path: str, form: dict[str, Any], *, proof: Any = None, assertion: Any = ..., **options: Any) -> Any:
        if not isinstance(assertion, str | None):
            assertion = self.assertion()
        proven = {} if assertion is None else {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        headers = {} if proof is None else {"DPoP": proof}
        address = f"{self.there}{PATHS[path]}{options.get('query', '')}"
        return requests.post(address, data={**proven, **without_none(form)}, headers=headers, timeout=10)


Case = Callable[[Partner], Any]


def push(**changes: Any) -> Case:
    return lambda partner: partner.push(**changes)


def claim(**changes: Any) -> Case:
    return lambda partner: partner.push(assertion=partner.assertion(**changes))


def later(name: str, seconds: int, at: str) -> Case:
    """A claim of an assertion, or of a proof, that is so many seconds from now."""
    if at == "assertion":
        return lambda partner: partner.push(assertion=partner.assertion(**{name: partner.now + seconds}))
    return lambda partner: partner.token(proof=partner.proof("POST", "/oauth/token", **{name: partner.now + seconds}))


def proof(*, header: dict[str, Any] | None = None, **changes: Any) -> Case:
    return lambda partner: partner.token(proof=partner.proof("POST", "/oauth/token", header=header, **changes))


def audience(path: str) -> Case:
    return lambda partner: partner.push(assertion=partner.assertion(aud=partner.issuer + path))


def corpus() -> list[tuple[str, Case]]:
    """Every request, by a name: two are right, most are wrong in one way."""
    right: list[tuple[str, Case]] = [("push", push()), ("token", lambda partner: partner.token())]
    redirects = [(f"redirect {address!r}", push(redirect_uri=address)) for address in [*ADDRESSES, None]]
    pushes = [(f"push {change}", push(**change)) for change in PUSHES]
    return [*right, *redirects, *pushes, *assertions(), *proofs(), *tokens()]


PUSHES: list[dict[str, Any]] = [
    {"code_challenge": None},
    {"code_challenge": None, "code_challenge_method": None},
    {"code_challenge_method": None},
    {"code_challenge_method": "plain"},
    {"code_challenge_method": "S512"},
    {"code_challenge": "a" * 42},
    {"code_challenge": "a" * 129},
    {"code_challenge": "é" * 43},
    *({"response_type": kind} for kind in ("token", "id_token", "code id_token", "code token", "none", "", None)),
    *({"response_mode": mode} for mode in ("form_post", "fragment", "query", "jwt", "odd")),
    *({"request_uri": uri} for uri in ("urn:a", "https://evil.example/r")),
    *({"scope": scope} for scope in ("everything", "residents.find everything", "Residents.find")),
    *({"prompt": prompt} for prompt in ("none login", "odd", "none")),
    *({"max_age": age} for age in ("-1", "soon", "1.5")),
    *({"dpop_jkt": jkt} for jkt in ("a", "é" * 43)),
    {"client_id": "another"},
    {"state": ["a", "b"]},
    {"scope": ["residents.find", "records.read"]},
    {"redirect_uri": [CALLBACK, "https://evil.example/cb"]},
    {"code_challenge_method": ["S256", "plain"]},
    {"request": "e30.e30."},
    {"assertion": None},
    {"assertion": "a.b.c"},
    {"assertion": ""},
]


def assertions() -> list[tuple[str, Case]]:
    found: list[tuple[str, Case]] = [
        (f"assertion {name}={value!r}", claim(**{name: value}))
        for name in ("iss", "sub", "aud", "exp", "jti")
        for value in (None, "", 7, "another", ["a"], True)
    ]
    found += [
        (f"audience {path}", audience(path)) for path in ("/request", "/token", "/oauth/par", "/oauth/token", "/x")
    ]
    times = (("exp", -61), ("iat", 120), ("nbf", 120), ("nbf", 61))
    found += [(f"assertion {name} {seconds}", later(name, seconds, "assertion")) for name, seconds in times]
    found += [
        ("audience list", lambda p: p.push(assertion=p.assertion(aud=[p.issuer]))),
        ("assertion unsigned", lambda p: p.push(assertion=unsigned(p.claims()))),
        ("assertion by a public key", lambda p: p.push(assertion=by_shared_secret(p.claims(), PUBLIC))),
        ("assertion by another", lambda p: p.push(assertion=p.assertion(key=OTHER_KEY))),
    ]
    return found


def proofs() -> list[tuple[str, Case]]:
    found: list[tuple[str, Case]] = [
        (f"proof {name}={value!r}", proof(**{name: value}))
        for name in ("htm", "htu", "iat", "jti")
        for value in (None, "", 7, ["a"], True, {})
    ]
    times = (("iat", -400), ("iat", 400), ("iat", -3600))
    found += [(f"proof {name} {seconds}", later(name, seconds, "proof")) for name, seconds in times]
    found += [(f"proof typ={kind!r}", proof(header={"typ": kind})) for kind in (None, "JWT", "dpop", "at+jwt")]
    found += [(f"proof htm={method!r}", proof(htm=method)) for method in ("GET", "post", "PUT")]
    found += [(f"proof htu={url!r}", proof(htu=url)) for url in ("https://evil.example/token", "/token", "token")]
    found += [
        ("proof private", proof(header={"jwk": DPOP_KEY.as_dict(private=True)})),
        ("proof other key", proof(header={"jwk": OTHER_KEY.as_dict(private=False)})),
        ("proof none", lambda partner: partner.token(proof=None)),
        ("proof text", lambda partner: partner.token(proof="a")),
    ]
    return found


def tokens() -> list[tuple[str, Case]]:
    kinds = ("password", "implicit", "", None, "urn:ietf:params:oauth:grant-type:jwt-bearer", "refresh_token")
    found: list[tuple[str, Case]] = [
        (f"grant {kind!r}", lambda partner, kind=kind: partner.token(grant_type=kind, scope="residents.find"))
        for kind in kinds
    ]
    codes = (None, "", "a", "é")
    return found + [(f"code {code!r}", lambda partner, code=code: partner.redeem(code)) for code in codes]


@pytest.fixture
def both(house: Any, fapi: Partner) -> Iterator[tuple[Partner, Partner]]:
    house.time[0] = datetime.now(UTC)
    signing = {**new_key(kid="server").as_dict(private=True), "alg": "ES256", "use": "sig"}
    public = {**KEY.as_dict(private=False), "use": "sig"}
    told = {"client_id": fapi.client_id, "key": public, "redirect_uri": CALLBACK, "signing": signing}
    with run_peer("fapi_server.mjs", told) as started:
        there = There(house, fapi.client_id, KEY, DPOP_KEY, there=started["issuer"])
        yield fapi, there


def test_nothing_that_a_certified_server_refuses_is_taken_here(
    both: tuple[Partner, Partner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.oauth.pushed.MOST_A_MINUTE", 1_000_000)
    here, there = both
    cases = corpus()
    said = {}
    for name, case in cases:
        here.house.time[0] = datetime.now(UTC)
        said[name] = (case(here).status_code, case(there).status_code)
    assert len(said) == len(cases) >= 150
    assert (said["push"], said["token"]) == ((201, 201), (200, 200))
    assert {name: codes for name, codes in said.items() if codes[0] < 400 <= codes[1]} == {}
    assert {name: codes for name, codes in said.items() if max(codes) >= 500} == {}
