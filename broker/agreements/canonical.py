"""JSON in the one way that a hash is taken of it: as OPA writes it when it checks a bundle."""

from __future__ import annotations

import json
from typing import Any


def canonical(value: Any) -> bytes:
    """Keys in order, no spaces, and the two line separators escaped. Raises ValueError for what JSON cannot say.

    For whole numbers, text, lists and objects this is RFC 8785 as well, but for the order of keys beyond the Basic
    Multilingual Plane and those two separators.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()
