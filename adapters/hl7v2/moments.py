"""HL7 v2 timestamps (TS, DTM): as exact as they are given, and no more. Never guesses a day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

# HL7 v2 §2.A.22: without an offset a time is local to the sender, which here is London.
LOCAL = ZoneInfo("Europe/London")
_STAMP = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(\d\d)?(?:\.\d{1,4})?)?(?:([+-])(\d\d)(\d\d))?\Z")


@dataclass(frozen=True, slots=True)
class Moment:
    """``at``: a UTC instant, a day, or the first day of what is known. ``words`` says no more than was given."""

    at: date | datetime | None = None
    words: str = ""


def moment(text: str) -> Moment:
    """Raises ValueError for what is no timestamp. Empty is no moment at all."""
    if not text:
        return Moment()
    found = _STAMP.match(text)
    if found is None:
        raise ValueError("not a timestamp")
    year, month, day, hour, minute, second, sign, hours, minutes = found.groups()
    if month is None:
        return Moment(date(int(year), 1, 1), year)
    if day is None:
        first = date(int(year), int(month), 1)
        return Moment(first, f"{first:%B %Y}")
    on = date(int(year), int(month), int(day))
    if hour is None or minute is None:
        return Moment(on, in_words(on))
    # A second of 60 is a leap second; no record is read so exactly.
    local = datetime(on.year, on.month, on.day, int(hour), int(minute), min(int(second or 0), 59), tzinfo=LOCAL)
    if sign:
        away = timedelta(hours=int(hours), minutes=int(minutes))
        local = local.replace(tzinfo=timezone(away if sign == "+" else -away))
    at = local.astimezone(UTC)
    return Moment(at, in_words(at))


def day(text: str) -> date:
    """A whole day. Raises ValueError for less."""
    if len(text) < 8:
        raise ValueError("less than a day")
    at = moment(text[:8]).at
    if at is None or isinstance(at, datetime):
        raise ValueError("not a day")
    return at


def in_words(at: date | datetime) -> str:
    shown = f"{at.day} {at:%B %Y}"
    return f"{shown}, {at:%H:%M} UTC" if isinstance(at, datetime) else shown
