"""The kinds of value an agreement is written with: strict text, codes, days, whole numbers, yes or no.

Knows shapes, not meanings: nothing here has heard of a sharing agreement. A value that is not as it must be raises
``Wrong``, with a code and a sentence that says what to do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

LONGEST_TEXT = 4000  # characters
LONGEST_LIST = 400  # items
LARGEST_NUMBER = 2**53 - 1  # what canonical JSON can hold (RFC 8785 §3.2.2.3)

Reader = Callable[[Any], Any]
_Code = TypeVar("_Code", bound=StrEnum)
# Could hide or reorder what is signed, or cannot be written as UTF-8 at all.
_HIDING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


@dataclass(frozen=True)
class Fault:
    """What is wrong with one value. ``detail`` says what to do."""

    code: str
    detail: str


@dataclass(frozen=True)
class Placed:
    """A fault, and the path of the field it is in (``sections[2].because``; empty for the whole)."""

    path: str
    fault: Fault


class Wrong(Exception):
    """A value is not as it must be."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.fault = Fault(code, detail)


def text(pattern: str | None = None, say: str = "This is not written as it must be.") -> Reader:
    """Reads some plain text, without the spaces around it; where ``pattern``, only what matches it whole."""
    wanted = re.compile(pattern) if pattern else None

    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
            raise Wrong("text-needed", f"Give some plain text, of at most {LONGEST_TEXT} characters.")
        if _HIDING.search(value):
            raise Wrong("text-needed", "Give plain text: this has characters that cannot be seen. Type it again.")
        if wanted and not wanted.fullmatch(value):
            raise Wrong("text-malformed", say)
        return value.strip()

    return read


def name(pattern: str, say: str) -> Reader:
    """Reads one item of a list of names, which must match ``pattern`` whole."""
    wanted = re.compile(pattern)

    def read(value: Any) -> str:
        if not isinstance(value, str) or not wanted.fullmatch(value):
            raise Wrong("text-malformed", say)
        return value

    return read


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("yes-or-no-needed", "Say true or false, without quotation marks.")
    return value


def day(value: Any) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass  # 2026-02-30: refused below, as any other text would be
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise Wrong("date-needed", "Give a date, as 2026-04-01.")


def whole(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Wrong("number-needed", f"Give a whole number from {least} to {most}.")
        return value

    return read


def code(codes: type[_Code], called: str) -> Reader:
    """Reads one of ``codes``. A code that is not known is answered with the nearest that is."""

    def read(value: Any) -> _Code:
        try:
            return codes(value)
        except ValueError:
            raise Wrong("code-unknown", _not_known(value, codes, called)) from None

    return read


def parameters(value: Mapping[Any, Any]) -> tuple[dict[str, str | int | bool], dict[Any, Fault]]:
    """The parameters of an obligation (text, whole numbers, yes or no) and, by name, those that are none of these."""
    good: dict[str, str | int | bool] = {}
    wrong: dict[Any, Fault] = {}
    for key, given in value.items():
        try:
            good[key] = _parameter(key, given)
        except Wrong as fault:
            wrong[key] = fault.fault
    return good, wrong


def nearest(given: object, known: Iterable[str]) -> str | None:
    """The one of ``known`` that somebody who wrote ``given`` most likely meant; None where none is near."""
    if not isinstance(given, str):
        return None
    found = difflib.get_close_matches(given[:80].strip().lower().replace("_", "-").replace(" ", "-"), list(known), n=1)
    return found[0] if found else None


def repeated(items: Sequence[Any]) -> list[int]:
    """Where in ``items`` something stands that stood before it."""
    return [index for index, item in enumerate(items) if any(_same(item, other) for other in items[:index])]


def placed(messages: Any, path: str) -> Iterator[Placed]:
    """The faults in a nest of them, by name and by number, each with its path. ``_schema`` stands for the whole."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from placed(inner, _path(path, key))
    else:
        yield from (Placed(path, fault) for fault in messages)


def _path(path: str, key: object) -> str:
    if isinstance(key, int) and not isinstance(key, bool):
        return f"{path}[{key}]"
    if key == "_schema":
        return path
    return f"{path}.{key}" if path else str(key)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _parameter(key: Any, given: Any) -> str | int | bool:
    if not isinstance(key, str) or not _PARAMETER.fullmatch(key):
        raise Wrong("parameter-malformed", "Name a parameter in small letters, as within_days.")
    if isinstance(given, str):
        read: str = text()(given)
        return read
    if not isinstance(given, int) or abs(given) > LARGEST_NUMBER:
        raise Wrong("parameter-malformed", "Give text, a whole number, or true or false.")
    return given


def _not_known(value: object, codes: type[StrEnum], called: str) -> str:
    shown = f"“{_HIDING.sub('', value)[:60]}”" if isinstance(value, str) and value.strip() else "This"
    known = [each.value for each in codes]
    meant = nearest(value, known) or _by_label(value, codes)
    if meant:
        return f"{shown} is not a {called} the broker knows. Did you mean “{meant}”?"
    if len(known) <= 14:
        return f"{shown} is not a {called} the broker knows. Use one of: {', '.join(known)}."
    return f"{shown} is not a {called} the broker knows. The guide lists those that are."


def _by_label(value: object, codes: type[StrEnum]) -> str | None:
    """The code whose plain name was written in its place."""
    labels = {str(getattr(each, "label", each)).lower(): each.value for each in codes}
    return labels.get(value.strip().lower()) if isinstance(value, str) else None
