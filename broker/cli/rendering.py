"""What files become, as a stable shape and as lines to read. Reads no file, asks nobody and decides nothing.

The view is the one that ``records.view`` makes for a requester who may see everything; what the law bars is left out
there, and so is in no count here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from broker.access.request import Pair
from broker.records.collect import SourceOutcome
from broker.records.source import Gap, RecordEntry, ResidentIdentity, SourceAnswer
from broker.records.view import JoinedEntry, RecordView, SectionGap, SectionView, assemble
from broker.vocabulary import Disclosure, Section

SCHEMA = "neighbourhood-broker/rendered-record/1"


@dataclass(frozen=True, slots=True)
class Rendered:
    """One file that was read. ``guessed``: its kind was not told. ``person`` is whom it says it is about."""

    source: str
    kind: str
    guessed: bool
    person: ResidentIdentity | None
    answer: SourceAnswer

    @property
    def whole(self) -> bool:
        return not self.answer.gaps and not self.answer.not_understood

    @property
    def unread(self) -> Gap | None:
        """The one reason why nothing of it was read, where no section of it was; else None."""
        gaps = self.answer.gaps
        alike = {(gap.cause, gap.detail) for gap in gaps}
        return gaps[0] if len(alike) == 1 and len(gaps) > 1 and not self.answer.entries else None


def view_of(files: Sequence[Rendered], *, now: datetime) -> RecordView:
    """Each file a source of its own, read by somebody who may see everything that the law lets anybody see."""
    sections = frozenset(Section)
    outcomes = [SourceOutcome(file.source, file.source, "", sections, file.answer, timedelta()) for file in files]
    person = next((file.person for file in files if file.person), None)
    return assemble(
        pairs=[Pair(section, file.source) for section in Section for file in files],
        outcomes=outcomes,
        requested=sections,
        disclosure=Disclosure.TELL,
        clinical=True,
        made_at=now,
        age=_age(person.born_on, now.date()) if person else None,
    )


def shape(files: Sequence[Rendered], view: RecordView) -> dict[str, Any]:
    """The same for the same files, whenever it is made."""
    shown = Counter(
        entry.provenance.source for section in view.sections for joined in section.entries for entry in _told(joined)
    )
    return {
        "schema": SCHEMA,
        "about": masked(next((file.person for file in files if file.person), None)),
        "files": [_file(file, shown[file.source]) for file in files],
        "sections": [_section(section) for section in view.sections],
    }


def masked(person: ResidentIdentity | None) -> dict[str, str] | None:
    """Two identifiers, enough to compare by and not enough to look anybody up; None for nobody known by both."""
    if person is None or not person.nhs_number:
        return None
    number = person.nhs_number
    return {"nhs_number": f"{number[:3]} *** **{number[-2:]}", "born_on": person.born_on.isoformat()}


def _file(file: Rendered, shown: int) -> dict[str, Any]:
    return {
        "source": file.source,
        "kind": file.kind,
        "guessed": file.guessed,
        "about": masked(file.person),
        "entries": shown,
        "gaps": [
            {"section": gap.section.value, "cause": gap.cause.value, "detail": gap.detail} for gap in file.answer.gaps
        ],
        "not_understood": dict(sorted(file.answer.not_understood.items())),
    }


def _section(section: SectionView) -> dict[str, Any]:
    return {
        "section": section.section.value,
        "label": section.section.label,
        "silence": section.silence.value if section.silence else None,
        "gaps": [{"source": gap.source, "cause": gap.cause.value, "detail": gap.detail} for gap in section.gaps],
        "entries": [_joined(each) for each in section.entries],
    }


def _joined(joined: JoinedEntry) -> dict[str, Any]:
    return {
        **_entry(joined.entry),
        "also": [_entry(each) for each in joined.others],
        "contradictions": list(joined.contradictions),
    }


def _entry(entry: RecordEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "source": entry.provenance.source,
        "title": entry.title,
        "at": _instant(entry.at),
        "status": entry.status,
        "codes": [{"system": c.system, "code": c.code, "display": c.display} for c in entry.codes],
        "details": [{"label": label, "text": text} for label, text in entry.details],
        "recorded_by": entry.provenance.recorded_by,
        "organisation": entry.provenance.organisation,
        "linked": list(entry.linked),
        "labels": [
            {
                "sensitivity": basis.sensitivity.value,
                "known_by": basis.source.value,
                "confidence": basis.confidence,
            }
            for basis in sorted(entry.label_basis, key=lambda each: (each.sensitivity, -each.confidence, each.source))
        ],
    }


def lines(files: Sequence[Rendered], view: RecordView) -> Iterator[str]:
    """For somebody at a terminal: what is there, and what is not."""
    person = masked(next((file.person for file in files if file.person), None))
    about = f"NHS number {person['nhs_number']}, born on {person['born_on']}" if person else ""
    yield f"About: {about or 'nobody who is named by two identifiers; asked live, it would be refused'}"
    for file in files:
        guessed = " (guessed; --as says it)" if file.guessed else ""
        yield f"{file.source}: read as {file.kind}{guessed}"
        if file.unread:
            yield f"  Nothing of it could be read. It {_why(file.unread)}."
    unread = {file.source for file in files if file.unread}
    for section in view.sections:
        gaps = [gap for gap in section.gaps if gap.source not in unread]
        if section.entries or gaps:
            yield ""
            yield section.section.label
            yield from _section_lines(section, gaps)
    if len(unread) < len(files):
        empty = [section.section.label for section in view.sections if not section.entries and not section.gaps]
        yield ""
        yield f"Nothing in: {', '.join(empty) or 'no section'}"
    for file in files:
        for what, count in sorted(file.answer.not_understood.items()):
            yield f"Not understood in {file.source}: {plain(what)}, {count}"


def _section_lines(section: SectionView, gaps: Iterable[SectionGap]) -> Iterator[str]:
    for joined in section.entries:
        entry = joined.entry
        when = f"{_instant(entry.at)}  " if entry.at else ""
        status = f" ({entry.status})" if entry.status else ""
        yield f"  {when}{plain(entry.title)}{plain(status)}"
        for label, text in entry.details:
            yield f"      {plain(label)}: {plain(text)}"
        for coding in entry.codes:
            yield f"      Code: {plain(coding.code)} ({plain(coding.system)})"
        for basis in entry.label_basis:
            yield f"      Sensitive: {basis.sensitivity.label}. {basis.source.label} ({basis.confidence:.0%})."
        yield f"      From: {', '.join(dict.fromkeys(each.provenance.source for each in _told(joined)))}"
        for said in joined.contradictions:
            yield f"      Contradiction: {plain(said)}"
    for gap in gaps:
        yield f"  Could not be read from {gap.source}. It {_why(gap)}."


def _why(gap: Gap | SectionGap) -> str:
    return gap.cause.label + (f": {plain(gap.detail)}" if gap.detail else "")


def plain(text: str) -> str:
    """``text`` without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def _told(joined: JoinedEntry) -> tuple[RecordEntry, ...]:
    return (joined.entry, *joined.others)


def _instant(at: date | datetime | None) -> str | None:
    if isinstance(at, datetime):
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return at.isoformat() if at else None


def _age(born_on: date, today: date) -> int:
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))
