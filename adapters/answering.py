"""What adapters share in answering: limits, why there is no answer, and gaps. Knows no format and no transport."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from broker.records.source import Gap, RecordEntry, ResidentIdentity, SourceAnswer
from broker.vocabulary import GapCause, Section

Clock = Callable[[], datetime]
Secret = Callable[[str], str | bytes]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most an adapter accepts. Beyond any of them is a gap, never a part presented as the whole."""

    answer_bytes: int = 8 * 1024 * 1024  # from one source for one view, all pages together
    file_bytes: int = 2 * 1024 * 1024 * 1024  # of one file in a drop folder
    record_bytes: int = 256 * 1024  # of one row of a file
    depth: int = 64  # of nested JSON; FHIR R4 itself seldom passes 20
    pages: int = 200
    seconds: float = 30.0  # a backstop only: the caller's deadline is shorter

    def allowance(self) -> Allowance:
        """A fresh allowance of bytes, for one source and one view."""
        return Allowance(self.answer_bytes)


USUAL = Limits()


class Unanswered(Exception):
    """No usable answer. ``detail`` is plain words, safe to show: no identifier, nothing the source said itself."""

    def __init__(self, cause: GapCause, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail


class Allowance:
    """How many more bytes one source may send for one view. Spent across pages and across requests made at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.left = most

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise Unanswered(GapCause.TOO_LARGE, f"sent more than {self.most:,} bytes")


@dataclass
class Answering:
    """An answer while it is put together: entries, gaps without repeats, counts of what was not understood."""

    asked: frozenset[Section]
    entries: dict[str, RecordEntry] = field(default_factory=dict)
    not_understood: Counter[str] = field(default_factory=Counter)
    _gaps: dict[tuple[Section, GapCause], Gap] = field(default_factory=dict)

    def add(self, entry: RecordEntry) -> None:
        """Keep an entry for a section that was asked; the first of two with one id stands (pages may overlap)."""
        if entry.section in self.asked:
            self.entries.setdefault(entry.id, entry)

    def gap(self, sections: Iterable[Section], cause: GapCause, detail: str = "") -> None:
        for section in self.asked.intersection(sections):
            self._gaps.setdefault((section, cause), Gap(section, cause, detail))

    def answer(self) -> SourceAnswer:
        order = {section: place for place, section in enumerate(Section)}
        gaps = sorted(self._gaps.values(), key=lambda gap: (order[gap.section], gap.cause))
        return SourceAnswer(tuple(self.entries.values()), tuple(gaps), dict(self.not_understood))


@dataclass(frozen=True)
class Read:
    """What a document says: whom it says it is about (None where it names nobody), and what it answers."""

    person: ResidentIdentity | None
    answer: SourceAnswer


def no_answer(sections: Iterable[Section], cause: GapCause, detail: str = "") -> SourceAnswer:
    """The same gap for every section asked."""
    answering = Answering(frozenset(sections))
    answering.gap(answering.asked, cause, detail)
    return answering.answer()


def plain(text: object, *, most: int = 4000) -> str:
    """``text`` as one line of ordinary characters, or empty where it is not text at all.

    Control and direction-changing characters are dropped: they can make a page say something other than its source.
    """
    if type(text) is not str:
        return ""
    if not text.isprintable():
        text = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    text = text.strip()
    return text if len(text) <= most else text[: most - 1] + "…"


def details(*pairs: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """The (label, text) pairs that have a text."""
    return tuple(pair for pair in pairs if pair[1])


Description = Mapping[str, object]
