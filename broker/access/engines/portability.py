"""Which Rego may be written here: the part that every engine reads alike, and that can neither look nor reach outside.

Reads text and runs none of it, so it is safe on anybody's draft and needs no engine. It judges no meaning: that a rule
loads, and only restricts, is for others to check. Each rule below was measured: where two engines differ on a
construct, or one of them stalls on it, the construct is not used. Linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from broker.access.engines import portable
from broker.access.engines.rego_text import Token, statements, tokens
from broker.access.engines.strict import CODE_ROOTS, DATA_ROOT, DEEPEST_BRACKETS, LARGEST_MODULE

LONGEST_LINE = 120  # characters
MOST = 100  # findings that are told at once

# P1 to P8, as docs/proof.md lists them, by the codes of their findings.
RULES = {
    "import": "P1",
    "function-elsewhere": "P1",
    "keyed-set": "P2",
    "value-in-head": "P3",
    "may-be-missing": "P4",
    "name-reused": "P5",
    "built-in": "P6",
    "with": "P6",
    "interpolation": "P6",
    "package": "P7",
    "root": "P7",
    "file-too-large": "P7",
    "line-too-long": "P7",
    "brackets-too-deep": "P7",
    "string-not-closed": "P7",
    "hidden-character": "P7",
    "not-text": "P7",
    "unguarded": "P8",
    "negated": "P8",
}

# Characters that a reader does not see, or sees elsewhere than an engine does; and halves of a surrogate pair.
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class RegoFinding:
    """One thing that must be written otherwise. ``message`` says what to do; line and column count from 1."""

    code: str
    message: str
    line: int
    column: int
    file: str = ""


def findings(text: str, *, file: str, allowed_package: str | None = None) -> list[RegoFinding]:
    """Everything in ``text`` that must be written otherwise, in order of place; empty where it is well written.

    ``allowed_package`` is the one package it may be (``conditions["MG-ADVICE"]``), and confines what it reads to its
    question and the published data; without it, any package of the broker's own. Text that is too large, or is not
    text, has that one finding: the rest of it is not read.
    """
    if unreadable := next(_unreadable(text, file), None):
        return [unreadable]
    found = islice(_found(text, file, allowed_package), MOST)
    return sorted(found, key=lambda finding: (finding.line, finding.column, finding.code))


def _unreadable(text: str, file: str) -> Iterator[RegoFinding]:
    if len(text) > LARGEST_MODULE or len(text.encode(errors="surrogatepass")) > LARGEST_MODULE:
        yield RegoFinding("file-too-large", f"Keep it under {LARGEST_MODULE // 1024} KiB, or split it.", 1, 1, file)
    elif half := _HALF.search(text):
        message = "Save the file as UTF-8: this character cannot be written down."
        yield RegoFinding("not-text", message, *_place(text, half.start()), file)


def _found(text: str, file: str, allowed_package: str | None) -> Iterator[RegoFinding]:
    for line, whole in enumerate(text.split("\n"), start=1):
        if len(whole) > LONGEST_LINE:
            message = f"Break this line: it has {len(whole)} characters, and {LONGEST_LINE} is the most."
            yield RegoFinding("line-too-long", message, line, LONGEST_LINE + 1, file)
        if hidden := _HIDDEN.search(whole):
            message = f"Take out the hidden character U+{ord(hidden[0]):04X}: nobody who reads this would see it."
            yield RegoFinding("hidden-character", message, line, hidden.start() + 1, file)
    read = tokens(text)
    for token, code, message in _wrong(read, allowed_package):
        yield RegoFinding(code, message, token.line, token.column, file)


def _wrong(read: Sequence[Token], allowed_package: str | None) -> Iterator[portable.Wrong]:
    yield from _brackets(read)
    yield from _strings(read)
    yield from portable.packages(read, allowed=allowed_package, roots=CODE_ROOTS)
    readable = (DATA_ROOT,) if allowed_package else (*CODE_ROOTS, DATA_ROOT)
    yield from portable.roots(read, readable=readable)
    rules = list(statements(read))
    yield from portable.calls(read, own=portable.functions(rules))
    names = portable.names(rules)
    for rule in rules:
        yield from portable.heads(rule)
        yield from portable.reused(rule, names)
        yield from portable.unguarded(rule)


def _brackets(read: Sequence[Token]) -> Iterator[portable.Wrong]:
    depth = 0
    for token in read:
        if token.text in ("[", "{"):
            depth += 1
            if depth == DEEPEST_BRACKETS + 1:
                message = f"Name what is inside in a rule of its own: {DEEPEST_BRACKETS} deep is the most."
                yield token, "brackets-too-deep", message
        elif token.text in ("]", "}"):
            depth = max(0, depth - 1)


def _strings(read: Sequence[Token]) -> Iterator[portable.Wrong]:
    for token in read:
        if not token.closed:
            yield token, "string-not-closed", "Close this string on the line it begins on."
        elif token.text == "$":
            yield token, "interpolation", "Put the words together with sprintf or concat: not every engine reads $."


def _place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
