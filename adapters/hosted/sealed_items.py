"""Items and batches as rows of a store: sealed on the way in, opened on the way out. Opens no file."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from adapters.rows import normal_number

from .items import Batch, BatchState, Held, Item, Kept
from .sealed_entry import entry_from, entry_into
from .sealing import Keys, Spoiled

VERSIONS: Final = 3  # of one item: the one in use, and two that taking a batch back can return to
Spend = Callable[[int], None]

BATCHES: Final = "SELECT id, added_at, by, what, items, replaced, refused, state FROM batch"
_COLUMNS: Final = "i.number, i.id, i.batch, i.key, i.person, i.local, i.sealed"
# The latest item of each key stands for it: what it replaced comes back by itself once it is gone.
EVERY_ITEM: Final = f"SELECT {_COLUMNS} FROM item i ORDER BY number"  # noqa: S608 (all of it is ours)
IN_USE: Final = f"""SELECT {_COLUMNS}, b.added_at FROM item i JOIN batch b ON b.id = i.batch
    WHERE NOT EXISTS (SELECT 1 FROM item later WHERE later.key = i.key AND later.number > i.number)"""  # noqa: S608


def insert(db: sqlite3.Connection, keys: Keys, item: Item, batch: str) -> None:
    id = os.urandom(16).hex()
    indexes = _indexes(keys, item)
    db.execute(
        "INSERT INTO item (id, batch, key, person, local, sealed) VALUES (?,?,?,?,?,?)",
        (id, batch, *indexes, keys.seal(_plain(item), id, batch, *map(_hex, indexes))),
    )


def reseal(db: sqlite3.Connection, keys: Keys, number: int, id: str, item: Item, *, batch: str) -> None:
    indexes = _indexes(keys, item)
    sealed = keys.seal(_plain(item), id, batch, *map(_hex, indexes))
    db.execute(
        "UPDATE item SET key = ?, person = ?, local = ?, sealed = ? WHERE number = ?", (*indexes, sealed, number)
    )


def _indexes(keys: Keys, item: Item) -> tuple[bytes, bytes | None, bytes | None]:
    return (
        keys.index("key", item.key),
        keys.index("person", normal_number(item.nhs_number)) if item.nhs_number else None,
        keys.index("local", normal_number(item.local_id)) if item.local_id else None,
    )


def _hex(index: bytes | None) -> str:
    return index.hex() if isinstance(index, bytes) else ""


def forget_oldest(db: sqlite3.Connection, key: bytes) -> None:
    """Keep no more versions of an item than taking batches back may need."""
    db.execute(
        "DELETE FROM item WHERE key = ? AND number NOT IN"
        " (SELECT number FROM item WHERE key = ? ORDER BY number DESC LIMIT ?)",
        (key, key, VERSIONS),
    )


def items_of(
    db: sqlite3.Connection, *, persons: Sequence[bytes], local: bytes | None, also_local: Sequence[bytes]
) -> list[tuple[int, bytes]]:
    """Number and key of each item, earlier versions too, of ``persons`` or of ``local``.

    Also of those that name nobody but by a local id that is among ``also_local``, or that one of those has.
    """
    named, also = ",".join("?" * len(persons)), ",".join("?" * len(also_local))
    return db.execute(
        f"""SELECT number, key FROM item WHERE person IN ({named}) OR local = ? OR (person IS NULL AND (
            local IN ({also}) OR local IN (SELECT local FROM item WHERE person IN ({named}))))""",  # noqa: S608
        (*persons, local, *also_local, *persons),
    ).fetchall()


def opened(keys: Keys, rows: Iterable[tuple[Any, ...]], spend: Spend = lambda size: None) -> Held:
    items, spoiled = [], 0
    for row in rows:
        spend(len(row[6]) if isinstance(row[6], bytes) else 0)
        try:
            items.append(Kept(item=open_item(keys, row[:7]), batch=row[2], added_at=datetime.fromisoformat(row[7])))
        except (Spoiled, ValueError, TypeError):
            spoiled += 1
    return Held(tuple(items), spoiled)


def open_item(keys: Keys, row: Sequence[Any]) -> Item:
    """Raises Spoiled also where an item was moved: to another batch, another person or another key."""
    _, id, batch, key, person, local, sealed = row
    if not (isinstance(id, str) and isinstance(batch, str) and isinstance(sealed, bytes)):
        raise Spoiled
    plain = keys.open(sealed, id, batch, _hex(key), _hex(person), _hex(local))
    try:
        return _item(json.loads(plain))
    except (ValueError, KeyError, TypeError) as error:
        raise Spoiled from error


def _plain(item: Item) -> bytes:
    return json.dumps(
        {
            "key": item.key,
            "nhs_number": item.nhs_number,
            "local_id": item.local_id,
            "born_on": item.born_on.isoformat(),
            "entry": entry_into(item.entry) if item.entry else None,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def _item(read: Mapping[str, Any]) -> Item:
    return Item(
        key=read["key"],
        nhs_number=read["nhs_number"],
        local_id=read["local_id"],
        born_on=date.fromisoformat(read["born_on"]),
        entry=entry_from(read["entry"], id=read["key"]) if read["entry"] else None,
    )


def as_batch(row: Sequence[Any]) -> Batch:
    id, added_at, by, what, items, replaced, refused, state = row
    return Batch(
        id=id,
        added_at=datetime.fromisoformat(added_at),
        by=by,
        what=what,
        items=items,
        replaced=replaced,
        refused=refused,
        state=BatchState(state),
    )
