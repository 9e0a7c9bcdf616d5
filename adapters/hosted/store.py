"""What one organisation keeps here: a sealed file of entries about people, added in batches that can be taken back.

One SQLite file for each source, in the data folder and never in the broker's database. Every item is sealed, people are
found by keyed indexes, and nothing personal is readable in the file. Knows no file format and decides no access.

All of it blocks; an event loop runs it in a Worker.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from adapters.rows import normal_number
from broker.errors import Conflict, InvalidInput, NotFound

from .items import Batch, BatchState, Held, Item, Kept
from .sealed_file import SealedFile, StoreLost, begin, keys_held, meta, open_naming
from .sealed_items import (
    BATCHES,
    EVERY_ITEM,
    IN_USE,
    VERSIONS,
    Spend,
    as_batch,
    forget_oldest,
    insert,
    items_of,
    open_item,
    opened,
    reseal,
)
from .sealing import Keys, Spoiled

__all__ = ["VERSIONS", "Batch", "BatchState", "Held", "HostedStore", "Item", "Kept", "Stated", "StoreLost", "keys_held"]

Stated = Callable[[int], None]


class HostedStore(SealedFile):
    """One source's sealed file. See the module."""

    # Adding and taking back

    def add_batch(self, items: Iterable[Item], *, by: str, what: str, now: datetime, refused: int = 0) -> Batch:
        """Keep ``items``, all or none. Of two with one key the later stands."""
        latest = {item.key: item for item in items}
        for item in latest.values():
            if not (item.key and (item.nhs_number or item.local_id)):
                raise InvalidInput("hosted-item-nobodys", "Each item needs a key, and an NHS number or a local id.")
        with self.writing(create=True) as (db, keys):
            batch = os.urandom(16).hex()
            known = self._keys_in_use(db, keys, latest)
            made = Batch(
                id=batch,
                added_at=now.astimezone(UTC),
                by=by,
                what=what,
                items=len(latest),
                replaced=len(known),
                refused=refused,
            )
            db.execute(
                "INSERT INTO batch (id, added_at, by, what, items, replaced, refused, state) VALUES (?,?,?,?,?,?,?,?)",
                (batch, made.added_at.isoformat(), by, what, made.items, made.replaced, refused, BatchState.IN_USE),
            )
            for item in latest.values():
                insert(db, keys, item, batch)
            for index in known:
                forget_oldest(db, index)
        return made

    def undo(self, batch: str, *, stated: Stated = lambda items: None) -> Batch:
        """Take a batch back for good; what its items stood in place of is in use again. Raises NotFound.

        ``stated`` is told how many items before that stands; where it raises, nothing is taken back.
        """
        self.batch(batch)
        with self.writing() as (db, _):
            found = self._batch(db, batch)
            if found.state is BatchState.UNDONE:
                raise NotFound("hosted-batch-undone", "That batch was taken back already.")
            db.execute("UPDATE batch SET state = ? WHERE id = ?", (BatchState.UNDONE, batch))
            db.execute("DELETE FROM item WHERE batch = ?", (batch,))
            stated(found.items)
        return replace(found, state=BatchState.UNDONE)

    def batches(self) -> list[Batch]:
        """Every batch, newest first, also those that were taken back."""
        if not self.path.exists():
            return []
        with self.reading() as (db, _):
            return [as_batch(row) for row in db.execute(f"{BATCHES} ORDER BY number DESC")]

    def batch(self, batch: str) -> Batch:
        """Raises NotFound."""
        if not self.path.exists():
            raise NotFound("hosted-batch-unknown", "There is no such batch.")
        with self.reading() as (db, _):
            return self._batch(db, batch)

    # Reading

    @property
    def begun(self) -> bool:
        """Whether anything was ever put in here."""
        return self.path.exists()

    def about(
        self, *, nhs_numbers: Iterable[str] = (), local_id: str | None = None, spend: Spend = lambda size: None
    ) -> Held:
        """Every item in use about a person, by any of the numbers. Who it is really about the caller must check.

        ``spend`` is told the size of each, and may raise.
        """
        with self.reading() as (db, keys):
            wanted = [keys.index("person", normal_number(number)) for number in nhs_numbers]
            local = keys.index("local", normal_number(local_id)) if local_id else None
            marks = ",".join("?" * len(wanted))
            rows = db.execute(f"{IN_USE} AND (person IN ({marks}) OR local = ?) ORDER BY i.number", (*wanted, local))
            return opened(keys, rows, spend)

    def everything(self) -> Held:
        """Every item in use, for an export."""
        if not self.path.exists():
            return Held()
        with self.reading() as (db, keys):
            return opened(keys, db.execute(f"{IN_USE} ORDER BY i.number"))

    def count(self) -> int:
        """How many items are in use."""
        if not self.path.exists():
            return 0
        with self.reading() as (db, _):
            return int(db.execute("SELECT count(DISTINCT key) FROM item").fetchone()[0])

    def held_keys(self, keys_wanted: Iterable[str]) -> frozenset[str]:
        """Those of ``keys_wanted`` that are in use: what adding them again would replace."""
        if not self.path.exists():
            return frozenset()
        with self.reading() as (db, keys):
            wanted = set(keys_wanted)
            return frozenset(self._keys_in_use(db, keys, wanted).values())

    def names_for(self, texts: Sequence[str]) -> list[str]:
        """Names for what has none of its own: always the same for the same text, telling nothing of it."""
        with self.writing(create=True) as (db, keys):
            naming = Keys(keys.source, b"", open_naming(db, keys))
            return [naming.index("name", text).hex()[:32] for text in texts]

    # Deleting

    def delete_person(
        self,
        *,
        nhs_numbers: Iterable[str] = (),
        local_id: str | None = None,
        also_local: Iterable[str] = (),
        stated: Stated = lambda items: None,
    ) -> int:
        """Delete everything about somebody, earlier versions too; gives how many items that were. Cannot be undone.

        All under their numbers or ``local_id`` goes. Under a local id that is only known to go with those (one of
        ``also_local``, or one that an item of theirs has) goes what states no NHS number: the rest could be another's.
        What an item of theirs once stood in place of goes with it: a correction must not bring the mistake back.
        ``stated`` is told how many items before that stands; where it raises, nothing is deleted.
        """
        if not self.path.exists():
            stated(0)
            return 0
        with self.writing() as (db, keys):
            persons = [keys.index("person", normal_number(number)) for number in nhs_numbers]
            local = keys.index("local", normal_number(local_id)) if local_id else None
            also = [keys.index("local", normal_number(each)) for each in also_local]
            theirs = items_of(db, persons=persons, local=local, also_local=also)
            latest: dict[bytes, int] = {}
            for number, key in theirs:
                latest[key] = max(number, latest.get(key, 0))
            db.executemany("DELETE FROM item WHERE number = ?", [(number,) for number, _ in theirs])
            db.executemany("DELETE FROM item WHERE key = ? AND number < ?", latest.items())
            gone = len(theirs)
            stated(gone)
        self.tidy()
        return gone

    def delete_everything(self, *, stated: Stated = lambda items: None) -> int:
        """Empty the store, its batches too, and change its salt: no leftover block can be opened with what remains.

        ``stated`` is told how many items before that stands; where it raises, nothing is deleted.
        """
        if not self.path.exists():
            stated(0)
            return 0
        with self.writing() as (db, _):
            gone = db.execute("DELETE FROM item").rowcount
            db.execute("DELETE FROM batch")
            db.execute("DELETE FROM waiting")
            begin(db, self.source, self.masters()[0])
            stated(gone)
        self.tidy()
        return gone

    # What waits to be confirmed, and files that were taken

    def wait(self, upload: bytes, *, by: str, until: datetime) -> str:
        """Keep a file, sealed, until whoever sent it has seen what it would become. Gives its id."""
        id = os.urandom(16).hex()
        with self.writing(create=True) as (db, keys):
            expires = until.astimezone(UTC).isoformat()
            db.execute("INSERT INTO waiting VALUES (?,?,?)", (id, expires, keys.seal(upload, "waiting", id, by)))
        return id

    def waiting(self, id: str, *, by: str, now: datetime) -> bytes | None:
        """What waits under ``id``; None where it is not there, is somebody else's or is forgotten. It waits on."""
        if not self.path.exists():
            return None
        with self.writing() as (db, keys):
            db.execute("DELETE FROM waiting WHERE expires_at <= ?", (now.astimezone(UTC).isoformat(),))
            row = db.execute("SELECT sealed FROM waiting WHERE id = ?", (id,)).fetchone()
            try:
                return keys.open(row[0], "waiting", id, by) if row else None
            except Spoiled:
                return None

    def waits_no_longer(self, id: str) -> None:
        with self.writing() as (db, _):
            db.execute("DELETE FROM waiting WHERE id = ?", (id,))

    def has_taken(self, name: str) -> bool:
        """Whether a file of this name, size and age was collected before."""
        if not self.path.exists():
            return False
        with self.reading() as (db, keys):
            naming = Keys(keys.source, b"", open_naming(db, keys))
            return (
                db.execute("SELECT 1 FROM taken WHERE name = ?", (naming.index("file", name),)).fetchone() is not None
            )

    def remember_taken(self, name: str, *, now: datetime) -> None:
        with self.writing(create=True) as (db, keys):
            naming = Keys(keys.source, b"", open_naming(db, keys))
            entry = (naming.index("file", name), now.astimezone(UTC).isoformat())
            db.execute("INSERT OR REPLACE INTO taken (name, taken_at) VALUES (?,?)", entry)

    # Keys

    def rekey(self, *, drop_spoiled: bool = False) -> int:
        """Seal everything again under the present master secret and a new salt, in one transaction.

        Gives how many items were dropped because they do not open. Raises Conflict for such items unless
        ``drop_spoiled``: they would be lost, and somebody must say so. What waits to be confirmed is forgotten.
        """
        spoiled = 0
        with self.writing() as (db, keys):
            renewed = begin(db, self.source, self.masters()[0], naming=open_naming(db, keys))
            db.execute("DELETE FROM waiting")
            for number, id, batch, *rest in db.execute(EVERY_ITEM).fetchall():
                try:
                    reseal(db, renewed, number, id, open_item(keys, (number, id, batch, *rest)), batch=batch)
                except Spoiled:
                    spoiled += 1
                    db.execute("DELETE FROM item WHERE number = ?", (number,))
            if spoiled and not drop_spoiled:
                raise Conflict("hosted-items-spoiled", f"{spoiled} items do not open, and would be lost.")
        self.tidy()
        return spoiled

    def sealed_under(self) -> str:
        """The fingerprint of the master secret it is sealed under."""
        with self.reading() as (db, _):
            return meta(db, "master").decode()

    @staticmethod
    def _keys_in_use(db: sqlite3.Connection, keys: Keys, names: Iterable[str]) -> dict[bytes, str]:
        found = {}
        for name in names:
            index = keys.index("key", name)
            if db.execute(f"{IN_USE} AND i.key = ? LIMIT 1", (index,)).fetchone():
                found[index] = name
        return found

    @staticmethod
    def _batch(db: sqlite3.Connection, batch: str) -> Batch:
        row = db.execute(f"{BATCHES} WHERE id = ?", (batch,)).fetchone()
        if row is None:
            raise NotFound("hosted-batch-unknown", "There is no such batch.")
        return as_batch(row)
