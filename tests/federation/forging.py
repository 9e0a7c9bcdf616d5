"""A provider that exists on paper alone: its keys, and tokens signed with them, right or wrong."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

from joserfc import jwk, jws

from broker.federation.models import IdentityProvider
from broker.vocabulary import ProviderKind
from tests.people import NOON

ISSUER, CLIENT, NONCE = "https://sign-in.example", "the-broker", "n-0S6_WzA2Mj"
AT = int(NOON.timestamp())


@cache
def rsa(name: str, bits: int = 2048) -> jwk.RSAKey:
    return jwk.RSAKey.generate_key(bits, {"kid": name}, private=True)


@cache
def elliptic(name: str, curve: Any = "P-256") -> jwk.ECKey:
    return jwk.ECKey.generate_key(curve, {"kid": name}, private=True)


def public(*keys: Any, **more: Any) -> dict[str, Any]:
    return {"keys": [{**key.as_dict(private=False), **more} for key in keys]}


def provider(**changes: Any) -> IdentityProvider:
    """NHS login's shape: RS512 and nothing else."""
    known = {
        "id": "resident-login",
        "kind": ProviderKind.NHS_LOGIN,
        "organisation_code": None,
        "label": "NHS login",
        "issuer": ISSUER,
        "client_id": CLIENT,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "jwks_uri": f"{ISSUER}/jwks",
        "jwks": public(rsa("first")),
        "algorithms": ["RS512"],
        "client_algorithm": "RS512",
        "scopes": "openid profile",
        "says_issuer": False,
        "added_at": NOON,
    }
    return IdentityProvider(**{**known, **changes})


def said(**changes: Any) -> dict[str, Any]:
    """An ID token's claims, as they should be. A claim that is changed to None is left out."""
    claims = {
        "iss": ISSUER,
        "sub": "their-subject",
        "aud": CLIENT,
        "iat": AT - 5,
        "exp": AT + 3600,
        "auth_time": AT - 20,
        "nonce": NONCE,
        "sid": "their-session",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims: Any, *, key: Any = None, alg: str = "RS512", **header: Any) -> str:
    key = key or rsa("first")
    whole = {"alg": alg, "kid": key.kid, "typ": "JWT", **header}
    whole = {name: value for name, value in whole.items() if value is not None}
    body = claims if isinstance(claims, str) else json.dumps(claims)
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.serialize_compact(whole, body, key, registry=registry)


def unsigned(claims: dict[str, Any], *, alg: str = "none", **header: Any) -> str:
    return f"{_part({'alg': alg, 'typ': 'JWT', **header})}.{_part(claims)}."


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
