"""When entries from different sources tell of one thing. Compares entries; never changes or leaves out one.

Two entries tell of one thing when they are in the same section, from different sources, share a code or a title (case,
punctuation and spacing aside; sharing passes on, so a coded and an uncoded entry may meet through a third), and:

- **Standing things** (problems, allergies, medicines, alerts, family history and the like) are matched current with
  current, newest first within each source; what is no longer current is matched by day. A past course of a medicine
  is so never taken for the present one. Of allergies, a refuted one is matched with a recorded one, so that the two
  are seen together.
- **Events** (procedures, vaccinations, admissions, referrals, documents and the like) are of the same day.
- **Measurements and appointments** are of the same day, and of the same minute where a time is given; measurements
  have the same value too.
- **Services nearby** are never matched.

An event without a date is matched with nothing. No two entries of one source are ever matched with each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from broker.records.grouping import Groups
from broker.records.source import RecordEntry
from broker.vocabulary import Section

_EVENTS = frozenset(
    {
        *(Section.PROCEDURES, Section.VACCINATIONS, Section.ADMISSIONS, Section.PROFESSIONAL_CONTACTS),
        *(Section.REFERRALS, Section.DOCUMENTS, Section.ADVICE_GIVEN, Section.VCFSE_SUPPORT, Section.ACTIONS),
    }
)
_MEASURED = frozenset({Section.RESULTS, Section.OBSERVATIONS, Section.ASSESSMENTS})
_TIMED = _MEASURED | {Section.APPOINTMENTS}
_NEVER = frozenset({Section.SIGNPOSTING})
_PAST = re.compile(
    r"\b(?:inactive|resolved|remission|completed|stopped|ended|cancelled|not-taken|entered-in-error|past|closed|expired)\b"
)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class Likeness(NamedTuple):
    """What an entry is compared by, worked out once. ``occasion`` is None where no other entry could be of the same.

    ``order`` is a key to sort by: newest first, undated last, then by title so that the order is always the same.
    """

    source: str
    names: tuple[tuple[Section, str, str], ...]
    occasion: tuple[object, ...] | None
    order: tuple[float, str, str, str]


def likeness(entry: RecordEntry) -> Likeness:
    title, source = plain(entry.title), entry.provenance.source
    return Likeness(
        source=source,
        names=tuple(_names(entry, title)),
        occasion=_occasion(entry),
        order=(-instant(entry.at).timestamp(), title, source, entry.id),
    )


def same_things(entries: Iterable[RecordEntry]) -> list[tuple[int, ...]]:
    """The positions of entries that tell of one thing, each list in order; every position is in exactly one."""
    return alike([likeness(entry) for entry in entries])


def alike(compared: Sequence[Likeness]) -> list[tuple[int, ...]]:
    """As ``same_things``, where what the entries are compared by is already known."""
    named = _named_alike(compared)
    sharing: dict[tuple[object, ...], list[int]] = {}
    for position, each in enumerate(compared):
        occasion = each.occasion or ("alone", position)
        sharing.setdefault((named.of(position), *occasion), []).append(position)
    return sorted(group for positions in sharing.values() for group in _one_of_each(compared, positions))


def plain(text: str) -> str:
    """Case, punctuation and spacing aside. Numbers keep their points."""
    return " ".join(re.findall(r"\w+(?:\.\d+)*", text.casefold()))


def is_current(entry: RecordEntry) -> bool:
    """Whether it still holds, as far as its source says; one that says nothing is taken to hold."""
    return not _PAST.search(entry.status.casefold())


def instant(at: date | datetime | None) -> datetime:
    if at is None:
        return _LONG_AGO
    if isinstance(at, datetime):
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return datetime.combine(at, time(), tzinfo=UTC)


def _named_alike(compared: Sequence[Likeness]) -> Groups:
    groups = Groups(len(compared))
    first: dict[tuple[Section, str, str], int] = {}
    for position, each in enumerate(compared):
        for name in each.names:
            groups.join((first.setdefault(name, position), position))
    return groups


def _names(entry: RecordEntry, title: str) -> Iterator[tuple[Section, str, str]]:
    if title:
        yield (entry.section, "", title)
    for coding in entry.codes:
        if coding.code:
            yield (entry.section, coding.system, coding.code)


def _occasion(entry: RecordEntry) -> tuple[object, ...] | None:
    """What must also be equal, besides the name."""
    section = entry.section
    if section in _NEVER:
        return None
    if section not in _EVENTS and section not in _TIMED:
        standing = is_current(entry) or (section is Section.ALLERGIES and "refuted" in entry.status.casefold())
        if standing:
            return ("current",)
        return ("past", _day(entry)) if entry.at else None
    if entry.at is None:
        return None
    if section in _EVENTS:
        return ("on", _day(entry))
    value = plain(" ".join(sorted(text for _, text in entry.details))) if section in _MEASURED else ""
    return ("at", _minute(entry.at), value)


def _day(entry: RecordEntry) -> str:
    return entry.at.isoformat()[:10] if entry.at else ""


def _minute(at: date | datetime) -> str:
    return instant(at).astimezone(UTC).isoformat()[:16] if isinstance(at, datetime) else at.isoformat()


def _one_of_each(compared: Sequence[Likeness], positions: Sequence[int]) -> Iterable[tuple[int, ...]]:
    """The newest of each source together, then the second of each, and so on."""
    ranks: dict[str, int] = {}
    groups: dict[int, list[int]] = {}
    for position in sorted(positions, key=lambda p: compared[p].order):
        source = compared[position].source
        rank = ranks[source] = ranks.get(source, -1) + 1
        groups.setdefault(rank, []).append(position)
    return [tuple(group) for group in groups.values()]
