"""One hosted source, for those whose it is: look at a table before it is kept, keep it, take it back, take it away.

Decides nothing about who may do so, and leaves no entry on the trail: whoever calls it does both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from adapters.answering import details
from adapters.configuration import read
from adapters.mapping import Declared
from broker.errors import InvalidInput
from broker.records.source import Provenance, RecordEntry
from broker.vocabulary import Section

from .configuration import CSV, columns_of, options_of
from .exporting import Form, export
from .keeping import Hosting
from .reading import Problem, ReadRow, ReadTable, read_table
from .store import Batch, HostedStore, Item, Stated
from .template import empty_table, in_order, standard_columns

SHOWN: Final = 10  # rows of a table that are shown before it is kept
_NAMED_NOTE: Final = "note:"


@dataclass(frozen=True, slots=True)
class Look:
    """What a table would become: counts, its first rows, and what is wrong with the others."""

    rows: int
    entries: int
    replaces: int  # entries that would stand in place of earlier ones
    wrong_rows: int
    problems: tuple[Problem, ...]
    first: tuple[ReadRow, ...] = field(repr=False)
    encoding: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch, and whom it was about: (NHS number, date of birth, local id), for whoever links residents."""

    batch: Batch
    about: frozenset[tuple[str | None, date, str | None]] = field(repr=False)


class HostedSource:
    """A registered source of this kind. ``columns`` are the declared ones, or the standard table's."""

    def __init__(self, *, id: str, sections: Iterable[Section], columns: Declared | None, store: HostedStore) -> None:
        self.id, self.store = id, store
        self.sections: Sequence[Section] = in_order(sections)
        self.columns = columns or standard_columns(self.sections)

    @classmethod
    def configured(cls, id: str, configuration: Mapping[str, Any], hosting: Hosting) -> HostedSource:
        """As it was registered. Raises InvalidInput."""
        options = options_of(configuration)
        return cls(id=id, sections=options["sections"], columns=columns_of(options), store=hosting.store(id))

    def reading(self, columns: Mapping[str, Any]) -> HostedSource:
        """The same source, reading tables by other columns. Raises InvalidInput."""
        declared = columns_of(read(CSV, columns))
        return HostedSource(id=self.id, sections=self.sections, columns=declared, store=self.store)

    def template(self) -> bytes:
        """The table to fill in."""
        return empty_table(self.columns, self.sections)

    def look(self, data: bytes, *, now: datetime) -> Look:
        """What a table would become. Keeps nothing. Raises InvalidInput where it is no table."""
        table = self._read(data, now)
        items = table.items
        return Look(
            rows=len(table.rows),
            entries=len(items),
            replaces=len(self.store.held_keys(item.key for item in items)),
            wrong_rows=table.wrong_rows,
            problems=table.problems,
            first=table.rows[:SHOWN],
            encoding=table.encoding,
        )

    def take(self, data: bytes, *, accept_good_rows: bool, by: str, what: str, now: datetime) -> Taken:
        """Keep a table as one batch. Raises InvalidInput for rows that are wrong, unless the good ones are accepted."""
        table = self._read(data, now)
        if table.problems and not accept_good_rows:
            raise InvalidInput(
                "hosted-rows-wrong", f"{_rows(table.wrong_rows)} wrong, so nothing was kept.", field="file"
            )
        if not table.rows:
            raise InvalidInput("hosted-nothing-to-keep", "There is no row in it that can be kept.", field="file")
        batch = self.store.add_batch(table.items, by=by, what=what, now=now, refused=table.wrong_rows)
        return Taken(batch, frozenset((item.nhs_number, item.born_on, item.local_id) for item in table.items))

    def note(
        self,
        *,
        nhs_number: str,
        born_on: date,
        section: Section,
        title: str,
        text: str,
        at: date | None,
        recorded_by: str,
        name: str,
        by: str,
        now: datetime,
    ) -> Taken:
        """Keep one note about one person. ``name`` is its own: the same sent twice is kept once."""
        if section not in self.sections:
            raise InvalidInput("hosted-section-unknown", "This source does not keep that section.", field="section")
        entry = RecordEntry(
            id=name,
            section=section,
            title=title,
            provenance=Provenance(self.id, now, recorded_by=recorded_by),
            at=at,
            details=details(("Note", text)),
        )
        item = Item(key=f"{_NAMED_NOTE}{name}", nhs_number=nhs_number, born_on=born_on, entry=entry)
        batch = self.store.add_batch([item], by=by, what="form", now=now)
        return Taken(batch, frozenset({(nhs_number, born_on, None)}))

    def export(self, form: str) -> tuple[bytes, int, int]:
        """Everything in use as a file, how many items that is, and how many could not be opened."""
        held = self.store.everything()
        return export(held, Form(form)), len(held.items), held.spoiled

    def count(self) -> int:
        return self.store.count()

    def batches(self) -> list[Batch]:
        return self.store.batches()

    def batch(self, batch: str) -> Batch:
        return self.store.batch(batch)

    def undo(self, batch: str, *, stated: Stated = lambda items: None) -> Batch:
        return self.store.undo(batch, stated=stated)

    def delete_person(
        self, *, nhs_numbers: Iterable[str], local_id: str | None, also_local: Iterable[str], stated: Stated
    ) -> int:
        return self.store.delete_person(
            nhs_numbers=nhs_numbers, local_id=local_id, also_local=also_local, stated=stated
        )

    def delete_everything(self, *, stated: Stated) -> int:
        return self.store.delete_everything(stated=stated)

    def wait(self, upload: bytes, *, by: str, until: datetime) -> str:
        return self.store.wait(upload, by=by, until=until)

    def waiting(self, id: str, *, by: str, now: datetime) -> bytes | None:
        return self.store.waiting(id, by=by, now=now)

    def waits_no_longer(self, id: str) -> None:
        self.store.waits_no_longer(id)

    def _read(self, data: bytes, now: datetime) -> ReadTable:
        return read_table(
            data,
            self.columns,
            source=self.id,
            sections=frozenset(self.sections),
            names=self.store.names_for,
            now=now,
        )


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"
