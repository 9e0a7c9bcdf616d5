"""What callers put on the trail: codes about an act, checked here so that nothing personal slips into a leaf."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.database import valid_nhs_number
from broker.errors import InvalidInput
from broker.vocabulary import AuditAction

_ACTOR = re.compile(r"broker|(person|client|resident|operator):[!-~]{1,100}")
_CODE = re.compile(r"[!-~]{0,400}")  # printable ASCII without a space: room for a code, not for a sentence
_TEN_DIGITS = re.compile(r"(?<![0-9A-Za-z])[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}(?![0-9A-Za-z])")
# Seconds since 1970 have ten digits too, and begin with 1 or 2, where no NHS number does.
_SMALLEST_NHS_NUMBER = 3_000_000_000


@dataclass(frozen=True, slots=True)
class Event:
    """One act, before it has a place on the trail.

    ``actor`` is ``person:<id>``, ``client:<id>``, ``resident:<id>``, ``operator:<name>`` or ``broker``; ``resident``
    the internal id; ``body`` codes and numbers, in lists or by name. ``note`` is free text, kept beside the leaf and
    never in it. Raises ValueError for a body that could hold a sentence or an NHS number: that is the caller's mistake.
    """

    action: AuditAction
    actor: str
    organisation: str | None = None
    resident: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not _ACTOR.fullmatch(self.actor):
            raise ValueError("an actor is person:, client:, resident: or operator: and an id, or broker")
        _check_code("actor", self.actor.partition(":")[2])
        object.__setattr__(self, "body", _checked("the body", self.body))


def _checked(name: str, value: Any, depth: int = 5) -> Any:
    """``value`` as JSON has it: sets sorted, for they have no order and a leaf must. Raises ValueError."""
    if depth == 0:
        raise ValueError(f"{name} is nested too deeply")
    if isinstance(value, Mapping):
        for each in value:
            _check_code("a name in the body", each)
        return {str(k): _checked(k, v, depth - 1) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        return [_checked(name, each, depth - 1) for each in value]
    return _scalar(name, value)


def _scalar(name: str, value: Any) -> str | int | float | bool | None:
    if isinstance(value, str):
        _check_code(name, value)
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if value >= _SMALLEST_NHS_NUMBER and _is_nhs_number(str(value)):
            raise ValueError(f"{name} could be an NHS number")
        return value
    if value is None or isinstance(value, bool | float):
        return value
    raise ValueError(f"{name} must hold codes, numbers, or lists and names of them")


def _check_code(name: str, text: str) -> None:
    if not _CODE.fullmatch(text):
        raise ValueError(f"{name} holds more than a code: free text belongs in the note")
    for found in _TEN_DIGITS.findall(text):
        if _is_nhs_number(found):
            raise ValueError(f"{name} could hold an NHS number")


def _is_nhs_number(text: str) -> bool:
    try:
        return bool(valid_nhs_number(text))
    except InvalidInput:
        return False
