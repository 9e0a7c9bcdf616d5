"""The keys of one hosted source, all derived from one master secret. Keeps no key anywhere, and reads no file.

Three keys for three uses (RFC 5869): one seals, one makes the indexes by which people and items are found. The salt is
the store's own, so that a store whose salt is gone cannot be opened, whoever has the master secret.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Masters = Callable[[], Sequence[bytes]]  # the master secrets in use, the present one first

SALT = 32
_NONCE = 12  # bytes, as NIST SP 800-38D §5.2.1.1 recommends


class Spoiled(Exception):
    """What was sealed does not open: it was damaged, changed, or moved from where it belongs."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What seals one store's items and names its people."""

    source: str
    sealing: bytes = field(repr=False)
    indexing: bytes = field(repr=False)

    @classmethod
    def of(cls, master: bytes, *, source: str, salt: bytes) -> Keys:
        return cls(source, *(_derived(master, salt, f"hosted/{source}/{use}") for use in ("sealing", "indexing")))

    def seal(self, plain: bytes, *bound: str) -> bytes:
        """AES-256-GCM. Opens only in this source and with the same ``bound`` words."""
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self.sealing).encrypt(nonce, plain, self._bound(bound))

    def open(self, sealed: bytes, *bound: str) -> bytes:
        """Raises Spoiled."""
        try:
            return AESGCM(self.sealing).decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bound(bound))
        except (InvalidTag, ValueError, TypeError) as error:
            raise Spoiled from error

    def index(self, kind: str, text: str) -> bytes:
        """What stands for a number or a name where it must be found again and never read."""
        return hmac.digest(self.indexing, f"{kind}\0{text}".encode(), "sha256")

    def _bound(self, words: Sequence[str]) -> bytes:
        # Lengths first, so that no two lists of words are the same bytes.
        return b"".join(len(each.encode()).to_bytes(4) + each.encode() for each in (self.source, *words))


def fingerprint(master: bytes) -> str:
    """Which master secret a store was sealed under, without telling it."""
    return hashlib.sha256(_derived(master, b"", "hosted/which")).hexdigest()[:16]


def _derived(master: bytes, salt: bytes, use: str) -> bytes:
    return HKDF(SHA256(), 32, salt, use.encode()).derive(master)
