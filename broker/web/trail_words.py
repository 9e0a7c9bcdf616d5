"""Codes in the trail's bodies, back to words. A code that no longer exists is left out rather than shown raw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from broker.vocabulary import DenialReason, Section

E = TypeVar("E", bound=StrEnum)

TRIED = "Whoever runs this service tested a source system with your details"
_OPERATOR = "operator"  # how the trail names whoever runs this service, at its own machine


def is_trial(actor: str, body: Mapping[str, object]) -> bool:
    """Whether an operator asked sources about somebody to see whether they work, which no partner did."""
    return actor.partition(":")[0] == _OPERATOR and body.get("act") == "tried"


def code_of(kind: type[E], value: object) -> E | None:
    """``value`` as a member of ``kind``, or None."""
    return next((member for member in kind if member.value == value), None)


def codes_of(kind: type[E], value: object) -> tuple[E, ...]:
    """The members of ``kind`` that a list names, or a mapping has as its keys, in the vocabulary's order."""
    codes: Iterable[object] = value if isinstance(value, list | tuple | dict) else ()
    named = {str(code) for code in codes}
    return tuple(member for member in kind if member.value in named)


def reasons_by_section(value: object) -> Iterator[tuple[Section, DenialReason]]:
    """The (section, reason) pairs in a decision's refusals, kept as ``{section: {source: [reason]}}``."""
    for code, sources in value.items() if isinstance(value, dict) else ():
        section = code_of(Section, code)
        for reasons in sources.values() if isinstance(sources, dict) else ():
            for reason in codes_of(DenialReason, reasons):
                if section is not None:
                    yield section, reason


def rules_in_words(revision: object) -> str:
    """``20 November 2026 (67ac313ed62b)`` for a policy revision, whose name is its instant and its digest."""
    instant, _, digest = str(revision).partition("/")
    try:
        day = datetime.fromisoformat(instant)
    except ValueError:
        return ""
    return f"{day.day} {day:%B %Y} ({digest[:12]})"
