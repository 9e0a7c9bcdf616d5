"""Reading a JSON Web Token that somebody signed: its algorithm from our list, its key from what is registered."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from joserfc import jws
from joserfc.errors import JoseError

from broker.oauth.keys import ALGORITHMS, candidates

LONGEST = 16 * 1024  # characters


# JSON can escape what no database can keep: the NUL, which ``dumps`` writes as an escape again, and half a character.
_UNKEEPABLE = re.compile(r"\\u0000|[\ud800-\udfff]")


class Unreadable(ValueError):
    """It cannot be read, or no registered key made its signature."""


def claims_of(
    text: str, jwks: dict[str, Any], *, algorithms: Sequence[str] = ALGORITHMS
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token signed by one of ``jwks``. Raises Unreadable, and says no more.

    Never follows ``jku`` or ``x5u``, never takes a key from the token, and never ``none``.
    """
    header, _ = unverified(text)
    if header.get("alg") not in algorithms or "crit" in header:
        raise Unreadable
    for key in candidates(jwks, header):
        try:
            found = jws.deserialize_compact(text, key, algorithms=[header["alg"]])
            return header, object_of(found.payload)
        except (JoseError, ValueError):
            continue
    raise Unreadable


def unverified(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a token says of itself, before anything of it is believed: for finding whose it would be."""
    try:
        if len(text) > LONGEST or not text.isascii():
            raise Unreadable
        found = jws.extract_compact(text.encode())
        return dict(found.headers()), object_of(found.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unreadable from error


def object_of(payload: bytes) -> dict[str, Any]:
    """Claims, each given once: a name twice means one thing to one reader and another to the next.

    Raises Unreadable for that, for NaN and the infinities, which are no numbers of JSON's, and for what cannot be kept.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise Unreadable
        return dict(pairs)

    def no_constant(name: str) -> NoReturn:
        raise Unreadable

    try:
        found = json.loads(payload, object_pairs_hook=once, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable from error
    if not isinstance(found, dict) or _UNKEEPABLE.search(json.dumps(found, ensure_ascii=False)):
        raise Unreadable
    return found


def whole(value: Any) -> bool:
    """Whether a claim is a whole number of seconds."""
    return isinstance(value, int) and not isinstance(value, bool)
