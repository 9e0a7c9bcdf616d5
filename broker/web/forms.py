"""Reading a form: each field's value, or the words to show beside it. Knows nothing of what the form is for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from enum import StrEnum
from typing import TypeVar

from flask import request

E = TypeVar("E", bound=StrEnum)

LONGEST_TEXT = 500


class Form:
    """What was sent, read field by field. ``errors`` maps a field to what is wrong with it, in the page's order."""

    def __init__(self) -> None:
        self.sent = request.form
        self.errors: dict[str, str] = {}

    def text(self, name: str, *, missing: str) -> str:
        """Words somebody typed, trimmed; at most ``LONGEST_TEXT`` characters."""
        typed = self.sent.get(name, "").strip()
        if not typed:
            self.errors[name] = missing
        elif len(typed) > LONGEST_TEXT:
            self.errors[name] = f"Use {LONGEST_TEXT} characters or fewer."
        return typed

    def choice(self, name: str, offered: Collection[E], *, missing: str) -> E | None:
        """The one that was chosen of those offered; anything else is nothing chosen."""
        chosen = next((code for code in offered if code.value == self.sent.get(name)), None)
        if chosen is None:
            self.errors[name] = missing
        return chosen

    def choices(self, name: str, offered: Collection[E], *, missing: str) -> frozenset[E]:
        """Those that were chosen of those offered. Something that was not offered is not quietly dropped."""
        sent = set(self.sent.getlist(name))
        chosen = frozenset(code for code in offered if code.value in sent)
        if not chosen or len(chosen) != len(sent):
            self.errors[name] = missing
        return chosen

    def day(self, name: str, *, missing: str, unreal: str) -> date | None:
        """A date typed as day, month and year in ``<name>[day]`` and so on; ``unreal`` where there is no such day."""
        typed = [self.sent.get(f"{name}[{part}]", "").strip() for part in ("year", "month", "day")]
        try:
            year, month, day = (int(part) for part in typed)
            return date(year, month, day)
        except (ValueError, OverflowError):  # a year of twenty digits is a number too
            self.errors[name] = unreal if all(typed) else missing
            return None
