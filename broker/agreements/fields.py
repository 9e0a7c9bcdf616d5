"""Read a mapping field by field, strictly: every fault is an InvalidInput that names the field, by its path.

Knows shapes, not meanings: nothing here has heard of a sharing agreement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from broker.errors import InvalidInput

LONGEST_TEXT = 4000  # characters

_Code = TypeVar("_Code", bound=StrEnum)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")  # could hide or reorder what is signed


class Fields:
    """The fields of one mapping. Ask for each by name, then ``end()``, which refuses any that was not asked for."""

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, Mapping):
            raise InvalidInput("not-a-mapping", "This must be a set of named fields.", field=path or None)
        self._value = value
        self._path = path
        self._asked: set[str] = set()

    def path(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def fault(self, code: str, detail: str, name: str) -> InvalidInput:
        return InvalidInput(code, detail, field=self.path(name))

    def end(self) -> None:
        """Raise ``field-unknown`` for a field nobody asked for: a misspelt limit must not go unread."""
        for name in self._value:
            if name not in self._asked:
                raise self.fault("field-unknown", "This field is not one an agreement has.", str(name))

    def text(self, name: str, *, pattern: str | None = None) -> str:
        value = self._given(name)
        if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT or _CONTROL.search(value):
            raise self.fault("text-needed", f"Give some plain text, of at most {LONGEST_TEXT} characters.", name)
        if pattern and not re.fullmatch(pattern, value):
            raise self.fault("text-malformed", "This is not written as it must be.", name)
        return value.strip()

    def text_or_none(self, name: str, *, pattern: str | None = None) -> str | None:
        return None if self._given(name, default=None) is None else self.text(name, pattern=pattern)

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        value = self._given(name, default=default)
        if not isinstance(value, bool):
            raise self.fault("yes-or-no-needed", "Say true or false.", name)
        return value

    def day(self, name: str) -> date:
        value = self._given(name)
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass  # 2026-02-30: refused below, as any other text would be
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        raise self.fault("date-needed", "Give a date, as 2026-04-01.", name)

    def code(self, name: str, codes: type[_Code]) -> _Code:
        return self._code(self._given(name), codes, name)

    def codes(self, name: str, codes: type[_Code], *, some: bool = False) -> tuple[_Code, ...]:
        """Codes in the order written, none twice; at least one where ``some``."""
        items = self._items(name, some=some)
        return tuple(self._code(item, codes, f"{name}[{index}]") for index, item in enumerate(items))

    def texts(self, name: str, *, pattern: str, some: bool = False) -> tuple[str, ...]:
        items = self._items(name, some=some)
        for index, item in enumerate(items):
            if not isinstance(item, str) or not re.fullmatch(pattern, item):
                raise self.fault("text-malformed", "This is not written as it must be.", f"{name}[{index}]")
        return tuple(items)

    def record(self, name: str) -> Fields:
        return Fields(self._given(name), self.path(name))

    def records(self, name: str, *, some: bool = False) -> list[Fields]:
        items = self._items(name, some=some)
        return [Fields(item, self.path(f"{name}[{index}]")) for index, item in enumerate(items)]

    def rest(self) -> dict[str, str | int | bool]:
        """Every field not asked for, as parameters: text, whole numbers and yes or no."""
        rest: dict[str, str | int | bool] = {}
        for name, value in self._value.items():
            if name in self._asked:
                continue
            if not isinstance(name, str) or not isinstance(value, str | int):
                raise self.fault("parameter-malformed", "Give text, a whole number, or true or false.", str(name))
            rest[name] = self.text(name) if isinstance(value, str) else value
        self._asked |= rest.keys()
        return rest

    _MISSING = object()

    def _given(self, name: str, *, default: Any = _MISSING) -> Any:
        self._asked.add(name)
        value = self._value.get(name, default)
        if value is self._MISSING:
            raise self.fault("field-missing", "This must be given.", name)
        return value

    def _items(self, name: str, *, some: bool) -> list[Any]:
        items = self._given(name)
        if not isinstance(items, list | tuple):
            raise self.fault("list-needed", "Give a list.", name)
        if some and not items:
            raise self.fault("list-empty", "Name at least one.", name)
        for index, item in enumerate(items):
            if item in items[:index]:
                raise self.fault("named-twice", "This is in the list twice.", f"{name}[{index}]")
        return list(items)

    def _code(self, value: Any, codes: type[_Code], name: str) -> _Code:
        try:
            return codes(value)
        except ValueError:
            shown = f"{value[:60]!r}" if isinstance(value, str) else "This"
            raise self.fault("code-unknown", f"{shown} is not a {codes.__name__} code.", name) from None
