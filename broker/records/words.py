"""Look through a text for words, quickly: nearly every word of a record begins like nothing that is looked for.

A pattern is matched only where a word begins as it does. Those beginnings are worked out from the pattern, and one
whose beginning cannot be worked out is refused, so that nothing is ever passed over.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

_LENGTH = 3  # of a beginning
_BEGINNINGS = re.compile(r"(?<!\w)\w{1,3}")

Found = TypeVar("Found", bound=Hashable)


class Lookout(Generic[Found]):
    """What to look for: patterns in small letters, by what finding one of them means.

    ``as_written`` are looked for in the text as it stands, capitals and all. Each matches from a word's beginning to
    another's end.
    """

    def __init__(
        self, patterns: Mapping[Found, Iterable[str]], as_written: Mapping[Found, Iterable[str]] | None = None
    ) -> None:
        self._small = _by_beginning(patterns)
        self._written = _by_beginning(as_written or {})

    def found_in(self, text: str) -> frozenset[Found]:
        found = self._look(text.lower(), self._small)
        return found | self._look(text, self._written) if self._written else found

    @staticmethod
    def _look(text: str, known: Mapping[str, list[tuple[re.Pattern[str], Found]]]) -> frozenset[Found]:
        if known.keys().isdisjoint(_BEGINNINGS.findall(text)):
            return frozenset()
        return frozenset(
            found
            for word in _BEGINNINGS.finditer(text)
            for pattern, found in known.get(word[0], ())
            if pattern.match(text, word.start())
        )


def _by_beginning(patterns: Mapping[Found, Iterable[str]]) -> dict[str, list[tuple[re.Pattern[str], Found]]]:
    by_beginning: dict[str, dict[Found, list[str]]] = {}
    for found, each in patterns.items():
        for pattern in each:
            for beginning in beginnings(pattern):
                by_beginning.setdefault(beginning, {}).setdefault(found, []).append(pattern)
    return {
        beginning: [(re.compile(rf"(?:{'|'.join(these)})(?!\w)"), found) for found, these in meant.items()]
        for beginning, meant in by_beginning.items()
    }


def beginnings(pattern: str) -> frozenset[str]:
    """How the first word of anything ``pattern`` matches begins: in three letters, or in fewer where it ends there.

    Knows literals, sets of characters, ``(?:…)``, ``?`` and look-behinds. Raises ValueError for anything else among
    the first three letters.
    """
    found = set()
    for start, whole in _starts(pattern):
        word = re.match(r"\w*", start)
        assert word is not None
        if not word[0] or (len(word[0]) < _LENGTH and word[0] == start and not whole):
            raise ValueError(f"how {pattern!r} begins cannot be worked out")
        found.add(word[0][:_LENGTH])
    return frozenset(found)


def _starts(pattern: str) -> Iterator[tuple[str, bool]]:
    """Every way it may start, far enough to tell, and whether that is all of it or the first letters are known."""
    for alternative in _split(pattern):
        yield from _sequence(alternative)


def _sequence(pattern: str) -> set[tuple[str, bool]]:
    """The starts of what has no alternative at its own height."""
    done: set[tuple[str, bool]] = set()
    growing = {""}
    rest = pattern
    while rest and growing:
        if rest.startswith("(?<!"):
            rest = rest[_end(rest) + 1 :]
            continue
        options, rest = _atom(rest)
        if rest[:1] == "?":
            options, rest = options | {("", True)}, rest[1:]
        elif rest[:1] in ("*", "+", "{"):
            return done | {(start, False) for start in growing}
        longer = {(start + more, whole) for start in growing for more, whole in options}
        done |= {(start, whole) for start, whole in longer if not whole or len(start) >= _LENGTH}
        growing = {start for start, whole in longer if whole and len(start) < _LENGTH}
    return done | {(start, True) for start in growing}


def _atom(pattern: str) -> tuple[set[tuple[str, bool]], str]:
    """The ways the first thing in ``pattern`` may be written, and what comes after it."""
    if pattern.startswith("(?:"):
        end = _end(pattern)
        return set(_starts(pattern[3:end])), pattern[end + 1 :]
    if pattern[0] == "[":
        end = pattern.index("]")
        within = pattern[1:end]
        if "^" in within or "\\" in within or re.search(r"\w-\w", within):
            return {("", False)}, pattern[end + 1 :]
        return {(each, True) for each in within}, pattern[end + 1 :]
    if pattern[0] == "\\":
        return {("", False) if pattern[1].isalnum() else (pattern[1], True)}, pattern[2:]
    if pattern[0] in ".^$()":
        return {("", False)}, pattern[1:]
    return {(pattern[0], True)}, pattern[1:]


def _split(pattern: str) -> list[str]:
    """The alternatives at the height of the pattern itself."""
    parts, depth, start, within = [], 0, 0, False
    for position, each in enumerate(pattern):
        if position and pattern[position - 1] == "\\":
            continue
        within = each == "[" or (within and each != "]")
        depth += (each == "(") - (each == ")") if not within else 0
        if each == "|" and not depth and not within:
            parts.append(pattern[start:position])
            start = position + 1
    return [*parts, pattern[start:]]


def _end(pattern: str) -> int:
    """Where the group that ``pattern`` starts with is closed."""
    depth, within = 0, False
    for position, each in enumerate(pattern):
        if position and pattern[position - 1] == "\\":
            continue
        within = each == "[" or (within and each != "]")
        depth += (each == "(") - (each == ")") if not within else 0
        if not depth:
            return position
    raise ValueError(f"{pattern!r} has a group that is not closed")
