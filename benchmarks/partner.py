"""A partner's system for the benchmarks: its keys, and assertions and proofs signed before anything is measured.

What the client signs must cost nothing while the server is measured, so that it is the server that is. Every one is
new: none is used twice, as none may be.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from joserfc import jwk, jwt

from benchmarks.measured import PRACTICE, Measured
from broker.identity.models import Client
from broker.oauth import tokens
from broker.oauth.dpop import hash_of
from broker.oauth.scopes import PARTNER_SCOPES
from broker.vocabulary import Role

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLIENT = "benchmark-system"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Partner:
    """One registered client, the key it signs with, and the key its tokens are bound to."""

    key: Any = field(default_factory=lambda: jwk.ECKey.generate_key("P-256", {"kid": "benchmark"}))
    bound_to: Any = field(default_factory=lambda: jwk.ECKey.generate_key("P-256"))

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [{**self.key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}

    def assertion(self, audience: str) -> str:
        now = int(time.time())
        claims = {"iss": CLIENT, "sub": CLIENT, "aud": audience, "iat": now, "exp": now + 290}
        return jwt.encode({"alg": "ES256", "kid": "benchmark"}, {**claims, "jti": secrets.token_hex(12)}, self.key)

    def proof(self, method: str, url: str, *, token: str | None = None) -> str:
        claims = {"htm": method, "htu": url, "iat": int(time.time()), "jti": secrets.token_hex(12)}
        if token is not None:
            claims["ath"] = hash_of(token)
        header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": self.bound_to.as_dict(private=False)}
        return jwt.encode(header, claims, self.bound_to)

    def token_request(self, url: str, *, audience: str, **more: str) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of one token request."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": self.assertion(audience),
            **more,
        }
        return urlencode(form).encode(), {**FORM, "DPoP": self.proof("POST", url)}

    def presenting(self, token: str, method: str, url: str) -> dict[str, str]:
        """The headers of one request with a bound token."""
        return {"Authorization": f"DPoP {token}", "DPoP": self.proof(method, url, token=token)}


def registered(broker: Measured) -> Partner:
    """A system of the practice's, registered with the broker that is measured."""
    partner = Partner()
    with broker.broker.sessions.begin() as session:
        session.add(
            Client(
                id=CLIENT,
                organisation_code=PRACTICE,
                name="Benchmark",
                role=Role.CLINICIAN,
                jwks=partner.jwks,
                scopes=" ".join(PARTNER_SCOPES),
                registered_at=datetime.now(UTC),
            )
        )
    return partner


def bound_token(broker: Measured, partner: Partner, **whose: Any) -> str:
    """A live token bound to the partner's key, as the token endpoint would keep it."""
    with broker.broker.sessions.begin() as session:
        return tokens.issue(
            session,
            settings=broker.settings,
            now=datetime.now(UTC),
            jkt=str(partner.bound_to.thumbprint()),
            **{"role": Role.CLINICIAN, "scopes": " ".join(PARTNER_SCOPES), "organisation": PRACTICE, **whose},
        )
