"""The fields of an agreement as a reader of the guide meets them: each by its path, when it is needed, what it is for.

Written from the schema, so that the guide and the templates can say nothing else. Checks nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from broker.agreements.schema import AGREEMENT, ALWAYS, OBLIGATION, Duty, Lines, Record


@dataclass(frozen=True)
class FieldNote:
    """One row of the guide. ``path`` is as findings write it, with ``[]`` for each line of a list."""

    path: str
    needed: str
    about: str


def notes() -> list[FieldNote]:
    """Every field an agreement has, in the order it is written."""
    return list(_notes(AGREEMENT.fields, ""))


def table() -> str:
    """The fields as a table in Markdown."""
    rows = [f"| `{each.path}` | {each.needed} | {each.about} |" for each in notes()]
    return "\n".join(["| field | needed | what it is for |", "|---|---|---|", *rows]) + "\n"


def _notes(fields: dict[str, Any], path: str) -> Iterator[FieldNote]:
    for name, each in fields.items():
        here = f"{path}.{name}" if path else name
        yield FieldNote(here, each.metadata["needed"], each.metadata["about"])
        inner, inside = (each.inner, f"{here}[]") if isinstance(each, Lines) else (each, here)
        if isinstance(inner, Record):
            yield from _notes(inner.schema.fields, inside)
        elif isinstance(inner, Duty):
            yield FieldNote(f"{inside}.obligation", ALWAYS, OBLIGATION.metadata["about"])
