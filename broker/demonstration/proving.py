"""What a partner's system signs: an assertion of who it is, and a proof of its key for each request (RFC 9449).

Plays the partner's part in a demonstration. The broker itself never holds a partner's private key.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from joserfc import jwk, jwt

from broker.oauth.assertion import LONGEST
from broker.oauth.dpop import hash_of

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def new_key() -> Any:
    """A key to bind tokens to."""
    return jwk.ECKey.generate_key("P-256")


def assertion(client: str, key: Any, *, issuer: str) -> str:
    """That whoever sends it is ``client`` (RFC 7523), good once and for a few minutes."""
    now = int(time.time())
    claims = {
        "iss": client,
        "sub": client,
        "aud": issuer,
        "iat": now,
        "exp": now + LONGEST - 10,
        "jti": secrets.token_hex(16),
    }
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)


def proof(key: Any, method: str, url: str, *, token: str | None = None) -> str:
    """That whoever sends this one request has ``key``; with ``token``, for that token alone."""
    claims = {"htm": method, "htu": url, "iat": int(time.time()), "jti": secrets.token_hex(16)}
    if token is not None:
        claims["ath"] = hash_of(token)
    return jwt.encode({"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}, claims, key)
