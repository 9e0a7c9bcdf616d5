"""Sending somebody to a provider and taking them back: once, soon, in the same browser, with what was promised.

The authorization code flow with PKCE (RFC 7636), a nonce, a state bound to the browser, and RFC 9207's ``iss``.
Knows nothing of cookies or pages; decides nothing about who somebody is here.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from broker.errors import NotAuthenticated
from broker.federation import asking, keys
from broker.federation.id_tokens import Claims, verify
from broker.federation.kinds import KINDS, asked
from broker.federation.models import Arrival, Errand, IdentityProvider, LogoutTokenUse, SignInAttempt
from broker.federation.signatures import NotBelieved
from broker.settings import Settings

LASTS = timedelta(minutes=10)
_KEPT_AFTER = timedelta(hours=1)
# What a provider may say went wrong (RFC 6749 §4.1.2.1, Core §3.1.2.6, NHS login), as a resident reads it.
REFUSED = {
    "access_denied": "You stopped, or the sign-in service did not let you go on.",
    "sso_login_required": "You are not signed in to the sign-in service. Sign in there first.",
    "login_required": "You are not signed in to the sign-in service. Sign in there first.",
    "interaction_required": "The sign-in service needs something from you. Sign in again.",
    "consent_required": "You did not agree to share what this service needs to know who you are.",
    "temporarily_unavailable": "The sign-in service is not working now. Wait a while, then try again.",
    "server_error": "The sign-in service is not working now. Wait a while, then try again.",
    "unmet_authentication_requirements": "The sign-in service could not check who you are well enough.",
}
_ANY_OTHER = "The sign-in service refused. Try again, and tell whoever runs this service if it goes on."


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a provider vouched for: its ID token's claims, and what it told of its user when asked."""

    claims: Claims
    userinfo: Mapping[str, Any] = field(repr=False)


def send(
    session: Session,
    provider: IdentityProvider,
    *,
    errand: Errand,
    callback: str,
    browser: str,
    way_back: str,
    now: datetime,
    rising: str | None = None,
) -> str:
    """The address to send somebody to. ``browser`` is the secret of its cookie, ``callback`` ours for this provider.

    Commits.
    """
    assert (errand is Errand.AGAIN) == (rising is not None), "a session rises, and only a session"
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    attempt = SignInAttempt(
        digest=digest(state),
        provider_id=provider.id,
        errand=errand,
        nonce=nonce,
        verifier=verifier,
        browser=digest(browser),
        rising=rising,
        wanted=list(KINDS[provider.kind].wanted),
        way_back=way_back[:500],
        sent_at=now,
        expires_at=now + LASTS,
    )
    session.add(attempt)
    session.commit()
    said = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": callback,
        "scope": provider.scopes,
        "state": state,
        "nonce": nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
        **asked(provider, errand),
    }
    return f"{provider.authorization_endpoint}{_joined(provider.authorization_endpoint)}{urlencode(said)}"


def take_back(
    session: Session, provider: IdentityProvider, *, state: str, browser: str, now: datetime
) -> SignInAttempt:
    """The attempt that somebody has come back from, used up. Raises NotAuthenticated where there is none. Commits.

    One refusal for a state of another browser, of another provider, unknown, used or too old.
    """
    taken = session.scalar(
        update(SignInAttempt)
        .where(
            SignInAttempt.digest == digest(state),
            SignInAttempt.provider_id == provider.id,
            SignInAttempt.browser == digest(browser),
            SignInAttempt.used_at.is_(None),
            SignInAttempt.expires_at > now,
        )
        .values(used_at=now)
        .returning(SignInAttempt)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    session.commit()
    if taken is None:
        raise NotAuthenticated(
            "sign-in-not-begun-here", "This sign-in was not begun in this browser, or took too long. Sign in again."
        )
    return taken


def check_answer(provider: IdentityProvider, answer: Mapping[str, str]) -> str:
    """The code in what the browser brought back. Raises NotAuthenticated for an error, or another provider's answer."""
    issuer = answer.get("iss")
    if issuer != provider.issuer and (issuer is not None or provider.says_issuer):
        raise NotBelieved("answer-of-another")  # mix-up (RFC 9207 §2.4)
    if "error" in answer:
        known = answer["error"] if answer["error"] in REFUSED else "refused"
        raise NotAuthenticated(f"provider-said-{known.replace('_', '-')}", REFUSED.get(known, _ANY_OTHER))
    if not 1 <= len(answer.get("code", "")) <= 4096:
        raise NotBelieved("answer-without-code")
    return answer["code"]


def redeem(
    settings: Settings,
    provider: IdentityProvider,
    attempt: SignInAttempt,
    *,
    code: str,
    callback: str,
    fresh: timedelta,
    now: datetime,
) -> Vouched:
    """What the provider says of who brought ``code``. Raises NotAuthenticated: NotBelieved or asking.NoAnswer.

    For a step-up its person must have proved who they are within ``fresh``, and since they were sent.
    """
    status, answer = asking.post_form(
        provider.token_endpoint, _token_request(settings, provider, attempt, code, callback, now)
    )
    id_token, access_token = answer.get("id_token"), answer.get("access_token")
    if status != 200 or not isinstance(id_token, str):
        raise NotBelieved("code-not-redeemed")
    again = attempt.errand is Errand.AGAIN
    waited = min(fresh, now - attempt.sent_at) if again else None
    claims = verify(provider, id_token, nonce=attempt.nonce, now=now, max_age=waited)
    return Vouched(claims, _userinfo(provider, claims, access_token))


def forget(session: Session, *, now: datetime) -> None:
    """Delete what ran out more than an hour ago. The caller commits."""
    for kept in (SignInAttempt, Arrival, LogoutTokenUse):
        session.execute(delete(kept).where(kept.expires_at <= now - _KEPT_AFTER))


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token_request(
    settings: Settings, provider: IdentityProvider, attempt: SignInAttempt, code: str, callback: str, now: datetime
) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback,
        "code_verifier": attempt.verifier,
        "client_id": provider.client_id,
        "client_assertion_type": keys.ASSERTION_TYPE,
        "client_assertion": keys.assertion(settings, provider, now=now),
    }


def _userinfo(provider: IdentityProvider, claims: Claims, access_token: Any) -> dict[str, Any]:
    """What the provider tells of its user, where its kind is asked. Of the same user (Core §5.3.2)."""
    if not KINDS[provider.kind].needs_userinfo:
        return {}
    if provider.userinfo_endpoint is None or not isinstance(access_token, str):
        raise NotBelieved("userinfo-not-told")
    status, told = asking.get_json(provider.userinfo_endpoint, token=access_token)
    if status != 200 or told.get("sub") != claims.subject:
        raise NotBelieved("userinfo-of-another")
    return told


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _joined(address: str) -> str:
    return "&" if "?" in address else "?"
