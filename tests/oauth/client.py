"""A partner's system as FAPI 2.0 has it, small enough to do wrong on purpose what a real one does right.

Every step takes changes by name: ``None`` leaves a claim or a parameter out, a list sends a parameter more than once.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from flask.testing import FlaskClient
from joserfc import jwk, jwt
from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.identity.models import Membership
from broker.oauth.details import TYPE
from tests.doors.conftest import House
from tests.people import ADA_BORN, ADA_NUMBER

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CALLBACK = "https://harvest.example/cb"
CIBA = "urn:openid:params:grant-type:ciba"
WORKER_SCOPE = "residents.find records.read"
RECORD_SCOPE = "records.read"
_INPUT = re.compile(r"<(?:input|button)\b[^>]*>")
_NAMED = re.compile(r'\b(name|value|type)="([^"]*)"')
ON_PURPOSE = object()  # "the usual proof", as against none or another


def new_key(alg: str = "ES256", kid: str | None = None) -> Any:
    """A private key for ``alg``, with a ``kid``."""
    named = {"kid": kid or secrets.token_hex(4)}
    if alg in ("PS256", "RS256", "RS384", "RS512"):
        return jwk.RSAKey.generate_key(2048, named)
    if alg in ("EdDSA", "Ed25519"):
        return jwk.OKPKey.generate_key("Ed25519", named)
    return jwk.ECKey.generate_key({"ES384": "P-384"}.get(alg, "P-256"), named)


def signed(claims: dict[str, Any], key: Any, **header: Any) -> str:
    """A token signed by ``key``; ``header`` adds to and replaces ``alg`` and ``kid``, None leaves one out."""
    made = {"alg": "ES256", "kid": key.kid, **header}
    said = {name: value for name, value in made.items() if value is not None}
    return jwt.encode(said, claims, key, algorithms=[said["alg"]])


def without_none(made: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in made.items() if value is not None}


def new_verifier() -> str:
    return secrets.token_urlsafe(48)


def challenge_of(verifier: str) -> str:
    return encoded(hashlib.sha256(verifier.encode()).digest())


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass(frozen=True)
class Answered:
    """What came of a request in somebody's browser."""

    answer: TestResponse

    @property
    def said(self) -> dict[str, str]:
        """The parameters at the address the browser was sent to."""
        query = parse_qs(urlsplit(self.answer.headers["Location"]).query, strict_parsing=True)
        assert all(len(values) == 1 for values in query.values()), "a parameter came back twice"
        return {name: values[0] for name, values in query.items()}

    @property
    def code(self) -> str:
        return self.said["code"]


@dataclass
class Partner:
    """One registered client: its keys, and every step it takes."""

    house: House
    client_id: str
    key: Any
    dpop_key: Any
    redirect_uri: str = CALLBACK
    audience: str = ""  # of its assertions; the issuer where not given
    token_path: str = "/oauth/token"
    verifier: str = field(default_factory=new_verifier)

    @property
    def now(self) -> int:
        at: datetime = self.house.time[0]
        return int(at.timestamp())

    @property
    def issuer(self) -> str:
        return self.house.broker.settings.issuer

    # ---- what it signs ----

    def claims(self, **changes: Any) -> dict[str, Any]:
        made = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience or self.issuer,
            "iat": self.now,
            "exp": self.now + 60,
            "jti": secrets.token_hex(12),
        }
        return without_none({**made, **changes})

    def assertion(self, *, key: Any = None, header: dict[str, Any] | None = None, **changes: Any) -> str:
        return signed(self.claims(**changes), key or self.key, **(header or {}))

    def proof(
        self,
        method: str,
        path: str,
        token: str | None = None,
        *,
        key: Any = None,
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        by = key or self.dpop_key
        made = {"htm": method, "htu": f"{self.issuer}{path}", "iat": self.now, "jti": secrets.token_hex(12)}
        if token is not None:
            made["ath"] = encoded(hashlib.sha256(token.encode()).digest())
        says = {"typ": "dpop+jwt", "jwk": by.as_dict(private=False), "kid": None, **(header or {})}
        return signed(without_none({**made, **changes}), by, **says)

    @property
    def thumbprint(self) -> str:
        return str(self.dpop_key.thumbprint())

    # ---- the forms it sends ----

    def post(
        self,
        path: str,
        form: dict[str, Any],
        *,
        proof: Any = None,
        assertion: Any = ON_PURPOSE,
        headers: dict[str, str] | None = None,
        query: str = "",
    ) -> TestResponse:
        """Send ``form`` with a new assertion, or another, or none; with ``proof`` as its DPoP header, once or more."""
        said = dict(form)
        if assertion is ON_PURPOSE:
            assertion = self.assertion()
        if assertion is not None:
            said = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion, **said}
        proofs = [proof] if isinstance(proof, str) else proof or []
        sent = [*(headers or {}).items(), *(("DPoP", each) for each in proofs)]
        return self.house.client.post(f"{path}{query}", data=without_none(said), headers=sent)

    def asking(self, **changes: Any) -> dict[str, Any]:
        """The parameters of an authorization request."""
        made = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": WORKER_SCOPE,
            "state": "a-state",
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        }
        return without_none({**made, **changes})

    def push(
        self, *, proof: Any = None, assertion: Any = ON_PURPOSE, headers: Any = None, query: str = "", **changes: Any
    ) -> TestResponse:
        """Push an authorization request."""
        options = {"proof": proof, "assertion": assertion, "headers": headers, "query": query}
        return self.post("/oauth/par", self.asking(**changes), **options)

    def pushed(self, **changes: Any) -> str:
        """The ``request_uri`` of a request that is right."""
        answer = self.push(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["request_uri"])

    def token(
        self,
        *,
        proof: Any = ON_PURPOSE,
        assertion: Any = ON_PURPOSE,
        headers: Any = None,
        query: str = "",
        **form: Any,
    ) -> TestResponse:
        """Ask for a token; client_credentials for finding residents, where ``form`` says nothing else."""
        if "grant_type" not in form:
            form = {"grant_type": "client_credentials", "scope": "residents.find", **form}
        if proof is ON_PURPOSE:
            proof = self.proof("POST", self.token_path)
        return self.post(self.token_path, form, proof=proof, assertion=assertion, headers=headers, query=query)

    def redeem(self, code: str, **changes: Any) -> TestResponse:
        """Ask for a token for ``code``."""
        made = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        return self.token(**{**made, **changes})

    def refresh(self, refresh_token: str, **changes: Any) -> TestResponse:
        return self.token(**{"grant_type": "refresh_token", "refresh_token": refresh_token, **changes})

    def introspect(self, token: str, **options: Any) -> TestResponse:
        return self.post("/oauth/introspect", {"token": token}, **options)

    def revoke(self, token: str, **options: Any) -> TestResponse:
        return self.post("/oauth/revoke", {"token": token}, **options)

    # ---- somebody's browser ----

    def browser(self, who: str) -> FlaskClient:
        """A browser in which ``who`` is signed in: ``resident:ada``, or a worker by id. Nobody, where it is empty."""
        browser = self.house.app.test_client()
        if who:
            hidden = fields_of(browser.get("/demo/sign-in").text)
            key = who if who.startswith("resident:") else f"membership:{self._membership(who)}"
            answer = browser.post("/demo/sign-in", data={"csrf_token": hidden["csrf_token"][0], "who": key})
            assert answer.status_code == 303, answer.text
        return browser

    def page(self, request_uri: str, browser: FlaskClient, *, client_id: str | None = None) -> TestResponse:
        """The page that asks somebody."""
        asked = f"client_id={quote(client_id or self.client_id)}&request_uri={quote(request_uri)}"
        return browser.get(f"/oauth/authorize?{asked}")

    def authorize(
        self,
        request_uri: str,
        *,
        who: str = "adviser",
        answer: str = "yes",
        browser: FlaskClient | None = None,
        **changes: Any,
    ) -> Answered:
        """Let ``who`` answer, with everything ticked that the page offers; ``changes`` replace what is sent."""
        browser = browser or self.browser(who)
        shown = self.page(request_uri, browser)
        if shown.status_code != 200:
            return Answered(shown)
        form = {name: values for name, values in fields_of(shown.text).items() if name != "answer"}
        sent = without_none({**form, "answer": answer, **changes})
        return Answered(browser.post("/oauth/authorize", data=sent))

    def code(self, *, who: str = "adviser", authorize: dict[str, Any] | None = None, **changes: Any) -> str:
        """A code, by the whole way: pushed, shown, agreed to."""
        answered = self.authorize(self.pushed(**changes), who=who, **(authorize or {}))
        assert answered.answer.status_code == 303, answered.answer.text
        return answered.code

    def granted(self, *, who: str = "adviser", **changes: Any) -> dict[str, Any]:
        """What the token endpoint gives for a code that somebody agreed to."""
        answer = self.redeem(self.code(who=who, **changes))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    # ---- the API ----

    def call(
        self, method: str, path: str, token: str, *, proof: Any = ON_PURPOSE, scheme: str = "DPoP", **options: Any
    ) -> TestResponse:
        """Use a token at the API."""
        if proof is ON_PURPOSE:
            proof = self.proof(method, path, token)
        proofs = [proof] if isinstance(proof, str) else proof or []
        headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", each) for each in proofs)]
        return self.house.client.open(path, method=method, headers=headers, **options)

    def own_token(self, scope: str = "residents.find") -> str:
        """A token of the system's own."""
        answer = self.token(scope=scope)
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["access_token"])

    def find(self, number: str = ADA_NUMBER) -> str:
        """This organisation's handle for a resident."""
        sought = {"nhs_number": number, "born_on": ADA_BORN.isoformat()}
        answer = self.call("POST", "/api/residents/find", self.own_token(), json=sought)
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["resident"])

    def details(self, handle: str, **changes: Any) -> str:
        """Authorization details for one resident's record, as JSON."""
        made = {
            "type": TYPE,
            "actions": ["read"],
            "resident": handle,
            "sections": ["housing", "money-and-benefits"],
            "purpose": "advice-debt",
            "duration": 86_400,
            "reason": "To help with the rent.",
        }
        return json.dumps([without_none({**made, **changes})])

    def asking_ada(self, **changes: Any) -> dict[str, Any]:
        """Changes to a push, so that Ada is asked for part of her record."""
        return {"scope": RECORD_SCOPE, "authorization_details": self.details(self.find(), **changes)}

    def _membership(self, person: str) -> str:
        with self.house.session() as session:
            found = session.scalars(select(Membership.id).where(Membership.person_id == person)).first()
        assert found is not None, person
        return found


def fields_of(page: str) -> dict[str, list[str]]:
    """What a page's form would send with everything ticked, but for the buttons that are not pressed."""
    found: dict[str, list[str]] = {}
    for tag in _INPUT.findall(page):
        said = {name: html.unescape(value) for name, value in _NAMED.findall(tag)}
        if "name" in said and said.get("type") != "radio":
            found.setdefault(said["name"], []).append(said.get("value", ""))
    return found
