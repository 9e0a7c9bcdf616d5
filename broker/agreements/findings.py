"""Everything wrong with the text of an agreement, each with its line and what to do about it. Changes nothing.

Three strengths, in one list: what cannot be read, what breaks a rule between fields, and what must be put right before
anybody signs. An empty list means that it can be put to the parties.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from broker.agreements import building, lawful, paper, rules, schema
from broker.agreements.paper import Paper

TO_FILL = "TO FILL:"  # how a first text marks what only the parties can say


@dataclass(frozen=True)
class Finding:
    """One thing to put right. ``line`` and ``column`` count from 1; ``message`` says what to do."""

    code: str
    message: str
    field: str = ""
    line: int | None = None
    column: int | None = None
    file: str = ""

    def __str__(self) -> str:
        where = ", ".join(filter(None, (self.file, f"line {self.line}" if self.line else "", self.field)))
        return f"{where}: {self.message}" if where else self.message


def check_text(text: str, *, conditions: str | None = None, file: str = "agreement.yaml") -> list[Finding]:
    """Every finding in ``text``, in the order of its lines; empty where there is none. Never raises.

    ``conditions`` is the agreement's own Rego. Only that there is something in it is looked at here: whether it can be
    run, and only ever refuses, is for ``governance.checking``.
    """
    written = paper.read(text)
    if written.blots:
        found = [_blot(blot, file) for blot in written.blots]
    else:
        found = list(_in_fields(written, file))
    found.sort(key=lambda each: (each.line or 0, each.column or 0))
    if conditions is not None and not conditions.strip():
        found.append(Finding("conditions-empty", "Write a condition, or leave conditions out.", file=file))
    return found


def _in_fields(written: Paper, file: str) -> Iterator[Finding]:
    blanks = dict(_to_fill(written.value, ""))
    for path, what in blanks.items():
        yield _finding(written, file, "to-fill", path, f"Fill this in: {what}.")
    loaded, faults = schema.load(written.value)
    for placed in faults:
        if placed.path not in blanks:
            yield _finding(written, file, placed.fault.code, placed.path, placed.fault.detail)
    if isinstance(written.value, dict):
        document = building.built(loaded)
        unread = {re.split(r"[.\[]", path, maxsplit=1)[0] for path in (*blanks, *(placed.path for placed in faults))}
        said = {placed.path for placed in faults}
        for broken in (*rules.broken(document, unread=unread), *lawful.broken(document, unread=unread)):
            if broken.field not in said and not _blank_for_a_fault(broken, unread):
                yield _finding(written, file, broken.code, broken.field, broken.detail)


def _to_fill(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """The path of each line that is still to be filled in, and what belongs there."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _to_fill(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _to_fill(each, f"{path}[{index}]")
    elif isinstance(value, str) and value.strip().startswith(TO_FILL):
        yield path, " ".join(value.strip().removeprefix(TO_FILL).split())[:200].rstrip(".")


def _blank_for_a_fault(broken: rules.Broken, unread: set[str]) -> bool:
    """Whether a field is blank only because what was written there could not be read, which is said already."""
    return broken.code == "field-missing" and re.split(r"[.\[]", broken.field, maxsplit=1)[0] in unread


def _finding(written: Paper, file: str, code: str, path: str, detail: str) -> Finding:
    at = written.at(path, name=code == "field-unknown")
    return Finding(code, detail, path, at.line if at else None, at.column if at else None, file)


def _blot(blot: paper.Blot, file: str) -> Finding:
    line, column = (blot.at.line, blot.at.column) if blot.at else (None, None)
    return Finding(blot.code, blot.detail, "", line, column, file)
