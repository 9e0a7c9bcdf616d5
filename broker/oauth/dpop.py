"""Proof of possession of a key (DPoP, RFC 9449): a token stolen without its key is of no use, and no proof twice.

A proof is for one method, one address, now, and one token; its ``jti`` is kept until the proof would be too old.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broker.database import engine_of, hasty, table_of
from broker.grants.models import ProofUse
from broker.oauth.keys import ALGORITHMS, public_key
from broker.oauth.refusals import InvalidProof, UseNonce, refuse
from broker.oauth.signed import object_of
from broker.settings import Settings

LONGEST = 4096  # characters of a proof
OLDEST = 60  # seconds a proof may be old
AHEAD = 60  # seconds a client's clock may be ahead
NONCE_SECONDS = 60
_PROOF_USE = insert(table_of(ProofUse))
_MINUTE = timedelta(seconds=NONCE_SECONDS)


class _Proofs(jws.JWSRegistry):
    """What a proof may be signed by. Its header holds its key, and an RSA key is longer than most headers are."""

    max_header_length = 2048


_PROOFS = _Proofs(algorithms=ALGORITHMS)


def check(
    proofs: Sequence[str],
    *,
    method: str,
    path: str,
    settings: Settings,
    session: Session,
    now: datetime,
    token: str | None = None,
) -> str:
    """The thumbprint (RFC 7638) of the key that made the one proof, for this request, now (RFC 9449 §4.3).

    ``path`` is at the broker's own configured address, never at one the request names. ``token`` is the access token
    the proof goes with. Raises InvalidProof, and UseNonce where nonces are asked for. Commits that it was used.
    """
    if len(proofs) != 1:
        refuse(InvalidProof, "Send exactly one DPoP proof.")
    key, claims = _read(proofs[0])
    _must_be_for(claims, method=method, url=f"{settings.issuer}{path}", token=token)
    _must_be_now(claims, now=now)
    if settings.dpop_nonces and claims.get("nonce") not in (fresh := nonces(settings, now=now)):
        raise UseNonce(fresh[0])
    thumbprint = str(key.thumbprint())
    _use(session, thumbprint, claims["jti"], now=now)
    return thumbprint


def nonces(settings: Settings, *, now: datetime) -> tuple[str, str]:
    """The nonce to use now, and the one before it, which is still good. Nothing is kept for them."""
    secret = settings.secret("dpop-nonces")
    bucket = int(now.timestamp()) // NONCE_SECONDS

    def of(number: int) -> str:
        return _encoded(hmac.new(secret, f"dpop-nonce/v1/{number}".encode(), hashlib.sha256).digest()[:16])

    return of(bucket), of(bucket - 1)


def hash_of(token: str) -> str:
    """``ath``: what a proof says of the token it goes with (RFC 9449 §4.2)."""
    return _encoded(hashlib.sha256(token.encode()).digest())


def _read(proof: str) -> tuple[Any, dict[str, Any]]:
    try:
        if len(proof) > LONGEST or not proof.isascii():
            raise ValueError
        header = jws.extract_compact(proof.encode(), registry=_PROOFS).headers()
        # The header says what the library must not choose by: what kind of token, and the key itself.
        if header.get("typ") != "dpop+jwt" or header.get("alg") not in ALGORITHMS or "crit" in header:
            raise ValueError
        key = _imported(json.dumps(header["jwk"], sort_keys=True))
        found = jws.deserialize_compact(proof, key, registry=_PROOFS)
        claims = object_of(found.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidProof(description="The DPoP proof cannot be read, or its signature does not hold.") from error
    return key, claims


@lru_cache(maxsize=2048)
def _imported(text: str) -> Any:
    return public_key(json.loads(text))


def _must_be_for(claims: dict[str, Any], *, method: str, url: str, token: str | None) -> None:
    if claims.get("htm") != method:
        refuse(InvalidProof, "The DPoP proof is for another method.")
    if not isinstance(claims.get("htu"), str) or _plain(claims["htu"]) != _plain(url):
        refuse(InvalidProof, "The DPoP proof is for another address.")
    if token is not None and claims.get("ath") != hash_of(token):
        refuse(InvalidProof, "The DPoP proof is for another access token.")
    if not isinstance(claims.get("jti"), str) or not 1 <= len(claims["jti"]) <= 200:
        refuse(InvalidProof, "The DPoP proof does not say which one it is.")


def _must_be_now(claims: dict[str, Any], *, now: datetime) -> None:
    seconds = int(now.timestamp())
    times = {name: claims[name] for name in ("iat", "nbf", "exp") if name in claims}
    if "iat" not in times or any(isinstance(t, bool) or not isinstance(t, int | float) for t in times.values()):
        refuse(InvalidProof, "The DPoP proof does not say when it was made.")
    if not seconds - OLDEST <= times["iat"] <= seconds + AHEAD:
        refuse(InvalidProof, "The DPoP proof is too old, or from the future.")
    if times.get("nbf", seconds) > seconds + AHEAD or times.get("exp", seconds + 1) <= seconds - AHEAD:
        refuse(InvalidProof, "The DPoP proof is not good now.")


def _use(session: Session, thumbprint: str, jti: str, *, now: datetime) -> None:
    """The primary key lets exactly one of any number of simultaneous uses through."""
    used = hashlib.sha256(f"{thumbprint}\0{jti}".encode()).hexdigest()
    until = now.astimezone(UTC) + timedelta(seconds=OLDEST + AHEAD)
    try:
        with hasty(engine_of(session)).begin() as connection:
            connection.execute(_PROOF_USE, {"digest": used, "expires_at": until})
    except IntegrityError:
        refuse(InvalidProof, "The DPoP proof has been used before.")


def _plain(url: str) -> tuple[str, str, int | None, str]:
    """An address without what does not count (RFC 9449 §4.3, RFC 3986 §6.2): query, fragment, case, default port."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme.lower())
    except ValueError:
        refuse(InvalidProof, "The DPoP proof is for another address.")
    if parts.username is not None or parts.password is not None:
        refuse(InvalidProof, "The DPoP proof is for another address.")
    return parts.scheme.lower(), (parts.hostname or "").lower(), port, parts.path or "/"


def _encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
