"""Tokens that no honest client makes: unsigned, signed by what everybody knows, nested, cut, or made of bytes."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from tests.oauth.client import encoded


def unsigned(claims: dict[str, Any], *, alg: str = "none", **header: Any) -> str:
    return f"{_part({'alg': alg, **header})}.{_part(claims)}."


def by_shared_secret(claims: dict[str, Any], secret: bytes, **header: Any) -> str:
    """HS256, with what is a public key to everybody else."""
    said = f"{_part({'alg': 'HS256', 'typ': 'JWT', **header})}.{_part(claims)}"
    return f"{said}.{encoded(hmac.new(secret, said.encode(), hashlib.sha256).digest())}"


def made_of(header: Any, payload: Any, signature: bytes = b"s" * 64) -> str:
    """A token of any three parts; bytes go in as they are, all else as JSON."""
    return f"{_part(header)}.{_part(payload)}.{encoded(signature)}"


def nested(depth: int, before: str = "", after: str = "") -> bytes:
    """JSON text of ``depth`` arrays, one in another."""
    return (before + "[" * depth + "]" * depth + after).encode()


def with_header(token: str, **changes: Any) -> str:
    """The same token with another header, which its signature is not over."""
    _, payload, signature = token.split(".")
    return f"{_part(changes)}.{payload}.{signature}"


def _part(said: Any) -> str:
    return encoded(said if isinstance(said, bytes) else json.dumps(said).encode())
