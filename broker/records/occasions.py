"""On which occasion something was so: now, or on a day or at a minute, as far as its source says.

*Standing things* hold now or are past; *events* are of a day, London time; *measurements and appointments* of a minute,
where a time is given, and a value. Services nearby are of no occasion, nor is an event without a date.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from broker.records.particulars import plain
from broker.records.source import RecordEntry
from broker.vocabulary import Section

LONDON = ZoneInfo("Europe/London")  # whose days are meant where only a day is given
VISITS = frozenset({Section.ADMISSIONS, Section.PROFESSIONAL_CONTACTS})
_EVENTS = VISITS | {
    *(Section.PROCEDURES, Section.VACCINATIONS, Section.REFERRALS, Section.DOCUMENTS),
    *(Section.ADVICE_GIVEN, Section.VCFSE_SUPPORT, Section.ACTIONS),
}
_MEASURED = frozenset({Section.RESULTS, Section.OBSERVATIONS, Section.ASSESSMENTS})
_TIMED = _MEASURED | {Section.APPOINTMENTS}
_NEVER = frozenset({Section.SIGNPOSTING})
_PAST = re.compile(
    r"\b(?:inactive|resolved|remission|completed|stopped|ended|cancelled|not-taken|entered-in-error|past|closed|expired"
    r"|discontinued|ceased|finished|historical|previous|withdrawn|revoked)\b"
)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_UNIT = re.compile(r"(\d)([a-z%µ])", re.IGNORECASE)
_VALUES = frozenset({"value", "result", "score"})
Occasion = tuple[object, ...]


def is_current(entry: RecordEntry) -> bool:
    """Whether it still holds, as far as its source says; one that says nothing is taken to hold."""
    return not entry.status or not _PAST.search(entry.status.casefold())


def is_event(entry: RecordEntry) -> bool:
    """Whether it happened, or will, once: on a day or at a time."""
    return entry.section in _EVENTS or entry.section in _TIMED


def instant(at: date | datetime | None) -> datetime:
    """The moment to sort by; before all others where none is given."""
    if at is None:
        return _LONG_AGO
    if isinstance(at, datetime):
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return datetime.combine(at, time(), tzinfo=UTC)


def occasion_of(entry: RecordEntry) -> Occasion | None:
    """What must also be equal, besides the name."""
    section = entry.section
    if section in _NEVER:
        return None
    if section not in _EVENTS and section not in _TIMED:
        standing = is_current(entry) or (section is Section.ALLERGIES and "refuted" in entry.status.casefold())
        if standing:
            return ("current",)
        return ("past", day(entry.at)) if entry.at else None
    if entry.at is None:
        return None
    if section in _EVENTS:
        return ("on", day(entry.at))
    return ("at", _minute(entry.at), _value(entry) if section in _MEASURED else "")


def _value(entry: RecordEntry) -> str:
    values = [text for name, text in entry.details if name.casefold() in _VALUES]
    said = " ".join(sorted(values or (text for _, text in entry.details)))
    return plain(_UNIT.sub(r"\1 \2", said))


def day(at: date | datetime) -> str:
    """Which day it was in London."""
    if isinstance(at, datetime):
        return instant(at).astimezone(LONDON).date().isoformat()
    return at.isoformat()


def _minute(at: date | datetime) -> str:
    return instant(at).astimezone(UTC).isoformat()[:16] if isinstance(at, datetime) else at.isoformat()
