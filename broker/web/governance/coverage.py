"""Which lines of the rules an evaluation used, in words beside each line and never by colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from broker.governance.playground import Covered


@dataclass(frozen=True)
class Line:
    """One line of a rule. ``mark`` is ``used``, ``not used``, or empty for a comment or a blank."""

    number: int
    mark: str
    text: str


@dataclass(frozen=True)
class File:
    """One file of rules. ``used`` and ``unused`` count its lines; ``own`` says it is the agreement's own conditions."""

    path: str
    used: int
    unused: int
    own: bool
    lines: tuple[Line, ...]


def touched(coverage: Mapping[str, Covered], modules: Mapping[str, str], *, own: str = "") -> list[File]:
    """Every file that was used at all, ``own`` first and even where it was not, then by how much of it was used."""
    if own in modules and own not in coverage:
        coverage = {**coverage, own: Covered((), ())}
    files = [_file(path, lines, modules[path], own=own) for path, lines in coverage.items() if path in modules]
    return sorted((file for file in files if file.used or file.own), key=lambda file: (not file.own, -file.used))


def _file(path: str, lines: Covered, text: str, *, own: str) -> File:
    used, unused = frozenset(lines.covered), frozenset(lines.not_covered)
    marked = tuple(
        Line(number, "used" if number in used else "not used" if number in unused else "", line)
        for number, line in enumerate(text.splitlines(), start=1)
    )
    return File(path, len(used), len(unused), path == own, marked)
