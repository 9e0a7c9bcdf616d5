"""Proofs of possession as a partner's system makes them (RFC 9449 §4), for doors that take bound tokens alone."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime
from typing import Any

from joserfc import jwk, jwt

KEY = jwk.ECKey.generate_key("P-256")


def proof(
    url: str, *, method: str = "POST", now: datetime, token: str | None = None, key: Any = KEY, **changes: Any
) -> str:
    """A proof by ``key``, for one request to ``url``; with ``token``, for that token alone."""
    claims = {"htm": method, "htu": url, "iat": int(now.timestamp()), "jti": secrets.token_hex(8)}
    if token is not None:
        claims["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, {**claims, **changes}, key)
