"""Read JSON that a stranger wrote, strictly: one value for each name, no deeper than is handled, nothing but JSON.

UTF-8 alone (RFC 8259 §8.1): in UTF-7 or UTF-16 the marks between names and values are other bytes, and could be hidden.
"""

from __future__ import annotations

import json
import re
from typing import Any

from broker.vocabulary import GapCause

from .answering import Unanswered


class _Wrong(ValueError):
    """What is wrong with it, in words that are safe to show."""


def _refuse_constant(name: str) -> None:
    raise _Wrong(f"sent {name}, which is not JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are said once. Which of two values was meant, nobody can say (RFC 8259 §4)."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Wrong("sent JSON that says one name twice in an object")
    return made


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)  # NaN and Infinity are not JSON (RFC 8259 §6)
_STRICT = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_once_each)
_CODECS = {"utf-8": "utf-8-sig", "utf8": "utf-8-sig", "us-ascii": "ascii"}
_SPACED = re.compile(rb'"[ \t\r\n]+:')


def read_json(body: bytes, charset: str = "utf-8", *, depth: int) -> Any:
    """Parse JSON that a stranger wrote. Raises Unanswered (malformed) for what is not JSON, is nested too deep, says
    one name twice, or is said to be of another character set."""
    codec = _CODECS.get(charset.strip().lower())
    if codec is None:
        raise Unanswered(GapCause.MALFORMED, "sent JSON that is not UTF-8")
    try:
        text = body.decode(codec)
        document = _DECODER.decode(text)
        if b"\\ud" in body or b"\\uD" in body:  # half a surrogate pair would fail later, wherever it is written out
            json.dumps(document, ensure_ascii=False).encode()
        names = names_in(document, depth)
        # As many names as there are places for one: the usual case, and quicker than to look at each.
        if names is not None and (body.count(b'":') != names or _SPACED.search(body)):
            _STRICT.decode(text)
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, _Wrong) else "sent something that is not JSON"
        raise Unanswered(GapCause.MALFORMED, said) from error
    if names is None:
        raise Unanswered(GapCause.MALFORMED, "sent JSON nested too deep")
    return document


def names_in(document: object, depth: int) -> int | None:
    """How many names its objects have in all; None where objects and arrays nest deeper than ``depth``.

    Level by level, so without recursion.
    """
    level, names = [document] if type(document) in (dict, list) else [], 0
    for _ in range(depth):
        if not level:
            return names
        below: list[object] = []
        for parent in level:
            if type(parent) is dict:
                names += len(parent)
                below += [item for item in parent.values() if type(item) in (dict, list)]
            else:
                below += [item for item in parent if type(item) in (dict, list)]  # type: ignore[attr-defined]
        level = below
    return None if level else names


def deeper_than(document: object, depth: int) -> bool:
    """Whether objects and arrays nest deeper than ``depth``."""
    return names_in(document, depth) is None
