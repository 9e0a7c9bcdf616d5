"""A charity's casework export as a source system: one CSV file whose columns the operator has mapped to sections.

The configuration says which column is which; nothing is guessed from a column's name. A row is used only where its
identifier and date of birth both agree with the resident's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from broker.records.source import Provenance, RecordEntry, ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import GapCause, Section

from . import configuration as read
from .answering import Answering, Clock, Limits, Unanswered, details, no_answer, plain, utc_now
from .csv_file import CsvFiles, Layout, Row, Worker, newest
from .rows import DATE_FORMATS, belonging, normal_number, read_date, spoiled


@dataclass(frozen=True, slots=True)
class Mapped:
    """One kind of entry a row can make. Names of columns, except ``title`` and ``fixed``, which are words."""

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

    @property
    def columns(self) -> set[str]:
        named = {self.title_column, self.id_column, self.date_column, self.status_column, self.by_column}
        return (named | {column for column, _ in self.when} | {column for _, column in self.details}) - {""}

    def fits(self, row: Row) -> bool:
        return all(row.values.get(column, "").strip().lower() in wanted for column, wanted in self.when)


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
    return Mapped(
        read.section(item["section"]),
        when=_conditions(place, item.get("when", {})),
        details=_pairs(place, "details", item.get("details", {})),
        fixed=_pairs(place, "fixed", item.get("fixed", {})),
        **{name: read.text(item[name]) for name in _WORDS if name in item},
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


KEYS: Mapping[str, read.Key] = {
    "path": read.Key(read.text, "the CSV file, or a folder whose newest *.csv is read"),
    "born_on_column": read.Key(read.text, "the column that holds the date of birth"),
    "entries": read.Key(
        _mapped, "a list: for each kind of entry its section, its title, and the columns it is made of"
    ),
    "nhs_number_column": read.Key(read.text, "the column that holds the NHS number", ""),
    "local_id_column": read.Key(read.text, "the column that holds the charity's own number for a person", ""),
    "date_format": read.Key(_date_format, "how dates are written, as in %d/%m/%Y", ""),
    "delimiter": read.Key(_delimiter, "what stands between values", ","),
}


def check_options(options: Mapping[str, Any]) -> None:
    if not (options["nhs_number_column"] or options["local_id_column"]):
        raise read.wrong("nhs_number_column", "or local_id_column is needed, to find a person's rows by")


class CaseworkCsv:
    """One charity's export. See SourceSystem."""

    personal = True

    def __init__(
        self,
        *,
        id: str,
        label: str,
        organisation: str,
        options: Mapping[str, Any],
        limits: Limits,
        clock: Clock = utc_now,
    ) -> None:
        self.id, self.label, self.organisation = id, label, organisation
        self._entries: tuple[Mapped, ...] = options["entries"]
        self.sections: frozenset[Section] = frozenset(mapped.section for mapped in self._entries)
        self._path, self._limits, self._clock = Path(options["path"]), limits, clock
        self._number, self._local, self._born = (
            options[name] for name in ("nhs_number_column", "local_id_column", "born_on_column")
        )
        self._formats = (options["date_format"],) if options["date_format"] else DATE_FORMATS
        keys = tuple(filter(None, (self._number, self._local)))
        needed = sorted({self._born, *keys}.union(*(mapped.columns for mapped in self._entries)))
        self._files = CsvFiles(Layout(tuple(needed), keys, options["delimiter"], normal_number), limits)
        self._worker = Worker()

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        asked = sections & self.sections
        if not asked:
            return SourceAnswer()
        try:
            return await self._worker.run(lambda: self._answer(resident, asked))
        except Unanswered as error:
            return no_answer(asked, error.cause, error.detail)

    def _answer(self, resident: ResidentIdentity, asked: frozenset[Section]) -> SourceAnswer:
        rows = self._rows(resident)
        if rows is None:
            return no_answer(asked, GapCause.NOT_LINKED, "there is no number to ask by")
        if not rows:
            return no_answer(asked, GapCause.NOT_LINKED)
        answering = Answering(asked)
        mine = belonging(
            rows,
            resident,
            answering,
            number_column=self._number,
            born_column=self._born,
            born_on=self._date,
            sections=self._sections_of,
        )
        for row in mine:
            self._read(row, answering)
        return answering.answer()

    def _rows(self, resident: ResidentIdentity) -> list[Row] | None:
        """The rows to be checked: by the charity's own number where there is a link with one, and by NHS number."""
        path, allowance = self._file(), self._limits.allowance()
        asked_by = [(self._number, resident.nhs_number), (self._local, resident.local_ids.get(self.id))]
        usable = [(column, value) for column, value in asked_by if column and value]
        if not usable:
            return None
        found = {
            row.number: row for column, value in usable for row in self._files.rows(path, column, value, allowance)
        }
        return [found[number] for number in sorted(found)]

    def _file(self) -> Path:
        if not self._path.is_dir():
            return self._path
        path = newest(self._path)[0]
        self._files.forget_all_but([path])
        return path

    def _date(self, text: str) -> date:
        return read_date(text, self._formats)

    def _sections_of(self, row: Row) -> Iterable[Section]:
        return {mapped.section for mapped in self._entries if mapped.fits(row)} or self.sections

    def _read(self, row: Row, answering: Answering) -> None:
        fitting = [(place, mapped) for place, mapped in enumerate(self._entries, 1) if mapped.fits(row)]
        if not fitting:
            answering.not_understood[f"row {row.number}: no mapping fits it"] += 1
        for place, mapped in fitting:
            try:
                answering.add(self._entry(row, place, mapped))
            except ValueError:
                spoiled(row, f"{mapped.date_column} not a date", (mapped.section,), answering)

    def _entry(self, row: Row, place: int, mapped: Mapped) -> RecordEntry:
        """Raises ValueError where the entry's date is not one."""
        dated = _value(row, mapped.date_column)
        name = _value(row, mapped.id_column) or f"row-{row.number}"
        return RecordEntry(
            id=f"{name}/{place}",
            section=mapped.section,
            title=_value(row, mapped.title_column) or mapped.title or "Not named by the source",
            provenance=Provenance(self.id, self._clock(), recorded_by=_value(row, mapped.by_column)),
            at=self._date(dated) if dated else None,
            status=_value(row, mapped.status_column),
            details=details(*((label, _value(row, column)) for label, column in mapped.details), *mapped.fixed),
            original=dict(row.values),
        )

    async def check(self) -> SourceCheck:
        try:
            return SourceCheck(True, None, await self._worker.run(self._facts))
        except Unanswered as error:
            return SourceCheck(False, error.cause, (("Problem", error.detail),))

    def _facts(self) -> tuple[tuple[str, str], ...]:
        path = self._file()
        index = self._files.index(path)
        previews = [self._preview(row) for row in self._files.all_rows(path)]
        return (
            ("File", path.name),
            ("Rows", f"{index.rows:,}"),
            ("Rows with a problem", f"{sum(1 for each in previews if each.problems):,}"),
            ("Entries", f"{sum(len(each.entries) for each in previews):,}"),
            ("Encoding", index.encoding),
        )

    def preview(self, most: int = 20) -> list[Preview]:
        """What the first rows would make, for an operator who maps columns. Blocking; holds personal information."""
        return [self._preview(row) for row in self._files.all_rows(self._file(), most)]

    def _preview(self, row: Row) -> Preview:
        answering = Answering(self.sections)
        try:
            self._date(row.values.get(self._born, ""))
        except ValueError:
            spoiled(row, f"{self._born} not a date", (), answering)
        if not any(_value(row, column) for column in (self._number, self._local)):
            answering.not_understood[f"row {row.number}: nobody's number in it"] += 1
        self._read(row, answering)
        return Preview(row.number, tuple(answering.entries.values()), tuple(answering.not_understood))


@dataclass(frozen=True, slots=True)
class Preview:
    """What one row would become, and what is wrong with it."""

    number: int
    entries: tuple[RecordEntry, ...]
    problems: tuple[str, ...]


def _value(row: Row, column: str) -> str:
    return plain(row.values.get(column, "")) if column else ""
