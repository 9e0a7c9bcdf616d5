"""The broker's own keys towards providers: one for each, so that what is signed for one is of no use at another.

A private key is a file in the data folder that its owner alone can read. It is never printed and never in the database.
"""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc import jwk, jws

from broker.errors import Misconfigured
from broker.federation.models import IdentityProvider
from broker.settings import Settings

BITS = 3072
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LASTS = timedelta(minutes=2)


def make(settings: Settings, provider_id: str) -> None:
    """Make the key for a provider, unless there is one: one added again finds its old key."""
    path = _path(settings, provider_id)
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = jwk.RSAKey.generate_key(BITS, {"use": "sig", "kid": secrets.token_hex(8)}, private=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(key.as_dict(private=True), file)


def public_set(settings: Settings, provider_id: str) -> dict[str, Any]:
    """The public half, as the set of keys that the provider is given."""
    return {"keys": [_key(settings, provider_id).as_dict(private=False)]}


def public_pem(settings: Settings, provider_id: str) -> str:
    """The public half as PEM, which NHS login is given."""
    return str(_key(settings, provider_id).as_pem(private=False).decode())


def assertion(settings: Settings, provider: IdentityProvider, *, now: datetime) -> str:
    """A client assertion for the provider's token address (RFC 7523 §3), good for two minutes and once."""
    key = _key(settings, provider.id)
    claims = {
        "iss": provider.client_id,
        "sub": provider.client_id,
        "aud": provider.token_endpoint,
        "jti": secrets.token_urlsafe(24),
        "iat": int(now.timestamp()),
        "exp": int((now + _LASTS).timestamp()),
    }
    header = {"alg": provider.client_algorithm, "typ": "JWT", "kid": key.kid}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=[provider.client_algorithm])


def _key(settings: Settings, provider_id: str) -> Any:
    path = _path(settings, provider_id)
    try:
        return jwk.RSAKey.import_key(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the key towards the provider {provider_id} cannot be read: {error}") from error


def _path(settings: Settings, provider_id: str) -> Path:
    return settings.data_folder / "secrets" / "providers" / f"{provider_id}.json"
