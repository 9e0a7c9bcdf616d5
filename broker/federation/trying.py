"""What is wrong with a provider, said to an operator before anybody signs in. Changes nothing here or there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broker.errors import InvalidInput
from broker.federation import asking, keys
from broker.federation.metadata import fetch, keys_at
from broker.federation.models import IdentityProvider
from broker.settings import Settings

_PINNED = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Finding:
    right: bool
    words: str


def findings(settings: Settings, provider: IdentityProvider, *, now: datetime) -> list[Finding]:
    """Each thing that was looked at, right or wrong, in the order of looking. Raises nothing for a provider's fault."""
    return [*_description(provider), *_keys(provider), _our_key(settings, provider, now=now)]


def _description(provider: IdentityProvider) -> Iterator[Finding]:
    try:
        said = fetch(provider.issuer)
    except InvalidInput as error:
        yield Finding(False, error.detail)
        return
    same = said.get("issuer") == provider.issuer
    yield Finding(
        same, "It names itself as was pinned." if same else f"It names itself {str(said.get('issuer'))[:200]}."
    )
    for name in _PINNED:
        pinned, now_said = getattr(provider, name), said.get(name)
        if pinned != now_said:
            yield Finding(
                False, f"Its {name} was pinned as {pinned} and is now {now_said}: remove it and add it again."
            )


def _keys(provider: IdentityProvider) -> Iterator[Finding]:
    if provider.jwks_uri is None:
        return
    try:
        found = keys_at(provider.jwks_uri)
    except InvalidInput as error:
        yield Finding(False, error.detail)
        return
    if found == provider.jwks:
        yield Finding(True, "Its keys are the ones that were pinned.")
    else:
        yield Finding(False, f"Its keys have changed: run `broker providers refresh-keys {provider.id}`.")


def _our_key(settings: Settings, provider: IdentityProvider, *, now: datetime) -> Finding:
    """Present our key with a code that is none: ``invalid_grant`` says that the key is known there."""
    form = {
        "grant_type": "authorization_code",
        "code": "a-code-that-is-none",
        "redirect_uri": f"{settings.issuer}/sign-in/with/{provider.id}/callback",
        "code_verifier": "a" * 43,
        "client_id": provider.client_id,
        "client_assertion_type": keys.ASSERTION_TYPE,
        "client_assertion": keys.assertion(settings, provider, now=now),
    }
    try:
        _, answer = asking.post_form(provider.token_endpoint, form)
    except asking.NoAnswer as error:
        return Finding(False, f"Its token address did not answer: {error.why}.")
    return _judged(answer.get("error"), provider)


def _judged(error: Any, provider: IdentityProvider) -> Finding:
    if error == "invalid_grant":
        return Finding(True, "It knows our key.")
    if error in ("invalid_client", "unauthorized_client"):
        return Finding(False, f"It does not know {provider.client_id} with our key: give it what `show` prints.")
    return Finding(False, f"It answered a code that is none with {str(error)[:60]!r}, which says nothing of our key.")
