"""Rego text as its smallest parts, each with its place. Knows no grammar, parses no rule and evaluates nothing.

Linear in the length of the text, whatever the text is: a string that never ends is one token to the end of its line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a token is. Comments and spaces are none; the end of a line is one, because it ends an expression."""

    NAME = "name"
    NUMBER = "number"
    STRING = "string"
    MARK = "mark"
    NEWLINE = "newline"


@dataclass(frozen=True, slots=True)
class Token:
    """One part of the text. ``line`` and ``column`` count from 1; ``spaced`` says whether a space came before it."""

    kind: Kind
    text: str
    line: int
    column: int
    spaced: bool

    @property
    def closed(self) -> bool:
        """Whether a string ends as it began."""
        return self.kind is not Kind.STRING or (len(self.text) > 1 and self.text[0] == self.text[-1])

    @property
    def value(self) -> str | None:
        """What a string says; None where it is no string, or says nothing readable."""
        if self.kind is not Kind.STRING or not self.closed:
            return None
        if self.text[0] == "`":
            return self.text[1:-1]
        try:
            return str(json.loads(self.text))
        except ValueError:
            return None


# No alternative can begin as another goes on, so nothing is read twice.
_PARTS = re.compile(
    r"""(?P<space>[ \t\r]+)
    | (?P<newline>\n)
    | (?P<comment>\#[^\n]*)
    | (?P<string>"(?:\\.|[^"\\\n])*"? | `[^`]*`?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9]+(?:\.[0-9]+)?)
    | (?P<mark>[:=!<>]= | .)""",
    re.VERBOSE | re.DOTALL,
)


def tokens(text: str) -> list[Token]:
    """Every token of ``text``, in order."""
    return list(_read(text))


def _read(text: str) -> Iterator[Token]:
    line, start, spaced = 1, 0, True
    for match in _PARTS.finditer(text):
        kind = str(match.lastgroup)
        if kind not in ("space", "comment"):
            yield Token(Kind(kind), match[0], line, match.start() - start + 1, spaced)
        spaced = kind in ("space", "comment", "newline")
        if breaks := match[0].count("\n"):
            line, start = line + breaks, match.start() + match[0].rindex("\n") + 1


def statements(given: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens of each rule, package or import: one begins with a name that starts a line outside any bracket."""
    depth, fresh = 0, True
    statement: list[Token] = []
    for token in given:
        if fresh and depth == 0 and token.kind is Kind.NAME and statement:
            yield statement
            statement = []
        fresh = token.kind is Kind.NEWLINE
        statement.append(token)
        if token.text in ("(", "[", "{"):
            depth += 1
        elif token.text in (")", "]", "}"):
            depth = max(0, depth - 1)
    if any(token.kind is not Kind.NEWLINE for token in statement):
        yield statement
