"""Read an uploaded table row by row into items to keep, and say of each row that is wrong what to do about it.

Nothing is stored here. What is said of a row names its number, its column and what is wrong, and never a value in it.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from adapters.csv_file import Row
from adapters.mapping import Declared, Mapped, value
from adapters.rows import is_nhs_number, normal_number
from broker.errors import InvalidInput
from broker.records.source import RecordEntry
from broker.vocabulary import Section

from .store import Item

MOST_ROWS: Final = 50_000
LONGEST_VALUE: Final = 20_000  # characters
EARLIEST: Final = date(1900, 1, 1)

Names = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one row. ``row`` counts as a spreadsheet does; ``detail`` is what to do, without any value."""

    row: int
    column: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row that can be kept, and what it becomes."""

    number: int
    items: tuple[Item, ...] = field(repr=False)

    @property
    def entries(self) -> tuple[RecordEntry, ...]:
        return tuple(item.entry for item in self.items if item.entry)


@dataclass(frozen=True, slots=True)
class ReadTable:
    """A whole table: rows that can be kept, and problems by row."""

    rows: tuple[ReadRow, ...] = field(repr=False)
    problems: tuple[Problem, ...]
    encoding: str

    @property
    def items(self) -> list[Item]:
        return [item for row in self.rows for item in row.items]

    @property
    def wrong_rows(self) -> int:
        return len({problem.row for problem in self.problems})


def read_table(
    data: bytes, columns: Declared, *, source: str, sections: frozenset[Section], names: Names, now: datetime
) -> ReadTable:
    """Raises InvalidInput where it is no table, or lacks a column. ``names`` names rows that have no id, for good."""
    text, encoding = _decoded(data)
    reading = _Reading(columns, source, sections, now)
    for row in _rows(text, columns):
        reading.read(row)
    return reading.table(names, encoding)


class _Wrong(Exception):
    """One row cannot be kept."""

    def __init__(self, column: str, code: str, detail: str) -> None:
        super().__init__(code)
        self.column, self.code, self.detail = column, code, detail


@dataclass
class _Reading:
    """A table while it is read: the rows so far, each with the texts its items are named by."""

    columns: Declared
    source: str
    sections: frozenset[Section]
    now: datetime
    drafts: list[tuple[int, list[tuple[str, bool, Item]]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def read(self, row: Row) -> None:
        try:
            self.drafts.append((row.number, self._drafts(row)))
        except _Wrong as wrong:
            self.problems.append(Problem(row.number, wrong.column, wrong.code, wrong.detail))

    def _drafts(self, row: Row) -> list[tuple[str, bool, Item]]:
        """What the row becomes, each with the text it is named by, and whether that is a name of the row's own."""
        columns = self.columns
        _whole(row)
        number, local = self._number(row), normal_number(value(row, columns.local)) or None
        if not (number or local):
            column = columns.number or columns.local
            raise _Wrong(column, "number-missing", "Fill it in: without it nobody knows whom the row is about.")
        born = self._born(row)
        fitting = columns.fitting(row)
        if not fitting:
            column = next((column for each in columns.entries for column, _ in each.when), "")
            raise _Wrong(column, "kind-unknown", "Use one of the words that were agreed for this column.")
        drafts = []
        for place, mapped in fitting:
            entry = self._entry(row, place, mapped)
            own = value(row, mapped.id_column)
            name = f"{own}/{place}" if own else "\0".join([*map(str, sorted(row.values.items())), str(place)])
            item = Item(key=name, nhs_number=number, local_id=local, born_on=born, entry=entry)
            drafts.append((name, bool(own), item))
        return drafts

    def _number(self, row: Row) -> str | None:
        written = normal_number(value(row, self.columns.number))
        if not written:
            return None
        if not is_nhs_number(written):
            detail = "This is no NHS number. Compare it with a letter from the NHS; a spreadsheet may have rounded it."
            raise _Wrong(self.columns.number, "number-not-valid", detail)
        return written

    def _born(self, row: Row) -> date:
        column = self.columns.born
        if not value(row, column):
            raise _Wrong(column, "birth-date-missing", "Fill it in: a number alone does not say who somebody is.")
        try:
            born = self.columns.date(value(row, column))
        except ValueError:
            raise _Wrong(column, "birth-date-not-a-date", "Write day, month and year, as in 31/01/1980.") from None
        if not EARLIEST <= born <= self.now.date():
            raise _Wrong(column, "birth-date-unlikely", "Look at the year: nobody can have been born then.")
        return born

    def _entry(self, row: Row, place: int, mapped: Mapped) -> RecordEntry:
        if mapped.section not in self.sections:
            raise _Wrong("", "section-not-kept", "This source does not keep that section. Ask your operator to add it.")
        if mapped.title_column and not (mapped.title or value(row, mapped.title_column)):
            raise _Wrong(mapped.title_column, "title-missing", "Fill it in: it is what people will read first.")
        try:
            return self.columns.entry(row, place, mapped, source=self.source, now=self.now)
        except ValueError:
            raise _Wrong(
                mapped.date_column, "date-not-a-date", "Write day, month and year, as in 31/01/2026, or leave it empty."
            ) from None

    def table(self, names: Names, encoding: str) -> ReadTable:
        twice = self._twice()
        kept = [(number, drafts) for number, drafts in self.drafts if number not in twice]
        self.problems.extend(Problem(number, *said) for number, said in twice.items())
        unnamed = [name for _, drafts in kept for name, own, _ in drafts if not own]
        given = iter(names(unnamed) if unnamed else ())
        rows = tuple(
            ReadRow(number, tuple(_named(item, name if own else next(given)) for name, own, item in drafts))
            for number, drafts in kept
        )
        return ReadTable(rows, tuple(sorted(self.problems, key=lambda each: each.row)), encoding)

    def _twice(self) -> dict[int, tuple[str, str, str]]:
        """The rows that share a name with another: nobody can tell which of them is right."""
        places: dict[str, list[tuple[int, bool]]] = defaultdict(list)
        for number, drafts in self.drafts:
            for name, own, _ in drafts:
                places[name].append((number, own))
        said = {}
        for sharing in places.values():
            for number, own in sharing if len(sharing) > 1 else ():
                other = next(each for each, _ in sharing if each != number)
                column = next((each.id_column for each in self.columns.entries if each.id_column), "") if own else ""
                what = f"Row {other} has the same {'reference' if own else 'values'}. Remove one of the two."
                said[number] = (column, "row-twice", what)
        return said


def _named(item: Item, name: str) -> Item:
    return Item(
        key=f"csv:{name}", nhs_number=item.nhs_number, local_id=item.local_id, born_on=item.born_on, entry=item.entry
    )


def _decoded(data: bytes) -> tuple[str, str]:
    """UTF-8 where every byte of it is, else Windows-1252 as spreadsheets save it."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data:
        raise _no_table("It is not CSV in UTF-8. Save it as “CSV UTF-8”.")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise _no_table("It is neither UTF-8 nor Windows-1252 text. Save it as “CSV UTF-8”.")


def _rows(text: str, columns: Declared) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=columns.delimiter, strict=True)
    header = [name.strip() for name in _next(reader) or ()]
    if missing := [name for name in columns.layout.needed if name not in header]:
        raise _no_table(f"It has no column {', '.join(missing)}.")
    if len(set(header)) != len(header):
        raise _no_table("It has two columns of one name.")
    number = 1
    while (values := _next(reader)) is not None:
        number += 1
        if number > MOST_ROWS + 1:
            raise _no_table(f"It has more than {MOST_ROWS:,} rows. Send it in parts.")
        if any(each.strip() for each in values):
            spare = {"": "more"} if any(each.strip() for each in values[len(header) :]) else {}
            yield Row(number, {**dict(zip(header, values, strict=False)), **spare})


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error:
        raise _no_table("A row of it cannot be read as CSV: a quotation mark may be missing.") from None


def _whole(row: Row) -> None:
    if row.values.get("") == "more":
        raise _Wrong("", "row-too-long", "It has more values than there are columns: a comma may need quotation marks.")
    if column := next((name for name, each in row.values.items() if len(each) > LONGEST_VALUE), ""):
        raise _Wrong(column, "value-too-long", f"Use {LONGEST_VALUE:,} characters or fewer.")


def _no_table(detail: str) -> InvalidInput:
    return InvalidInput("hosted-file-unreadable", detail, field="file")
