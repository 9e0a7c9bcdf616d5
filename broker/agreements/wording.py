"""Lists, days and labels as a sentence says them. Knows nothing of what they are about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date


def listed(words: Iterable[str]) -> str:
    """``a, b and c``. There is at least one."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def small(label: str) -> str:
    """``label`` as it stands inside a sentence: HIV and GP keep their letters."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def day(on: date) -> str:
    """``1 April 2026``."""
    return f"{on.day} {on:%B %Y}"
