"""An ID token held to what was pinned of its provider (OpenID Connect Core §3.1.3.7). Asks nobody, and stores nothing.

What a token says of its own checks is not listened to: the nonce is compared because we sent one, whatever it claims.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from broker.federation.models import IdentityProvider
from broker.federation.signatures import NotBelieved, read

AHEAD = timedelta(seconds=60)  # by which a provider's clock may be ahead of ours
SKEW = timedelta(seconds=10)  # by which two clocks may differ at a token's end
OLDEST = timedelta(minutes=65)  # NHS login's tokens live an hour; none is taken that was made before that
LONGEST_SUBJECT = 255  # OpenID Connect Core §2


@dataclass(frozen=True, slots=True)
class Claims:
    """What a provider said, once it was believed. ``everything`` is what it signed, for a kind's own rules."""

    subject: str
    issued_at: datetime
    expires_at: datetime
    authenticated_at: datetime | None
    session: str | None  # ``sid``, which a back-channel logout names
    everything: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str | None:
        return text_of(self.everything, name)


def verify(
    provider: IdentityProvider, text: str, *, nonce: str | None, now: datetime, max_age: timedelta | None = None
) -> Claims:
    """What an ID token of ``provider`` for us says. Raises NotBelieved.

    ``nonce`` is the one that we sent; None only for a token that was not made for a sign-in here (RFC 8693), whose
    caller must see to it that it is used once. With ``max_age`` its person must have proved who they are so recently.
    """
    header, said = read(text, provider.jwks, algorithms=provider.algorithms)
    if str(header.get("typ", "JWT")).lower() not in ("jwt", "application/jwt"):
        raise NotBelieved("token-type-wrong")  # a logout token is signed by the same key
    _for_us(provider, said)
    claims = _in_time(said, now=now)
    if nonce is not None and not hmac.compare_digest(str(said.get("nonce", "")).encode(), nonce.encode()):
        raise NotBelieved("token-nonce-wrong")
    if max_age is not None and not _proved_within(claims, max_age, now=now):
        raise NotBelieved("token-proof-too-old")
    return claims


def text_of(said: Mapping[str, Any], name: str) -> str | None:
    """A claim where it is words, and not too many; None otherwise."""
    found = said.get(name)
    return found if isinstance(found, str) and 0 < len(found) <= LONGEST_SUBJECT else None


def instant_of(said: Mapping[str, Any], name: str) -> datetime | None:
    """A claim where it is seconds since 1970; None otherwise."""
    found = said.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < 253_402_300_800:
        return None
    return datetime.fromtimestamp(found, UTC)


def check_audience(provider: IdentityProvider, said: Mapping[str, Any]) -> None:
    """That it is from the provider, and for us alone. Raises NotBelieved."""
    if said.get("iss") != provider.issuer:
        raise NotBelieved("token-issuer-wrong")
    # One audience: a second is somebody else who could bring it to us (§3.1.3.7-3).
    if said.get("aud") not in (provider.client_id, [provider.client_id]):
        raise NotBelieved("token-audience-wrong")


def _for_us(provider: IdentityProvider, said: Mapping[str, Any]) -> None:
    check_audience(provider, said)
    if said.get("azp", provider.client_id) != provider.client_id:
        raise NotBelieved("token-party-wrong")
    if "events" in said:
        raise NotBelieved("token-type-wrong")


def _in_time(said: Mapping[str, Any], *, now: datetime) -> Claims:
    subject, issued, expires = text_of(said, "sub"), instant_of(said, "iat"), instant_of(said, "exp")
    if subject is None:
        raise NotBelieved("token-subject-missing")
    if expires is None or now >= expires + SKEW:
        raise NotBelieved("token-expired")
    if issued is None or not now - OLDEST <= issued <= now + AHEAD:
        raise NotBelieved("token-not-of-now")
    if "nbf" in said and not ((begins := instant_of(said, "nbf")) and begins <= now + AHEAD):
        raise NotBelieved("token-not-of-now")
    return Claims(
        subject=subject,
        issued_at=issued,
        expires_at=expires,
        authenticated_at=instant_of(said, "auth_time"),
        session=text_of(said, "sid"),
        everything=dict(said),
    )


def _proved_within(claims: Claims, max_age: timedelta, *, now: datetime) -> bool:
    at = claims.authenticated_at
    return at is not None and now - max_age - AHEAD <= at <= now + AHEAD
