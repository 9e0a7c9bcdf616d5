"""Asking a source's own authorization server for a token, with an assertion that the broker signs (RFC 7523).

The shape that NHS England's platform calls application-restricted, and SMART calls backend services: client
credentials, a short-lived signed JWT for the token address, and a bearer token that is kept until shortly before it
ends. Where the source wants a token for each worker, the same assertion comes with a second JWT that names them, to be
exchanged (RFC 8693). That one is signed by the broker too: it is not an ID token of NHS login or Care Identity, which
the broker does not keep. Never sends the key, never keeps a token on disk, and shows a token to no address but the
source's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import JoseError

from broker.records.source import Asker
from broker.vocabulary import GapCause

from .answering import Unanswered

ALGORITHMS = ("RS512", "RS384", "ES384", "ES256", "PS256")
LIVES = timedelta(minutes=5)
EARLY = timedelta(seconds=30)  # a token is asked for again this long before it ends
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT = "urn:ietf:params:oauth:token-type:jwt"
_LONGEST_TOKEN = 16 * 1024


@dataclass(frozen=True, slots=True)
class SignedJwt:
    """How the broker is known at one token address. ``key_secret`` names the secret with the private key (PEM)."""

    token_url: str
    client_id: str
    key_secret: str
    kid: str
    algorithm: str = "RS512"
    scope: str = ""
    exchange: bool = False  # a token for each worker, in exchange for a JWT that names them (RFC 8693)

    def form(self, pem: str, *, now: datetime, asker: Asker | None = None) -> list[tuple[str, str]]:
        """The token request, with an assertion that was never made before. Raises Unanswered for an unusable key.

        ``asker`` is whom the token is to be for; None: for the broker itself.
        """
        asked = [
            ("client_assertion_type", _ASSERTION),
            ("client_assertion", self._signed(pem, self.client_id, now=now)),
        ]
        if asker is None:
            asked.insert(0, ("grant_type", "client_credentials"))
        else:
            worker = {"organisation": asker.organisation, "role": asker.role.value}
            subject = self._signed(pem, pseudonym(pem, asker), now=now, **worker)
            asked.insert(0, ("grant_type", _EXCHANGE))
            asked += [("subject_token", subject), ("subject_token_type", _JWT)]
        return [*asked, ("scope", self.scope)] if self.scope else asked

    def _signed(self, pem: str, subject: str, *, now: datetime, **more: str) -> str:
        seconds = int(now.timestamp())
        claims = {
            "iss": self.client_id,
            "sub": subject,
            "aud": self.token_url,
            "jti": secrets.token_hex(16),
            "iat": seconds,
            "exp": seconds + int(LIVES.total_seconds()),
            **more,
        }
        header = {"alg": self.algorithm, "typ": "JWT", "kid": self.kid}
        try:
            key = (jwk.RSAKey if self.algorithm[0] in "RP" else jwk.ECKey).import_key(pem)
            return jwt.encode(header, claims, key, algorithms=[self.algorithm])
        except (JoseError, ValueError, TypeError) as error:
            raise Unanswered(GapCause.REFUSED, "the broker's signing key for it cannot be used") from error


def pseudonym(pem: str, asker: Asker) -> str:
    """What a worker is called at this source: always the same while the key is, and of no use anywhere else.

    Raises Unanswered for whoever is not named: all of them together are nobody.
    """
    if not asker.person:
        raise Unanswered(GapCause.REFUSED, "must be told which worker asks, and none was named")
    who = f"asker/v1\0{asker.organisation}\0{asker.person}".encode()
    return hmac.new(hashlib.sha256(pem.encode()).digest(), who, hashlib.sha256).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Given:
    """A token, and until when it is worth showing."""

    text: str
    until: datetime


def given(answer: Any, *, now: datetime) -> Given:
    """What a token address answered. Raises Unanswered for what is no bearer token, or is good for no time at all."""
    text = answer.get("access_token") if isinstance(answer, dict) else None
    seconds = answer.get("expires_in", 60) if isinstance(answer, dict) else None
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit() and len(seconds) < 10:
        seconds = int(seconds)  # RFC 6749 has a number; some servers send its digits
    usable = isinstance(text, str) and 0 < len(text) <= _LONGEST_TOKEN and text.isascii() and text.isprintable()
    if not usable or " " in str(text) or str(answer.get("token_type", "")).lower() != "bearer":
        raise Unanswered(GapCause.REFUSED, "gave the broker no token it can use")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds < 10**8:
        raise Unanswered(GapCause.REFUSED, "gave the broker no token it can use")
    return Given(str(text), now + max(timedelta(seconds=seconds) - EARLY, timedelta(seconds=min(seconds, 1))))
