"""Counts in words: one row, two rows."""

from __future__ import annotations


def counted(number: int, one: str, more: str = "") -> str:
    """``number`` with its noun; ``more`` is the plural where it is not the noun and an s."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"
