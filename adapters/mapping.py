"""What an operator declares about a CSV file: which column is what, and which entries a row makes. Guesses nothing.

Shared by every source that takes rows somebody else's system wrote. Opens no file and stores nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from broker.records.source import Provenance, RecordEntry
from broker.vocabulary import Section, Sensitivity

from . import configuration as read
from .answering import Answering, details, plain
from .csv_file import Layout, Row
from .rows import DATE_FORMATS, normal_number, read_date, spoiled


@dataclass(frozen=True, slots=True)
class Mapped:
    """One kind of entry a row can make. Names of columns, except ``title`` and ``fixed``, which are words.

    ``needs`` is a column without which there is no entry. ``labels`` are stated of every entry. ``only_shown``: of the
    row as it came, nothing is passed on but what the entry shows.
    """

    section: Section
    title: str = ""
    title_column: str = ""
    id_column: str = ""
    date_column: str = ""
    status_column: str = ""
    by_column: str = ""
    when: tuple[tuple[str, frozenset[str]], ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    fixed: tuple[tuple[str, str], ...] = ()
    needs: str = ""
    labels: frozenset[Sensitivity] = frozenset()
    only_shown: bool = False

    @property
    def columns(self) -> set[str]:
        named = {self.title_column, self.id_column, self.date_column, self.status_column, self.by_column, self.needs}
        return (named | {column for column, _ in self.when} | {column for _, column in self.details}) - {""}

    def fits(self, row: Row) -> bool:
        fitting = all(row.values.get(column, "").strip().lower() in wanted for column, wanted in self.when)
        return fitting and (not self.needs or bool(value(row, self.needs)))

    def received(self, row: Row) -> dict[str, str]:
        """The row as it came, or as much of it as may be passed on."""
        return {name: text for name, text in row.values.items() if not self.only_shown or name in self.columns}


def _mapped(value: Any) -> tuple[Mapped, ...]:
    listed = read.structure(value)
    if not isinstance(listed, list) or not listed:
        raise ValueError("must be a list of mappings, one for each kind of entry")
    return tuple(_one(place, item) for place, item in enumerate(listed, start=1))


_WORDS = ("title", "title_column", "id_column", "date_column", "status_column", "by_column")


def _one(place: int, item: Any) -> Mapped:
    known = {"section", "when", "details", "fixed", *_WORDS}
    if not isinstance(item, Mapping) or (unknown := item.keys() - known):
        raise ValueError(
            f"number {place} has the unknown key {sorted(unknown)[0]}"
            if isinstance(item, Mapping)
            else f"number {place} is not a mapping"
        )
    if "section" not in item or not ("title" in item or "title_column" in item):
        raise ValueError(f"number {place} needs section, and title or title_column")
    words: dict[str, Any] = {name: read.text(item[name]) for name in _WORDS if name in item}
    return Mapped(
        read.section(item["section"]),
        when=_conditions(place, item.get("when", {})),
        details=_pairs(place, "details", item.get("details", {})),
        fixed=_pairs(place, "fixed", item.get("fixed", {})),
        **words,
    )


def _conditions(place: int, value: Any) -> tuple[tuple[str, frozenset[str]], ...]:
    if not isinstance(value, Mapping):
        raise ValueError(f"number {place}: when must map a column to the values it must have")
    wanted = {column: [each] if isinstance(each, str) else each for column, each in value.items()}
    if not all(isinstance(each, list) and each and all(isinstance(v, str) for v in each) for each in wanted.values()):
        raise ValueError(f"number {place}: when must map a column to the values it must have")
    return tuple((column, frozenset(v.strip().lower() for v in each)) for column, each in wanted.items())


def _pairs(place: int, name: str, value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not all(isinstance(v, str) and v for pair in value.items() for v in pair):
        raise ValueError(f"number {place}: {name} must map a label to {'words' if name == 'fixed' else 'a column'}")
    return tuple(value.items())


def _date_format(value: Any) -> str:
    form = read.text(value)
    example = date(2031, 11, 23)
    try:
        agrees = read_date(example.strftime(form), (form,)) == example
    except ValueError:
        agrees = False
    if not agrees:
        raise ValueError("must say day, month and year, as in %d/%m/%Y")
    return form


def _delimiter(value: Any) -> str:
    known = {",": ",", ";": ";", "|": "|", "tab": "\t", "\t": "\t"}
    if value not in known:
        raise ValueError("must be one of , ; | tab")
    return known[value]


COLUMN_KEYS: Mapping[str, read.Key] = {
    "born_on_column": read.Key(read.text, "the column that holds the date of birth"),
    "entries": read.Key(
        _mapped, "a list: for each kind of entry its section, its title, and the columns it is made of"
    ),
    "nhs_number_column": read.Key(read.text, "the column that holds the NHS number", ""),
    "local_id_column": read.Key(read.text, "the column that holds the charity's own number for a person", ""),
    "date_format": read.Key(_date_format, "how dates are written, as in %d/%m/%Y", ""),
    "delimiter": read.Key(_delimiter, "what stands between values", ","),
}


def check_columns(options: Mapping[str, Any]) -> None:
    """What the columns, each right by itself, lack together. Raises InvalidInput."""
    if not (options["nhs_number_column"] or options["local_id_column"]):
        raise read.wrong("nhs_number_column", "or local_id_column is needed, to find a person's rows by")


@dataclass(frozen=True, slots=True)
class Preview:
    """What one row would become, and what is wrong with it."""

    number: int
    entries: tuple[RecordEntry, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """The columns of one file: who a row is about, and the entries it makes. A file may lack those of ``optional``."""

    entries: tuple[Mapped, ...]
    born: str
    number: str = ""
    local: str = ""
    formats: tuple[str, ...] = DATE_FORMATS
    delimiter: str = ","
    optional: frozenset[str] = frozenset()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Declared:
        """From the values of COLUMN_KEYS."""
        return cls(
            options["entries"],
            options["born_on_column"],
            options["nhs_number_column"],
            options["local_id_column"],
            (options["date_format"],) if options["date_format"] else DATE_FORMATS,
            options["delimiter"],
        )

    @property
    def sections(self) -> frozenset[Section]:
        return frozenset(mapped.section for mapped in self.entries)

    @property
    def layout(self) -> Layout:
        keys = tuple(filter(None, (self.number, self.local)))
        needed = sorted({self.born, *keys}.union(*(mapped.columns for mapped in self.entries)) - self.optional)
        return Layout(tuple(needed), keys, self.delimiter, normal_number)

    def date(self, text: str) -> date:
        """Raises ValueError."""
        return read_date(text, self.formats)

    def fitting(self, row: Row) -> list[tuple[int, Mapped]]:
        """The mappings that fit a row, each with its place in the list, counted from 1."""
        return [(place, mapped) for place, mapped in enumerate(self.entries, 1) if mapped.fits(row)]

    def sections_of(self, row: Row) -> Iterable[Section]:
        return {mapped.section for _, mapped in self.fitting(row)} or self.sections

    def read(self, row: Row, answering: Answering, *, source: str, now: datetime) -> None:
        """Add the entries a row makes; count it where none fits, and say so where its date is not one."""
        fitting = self.fitting(row)
        if not fitting:
            answering.not_understood[f"row {row.number}: no mapping fits it"] += 1
        for place, mapped in fitting:
            try:
                answering.add(self.entry(row, place, mapped, source=source, now=now))
            except ValueError:
                spoiled(row, f"{mapped.date_column} not a date", (mapped.section,), answering)

    def entry(self, row: Row, place: int, mapped: Mapped, *, source: str, now: datetime) -> RecordEntry:
        """Raises ValueError where the entry's date is not one."""
        dated = value(row, mapped.date_column)
        name = value(row, mapped.id_column) or f"row-{row.number}"
        return RecordEntry(
            id=f"{name}/{place}",
            section=mapped.section,
            title=value(row, mapped.title_column) or mapped.title or "Not named by the source",
            provenance=Provenance(source, now, recorded_by=value(row, mapped.by_column)),
            at=self.date(dated) if dated else None,
            status=value(row, mapped.status_column),
            details=details(*((label, value(row, column)) for label, column in mapped.details), *mapped.fixed),
            stated_labels=mapped.labels,
            original=mapped.received(row),
        )

    def preview(self, row: Row, *, source: str, now: datetime) -> Preview:
        answering = Answering(self.sections)
        try:
            self.date(row.values.get(self.born, ""))
        except ValueError:
            spoiled(row, f"{self.born} not a date", (), answering)
        if not any(value(row, column) for column in (self.number, self.local)):
            answering.not_understood[f"row {row.number}: nobody's number in it"] += 1
        self.read(row, answering, source=source, now=now)
        return Preview(row.number, tuple(answering.entries.values()), tuple(answering.not_understood))


def value(row: Row, column: str) -> str:
    """One value of a row as plain text; empty where no column is named."""
    return plain(row.values.get(column, "")) if column else ""
