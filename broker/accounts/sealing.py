"""Sealing what must be read again: AES-256-GCM under a secret of the data folder, bound to what it is for."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


def seal(key: bytes, plain: bytes, *, bound_to: str) -> bytes:
    """``plain``, readable only with ``key`` and for ``bound_to``."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())


def unseal(key: bytes, sealed: bytes, *, bound_to: str) -> bytes | None:
    """What was sealed; None where it was not sealed with ``key`` and for ``bound_to``."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to.encode())
    except (InvalidTag, ValueError):
        return None
