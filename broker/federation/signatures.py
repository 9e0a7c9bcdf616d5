"""Reading what a provider signed: with its pinned keys and its pinned algorithms, and nothing that the token offers.

Follows no address in a header, takes no key from one, and knows no shared secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from joserfc import jwk, jws
from joserfc.errors import JoseError

from broker.errors import NotAuthenticated

# What a provider may be pinned to. Nothing here can be made with a key that is public.
ALGORITHMS = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
}
LONGEST = 32 * 1024  # characters of a token
MOST_KEYS = 20
_SMALLEST_RSA, _LARGEST_RSA = 2048, 8192  # bits
_PARTS = ("kty", "crv", "x", "y", "n", "e")


class NotBelieved(NotAuthenticated):
    """What the provider sent is not its own, or not about this sign-in. ``code`` says which of its promises failed."""

    def __init__(self, code: str) -> None:
        super().__init__(code, "The answer from the sign-in service could not be relied on. Sign in again.")


def read(text: str, jwks: Mapping[str, Any], *, algorithms: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token signed by one of ``jwks`` (RFC 7515 §5.2). Raises NotBelieved."""
    header = _header(text)
    if header.get("alg") not in algorithms or header.get("alg") not in ALGORITHMS:
        raise NotBelieved("token-algorithm-wrong")
    if "crit" in header or "b64" in header:
        raise NotBelieved("token-header-unknown")
    for key in _candidates(jwks, header):
        try:
            return header, _object(jws.deserialize_compact(text, key, algorithms=[header["alg"]]).payload)
        except (JoseError, ValueError):
            continue
    raise NotBelieved("token-signature-wrong")


def checked_keys(jwks: Any) -> dict[str, Any]:
    """The public signature keys of ``jwks`` that can be pinned, and nothing else of it. Raises ValueError for none."""
    kept = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(kept, list) or len(kept) > MOST_KEYS:
        raise ValueError('a set of keys is {"keys": [...]}, with at most twenty')
    found = [{n: v for n, v in each.items() if n in (*_PARTS, "kid", "alg", "use")} for each in kept if _usable(each)]
    if not found:
        raise ValueError("there is no key that signatures can be checked with")
    return {"keys": found}


def _header(text: str) -> dict[str, Any]:
    try:
        if len(text) > LONGEST or not text.isascii():
            raise NotBelieved("token-malformed")
        return dict(jws.extract_compact(text.encode()).headers())
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise NotBelieved("token-malformed") from error


def _candidates(jwks: Mapping[str, Any], header: dict[str, Any]) -> list[Any]:
    """The keys that may have made it: of the kind, and of the name if it has one. Two of one name are both tried."""
    fitting = [
        each
        for each in jwks.get("keys", ())
        if each.get("kty") == ALGORITHMS[header["alg"]]
        and each.get("kid") == header.get("kid", each.get("kid"))
        and each.get("alg", header["alg"]) == header["alg"]
    ]
    return [key for each in fitting if (key := _key(each)) is not None]


def _usable(kept: Any) -> bool:
    return isinstance(kept, dict) and kept.get("use", "sig") == "sig" and "d" not in kept and _key(kept) is not None


def _key(kept: dict[str, Any]) -> Any:
    try:
        key: Any = jwk.import_key({name: part for name, part in kept.items() if name in _PARTS})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, jwk.RSAKey) and _SMALLEST_RSA <= key.public_key.key_size <= _LARGEST_RSA:
        return key
    return key if isinstance(key, jwk.ECKey) and key.curve_name == "P-256" else None


# JSON can escape what no database can keep: the NUL, which ``dumps`` writes as an escape again, and half a character.
_UNKEEPABLE = re.compile(r"\\u0000|[\ud800-\udfff]")


def _object(payload: bytes) -> dict[str, Any]:
    """Claims, each given once: a name twice means one thing to one reader and another to the next."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise NotBelieved("token-malformed")
        return dict(pairs)

    try:
        found = json.loads(payload, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise NotBelieved("token-malformed") from error
    if not isinstance(found, dict) or _UNKEEPABLE.search(json.dumps(found, ensure_ascii=False)):
        raise NotBelieved("token-malformed")
    return found
