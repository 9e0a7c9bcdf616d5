"""What the adapters of CSV files share: whose a row is, dates as people write them, and counting what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime

import nhs_number

from broker.records.source import ResidentIdentity
from broker.vocabulary import GapCause, Section

from .answering import Answering
from .csv_file import Row

# Day first, as in the United Kingdom. A month-first date is never guessed at.
DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d %b %Y", "%d %B %Y", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


def read_date(text: str, formats: Iterable[str] = DATE_FORMATS) -> date:
    """Raises ValueError for what is not a date in one of ``formats``."""
    for form in formats:
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 (a day has no time zone)
        except ValueError:
            continue
    raise ValueError("not a date")


def normal_number(text: str) -> str:
    """An identifier without the spaces and dashes people put into one."""
    if text.isdigit():  # nearly always, and of a million rows
        return text
    return "".join(text.split()).replace("-", "").upper()


def is_nhs_number(text: str) -> bool:
    """Ten plain digits, the last of which is what the others make it."""
    return len(text) == 10 and text.isascii() and text.isdigit() and nhs_number.is_valid(text)


def belonging(
    rows: Iterable[Row],
    resident: ResidentIdentity,
    answering: Answering,
    *,
    number_column: str,
    born_column: str,
    born_on: Callable[[str], date],
    sections: Callable[[Row], Iterable[Section]],
) -> Iterator[Row]:
    """The rows that are the resident's by both identifiers. Another row is a gap; an unreadable one is counted too."""
    for row in rows:
        number = normal_number(row.values.get(number_column, ""))
        try:
            born = born_on(row.values.get(born_column, ""))
        except ValueError:
            spoiled(row, f"{born_column} not a date", sections(row), answering)
            continue
        if born != resident.born_on or (number and resident.nhs_number and not resident.is_known_by(number)):
            answering.gap(sections(row), GapCause.WRONG_PERSON, "a row does not agree on who it is about")
        else:
            yield row


def spoiled(row: Row, what: str, sections: Iterable[Section], answering: Answering) -> None:
    """Count a row that could not be used, and say that its sections are not whole."""
    answering.not_understood[f"row {row.number}: {what}"] += 1
    answering.gap(sections, GapCause.MALFORMED, "some rows could not be read")
