"""Lock away what is kept of a decision, and open it again. Holds no record, and reads none.

AES-256-GCM. Each record names the key it is locked with, so that keys can be replaced and old records still opened.
What stands beside the record in the open is bound to it: a changed column opens nothing.
"""

from __future__ import annotations

import hmac
import secrets
import zlib
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.access.engines import strict
from broker.errors import EngineUnclear, Fault
from broker.settings import Settings

KEY = "decision-records"  # the names of secrets in the data folder
PSEUDONYMS = "decision-pseudonyms"
LARGEST = 8 * 1024 * 1024  # bytes of one record, opened
_VERSION = b"\x01"
_ID, _NONCE = 8, 12  # bytes
_QUICKLY = 1  # zlib level: three quarters of what the best would save, in a third of the time


class RecordUnreadable(Fault):
    """A record that cannot be opened, and why: ``record-forgotten``, ``record-key-unknown`` or ``record-altered``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class _Key:
    id: bytes
    cipher: AESGCM = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> _Key:
        return cls(sha256(b"decision-record-key\0" + secret).digest()[:_ID], AESGCM(secret))


@dataclass(frozen=True)
class Keys:
    """The key that records are locked with, those they were locked with before, and the one pseudonyms are made with.

    The pseudonyms' key is never replaced: one resident is one pseudonym for as long as any record is kept.
    """

    settings: Settings = field(repr=False)
    current: _Key = field(repr=False)
    pseudonyms: bytes = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Keys:
        return cls(settings, _Key.of(settings.secret(KEY)), settings.secret(PSEUDONYMS))

    def pseudonym(self, kind: str, id: str) -> str:
        """What stands for one person or thing. Keyed, so that no guess at an id can be checked; each kind its own."""
        return hmac.new(self.pseudonyms, f"{kind}\0{id}".encode(), sha256).hexdigest()[:32]

    def seal(self, content: bytes, *, beside: str) -> bytes:
        """``content``, JSON, locked. Only with the same ``beside`` does it open."""
        packed = zlib.compress(content, _QUICKLY)
        head, nonce = _VERSION + self.current.id, secrets.token_bytes(_NONCE)
        return head + nonce + self.current.cipher.encrypt(nonce, packed, head + beside.encode())

    def unlock(self, sealed: bytes | None, *, beside: str) -> bytes:
        """What ``seal`` locked, unpacked but not yet read. Raises RecordUnreadable, and nothing else."""
        if sealed is None:
            raise RecordUnreadable("record-forgotten")
        head, rest = sealed[: 1 + _ID], sealed[1 + _ID :]
        if head[:1] != _VERSION or len(rest) <= _NONCE:
            raise RecordUnreadable("record-altered")
        try:
            packed = self._called(head[1:]).cipher.decrypt(rest[:_NONCE], rest[_NONCE:], head + beside.encode())
            return _unpacked(packed)
        except (InvalidTag, zlib.error) as error:
            raise RecordUnreadable("record-altered") from error

    def _called(self, id: bytes) -> _Key:
        """The key with this id. Another process may have replaced the current one since this one began."""
        if id == self.current.id:
            return self.current
        for name in (f"{KEY}-{id.hex()}", KEY):
            secret = self.settings.kept_secret(name)
            if secret is not None and _Key.of(secret).id == id:
                return _Key.of(secret)
        raise RecordUnreadable("record-key-unknown")


def read(content: bytes) -> dict[str, Any]:
    """What was unlocked, as it was sealed. Raises RecordUnreadable."""
    try:
        found = strict.from_json(content)
    except EngineUnclear as error:
        raise RecordUnreadable("record-altered") from error
    if not isinstance(found, dict):
        raise RecordUnreadable("record-altered")
    return found


def replace_key(settings: Settings) -> str:
    """Lock records with a new key from now on, and keep the old one for those it locked. Returns the old one's id.

    A process that is running goes on with the old key until it starts again; either opens what the other locked.
    """
    old = _Key.of(settings.secret(KEY)).id.hex()
    settings.retire_secret(KEY, kept_as=f"{KEY}-{old}")
    settings.secret(KEY)
    return old


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(packed, LARGEST)
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise RecordUnreadable("record-altered")
    return content
