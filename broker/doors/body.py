"""Reading a JSON body strictly: UTF-8, no key twice, not too deep. What is ambiguous is refused, never guessed."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, Never

from flask import request
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from broker.errors import InvalidInput

DEEPEST = 32
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character: JSON can escape one, and no database can keep it


def read_json() -> Any:
    """This request's body. Raises InvalidInput or an HTTP error that says what is wrong with it."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    return json_of(request.get_data())


def json_of(content: bytes) -> Any:
    """``content`` read strictly. Raises InvalidInput or an HTTP error that says what is wrong with it."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput("not-utf-8", "The body is not UTF-8 text.") from error
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite)
    except ValueError as error:  # no JSON, or a whole number of thousands of digits
        raise BadRequest from error
    except RecursionError as error:
        raise InvalidInput("too-deep", "The body is nested too deeply.") from error
    if _depth(value) > DEEPEST:
        raise InvalidInput("too-deep", "The body is nested too deeply.")
    if any("\x00" in found or _SURROGATE.search(found) for found in _texts(value)):
        raise InvalidInput("not-plain-text", "The body has a character that cannot be kept.")
    return value


class StrictParser(FlaskParser):
    """webargs, reading bodies as ``read_json`` does and refusing fields nobody asked for."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": "raise"}

    def load_json(self, req: Any, schema: Any) -> Any:
        return read_json()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidInput("duplicate-field", "A field is given more than once.")
    return found


def _no_constant(name: str) -> Never:
    raise InvalidInput("not-json", f"{name} is not JSON.")


def _finite(number: str) -> float:
    found = float(number)
    return found if isfinite(found) else _no_constant(number[:20])


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return deepest


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in (key, *_texts(inner))]
    if isinstance(value, list):
        return [found for inner in value for found in _texts(inner)]
    return []
