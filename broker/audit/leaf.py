"""What one entry of the trail commits to, as canonical JSON (RFC 8785).

Pure, and shared by the writer and the verifier so that the two cannot differ. A leaf holds codes and keyed hashes:
never a name, a note's text or an NHS number.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import rfc8785

from broker.audit.log import leaf_hash

VERSION = 1
_EXACT = 2**53
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
FIELDS = ("v", "id", "index", "at", "action", "actor", "organisation", "resident", "body", "note_commitment")


def canonical(value: Any) -> bytes:
    """Raises ValueError for what JSON cannot say exactly (an integer beyond 2**53, NaN, bytes)."""
    try:
        # Both write the same of what a leaf is made of, and ``json`` does it at once.
        return _JSON.encode(value).encode() if _is_plain(value) else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise ValueError(f"not exact JSON: {error}") from error


def _is_plain(value: Any) -> bool:
    """Whether ``json`` writes it as RFC 8785 says: no fraction, no integer beyond 2**53, and names that sort alike."""
    kind = type(value)  # a subclass may write itself in its own way
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(abs(value) < _EXACT)
    if kind is dict:
        return all(type(name) is str and name.isascii() for name in value) and all(map(_is_plain, value.values()))
    return kind is list and all(map(_is_plain, value))


def hash_of(leaf: Mapping[str, Any]) -> bytes:
    """The RFC 6962 leaf hash of exactly FIELDS."""
    if set(leaf) != set(FIELDS):
        raise ValueError("a leaf has exactly these fields: " + ", ".join(FIELDS))
    return leaf_hash(canonical(leaf))


def instant_text(at: datetime) -> str:
    """UTC to the microsecond, always of the same length."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def resident_reference(key: bytes, resident: str) -> str:
    """What stands for a resident in a leaf. Keyed: without the key no guess at an id can be checked."""
    return hmac.new(key, resident.encode(), sha256).hexdigest()


def actor_reference(key: bytes, actor: str) -> str:
    """The actor as the leaf names it: a resident who acts is referred to as a resident is, others as they are."""
    kind, _, name = actor.partition(":")
    return f"resident:{resident_reference(key, name)}" if kind == "resident" else actor


def note_commitment(salt: bytes, text: str) -> str:
    """Binds the leaf to a note without saying it. The salt keeps a short note from being guessed."""
    return sha256(salt + text.encode()).hexdigest()
