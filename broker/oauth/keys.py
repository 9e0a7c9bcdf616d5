"""Keys of others: which kinds are taken, how large they must be, and which one of a set a signature names.

ES256, PS256 and Ed25519 alone (FAPI 2.0 SP §5.4); never a shared secret, never a private half, never a key by address.
"""

from __future__ import annotations

import json
import warnings
from functools import lru_cache
from typing import Any

from joserfc import jwk
from joserfc.errors import JoseError, SecurityWarning

# ``EdDSA`` is what RFC 9864 now calls ``Ed25519``; both are in use, and mean the same signature here.
ALGORITHMS = ("ES256", "PS256", "Ed25519", "EdDSA")
# The same word of the library's for each of them, which it says once for every signature.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_SMALLEST_RSA = 2048
_LARGEST_RSA = 4096  # a larger one is work for us, and no safer
MOST_KEYS = 20


def public_key(kept: Any) -> Any:
    """One public key from its JSON Web Key. Raises ValueError for a kind, a curve or a size that is not taken."""
    if not isinstance(kept, dict) or _PRIVATE & set(kept) or any(not isinstance(name, str) for name in kept):
        raise ValueError("not a public key")
    try:
        key: Any = jwk.import_key({name: part for name, part in kept.items() if name in _PARTS})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ValueError("not a key that can be read") from error
    if isinstance(key, jwk.ECKey) and key.curve_name == "P-256":
        return key
    if isinstance(key, jwk.OKPKey) and kept.get("crv") == "Ed25519":
        return key
    if isinstance(key, jwk.RSAKey) and _SMALLEST_RSA <= key.public_key.key_size <= _LARGEST_RSA:
        return key
    raise ValueError("not a key of a kind that is taken here")


_PARTS = ("kty", "crv", "x", "y", "n", "e", "kid")


def check_set(jwks: Any) -> list[Any]:
    """Every key of a set of public keys. Raises ValueError where one of them is not taken, or there is none."""
    if not isinstance(jwks, dict) or not isinstance(jwks.get("keys"), list):
        raise ValueError('a set of keys is {"keys": [...]}')
    if not 1 <= len(jwks["keys"]) <= MOST_KEYS:
        raise ValueError("a set has at least one key, and at most twenty")
    return [public_key(each) for each in jwks["keys"]]


def candidates(jwks: dict[str, Any], header: dict[str, Any]) -> list[Any]:
    """The keys of ``jwks`` that a signature with ``header`` may be by: those of its name, if it has one, and its kind.

    Two keys of one name are both tried (FAPI 2.0 SP §5.4.3). What cannot be read is passed over.
    """
    kinds = {"ES256": "EC", "PS256": "RSA", "Ed25519": "OKP", "EdDSA": "OKP", "RS512": "RSA", "RS256": "RSA"}
    found = []
    for kept in jwks.get("keys", ()):
        if not isinstance(kept, dict) or kept.get("kty") != kinds.get(str(header.get("alg"))):
            continue
        if "kid" in header and kept.get("kid") != header["kid"]:
            continue
        if kept.get("use", "sig") != "sig" or kept.get("alg", header["alg"]) != header["alg"]:
            continue
        try:
            found.append(_read(json.dumps(kept, sort_keys=True)))
        except ValueError:
            continue
    return found


@lru_cache(maxsize=1024)
def _read(text: str) -> Any:
    """One key by its whole text: reading it takes as long as checking a signature. What is refused is not kept."""
    return public_key(json.loads(text))
