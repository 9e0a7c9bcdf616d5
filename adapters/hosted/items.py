"""What is kept in a hosted source, as values: items about people, and the batches they came in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from broker.records.source import RecordEntry


class BatchState(StrEnum):
    IN_USE = "in-use"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to keep about one person.

    ``key`` names it within its source for good: a later item of the same key replaces it. Whoever makes keys puts a
    word of its own before them (``csv:``, ``hl7v2:``). The entry is kept under the key as its id, so what it is
    ``linked`` to are keys too. ``entry`` None says that what was under the key is withdrawn. At least one of
    ``nhs_number`` and ``local_id`` must be there.
    """

    key: str
    nhs_number: str | None = field(repr=False)
    born_on: date = field(repr=False)
    entry: RecordEntry | None = field(repr=False)
    local_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What was added at once. ``what`` is the way it came (csv, form, hl7v2, sftp); ``by`` an actor, never a name."""

    id: str
    added_at: datetime
    by: str
    what: str
    items: int
    replaced: int  # items of an earlier batch that these stand in place of
    refused: int  # rows or messages that came with them and were not taken
    state: BatchState = BatchState.IN_USE

    @property
    def in_use(self) -> bool:
        return self.state is BatchState.IN_USE


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An item as it is kept, with the batch it came in."""

    item: Item
    batch: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """What was found: ``items`` that opened, and how many did not."""

    items: tuple[Kept, ...] = ()
    spoiled: int = 0
