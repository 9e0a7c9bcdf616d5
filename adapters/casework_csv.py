"""A charity's casework export as a source system: one CSV file whose columns the operator has mapped to sections.

The configuration says which column is which, itself or by a preset; nothing is guessed from a column's name. A row is
used only where its identifier and date of birth both agree with the resident's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.records.source import ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import GapCause, Section

from . import configuration as read
from . import presets
from .answering import Answering, Clock, Limits, Unanswered, no_answer, utc_now
from .csv_file import CsvFiles, Row, Worker, newest
from .mapping import Mapped, Preview
from .rows import belonging

__all__ = ["KEYS", "CaseworkCsv", "Mapped", "Preview", "check_options", "keys"]


def keys(*presets_known: str) -> Mapping[str, read.Key]:
    """What an export is configured by; one of some presets, where it is an export of one kind."""
    path = read.Key(read.text, "the CSV file, or a folder whose newest *.csv is read")
    return {"path": path, **presets.keys(*presets_known)}


KEYS = keys()
check_options = presets.check_options


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
        self._columns = presets.declared(options)
        self.sections: frozenset[Section] = self._columns.sections
        self._path, self._limits, self._clock = Path(options["path"]), limits, clock
        self._files = CsvFiles(self._columns.layout, limits)
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
        answering, columns, now = Answering(asked), self._columns, self._clock()
        mine = belonging(
            rows,
            resident,
            answering,
            number_column=columns.number,
            born_column=columns.born,
            born_on=columns.date,
            sections=columns.sections_of,
        )
        for row in mine:
            columns.read(row, answering, source=self.id, now=now)
        return answering.answer()

    def _rows(self, resident: ResidentIdentity) -> list[Row] | None:
        """The rows to be checked: by the charity's own number where there is a link with one, and by NHS number."""
        path, allowance, columns = self._file(), self._limits.allowance(), self._columns
        numbers = (resident.nhs_number, *sorted(resident.former_numbers))
        asked_by = [
            *((columns.number, number) for number in numbers),
            (columns.local, resident.local_ids.get(self.id)),
        ]
        usable = [(column, number) for column, number in asked_by if column and number]
        if not usable:
            return None
        found = {
            row.number: row for column, number in usable for row in self._files.rows(path, column, number, allowance)
        }
        return [found[number] for number in sorted(found)]

    def _file(self) -> Path:
        if not self._path.is_dir():
            return self._path
        path = newest(self._path)[0]
        self._files.forget_all_but([path])
        return path

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
        return self._columns.preview(row, source=self.id, now=self._clock())
