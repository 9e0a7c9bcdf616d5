"""The file of one hosted source: made whole, opened under its keys, and left with nothing deleted in it.

Safe for several processes and threads at once: every act is one transaction on a connection of its own.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from broker.errors import Fault, InvalidInput, NotFound

from .sealing import SALT, Keys, Masters, Spoiled, fingerprint

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_BUSY: Final = 10.0  # seconds one writer waits for another


class StoreLost(Fault):
    """The store itself cannot be read: it is damaged, or no key that is here opens it."""


@contextmanager
def keys_held(folder: Path) -> Iterator[None]:
    """Hold the keys of every store in ``folder`` as they are: while one is made, and while all are changed."""
    with (folder / ".keys").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class SealedFile:
    """One source's file. ``masters`` gives the master secrets in use, the present one first; asked at every act."""

    def __init__(self, folder: Path, source: str, masters: Masters) -> None:
        """Raises InvalidInput for a source's name that is unfit for a file."""
        if not _PLAIN_NAME.fullmatch(source):
            raise InvalidInput("hosted-name-unfit", "A hosted source is named by letters, digits, dots and dashes.")
        self.source, self.path, self.masters = source, folder / f"{source}.db", masters

    @contextmanager
    def reading(self) -> Iterator[tuple[sqlite3.Connection, Keys]]:
        with self._connected() as db:
            masters = self.masters()
            db.execute("BEGIN")
            yield db, self._keys(db, masters)

    @contextmanager
    def writing(self, *, create: bool = False) -> Iterator[tuple[sqlite3.Connection, Keys]]:
        if not self.path.exists():
            if not create:
                raise NotFound("hosted-nothing-kept", "Nothing has been put in here yet.")
            self._create()
        with self._connected() as db:
            masters = self.masters()
            db.execute("BEGIN IMMEDIATE")
            yield db, self._keys(db, masters)
            db.execute("COMMIT")

    @contextmanager
    def _connected(self, path: Path | None = None) -> Iterator[sqlite3.Connection]:
        """A connection that is closed, and whose transaction is taken back, whatever happens."""
        db = None
        try:
            address = f"{(path or self.path).absolute().as_uri()}?mode=rw"
            db = sqlite3.connect(address, uri=True, timeout=_BUSY, isolation_level=None)
            for pragma in ("secure_delete = ON", "synchronous = FULL", "temp_store = MEMORY", "trusted_schema = OFF"):
                db.execute(f"PRAGMA {pragma}")
            yield db
        except sqlite3.Error as error:
            raise StoreLost(str(error)) from error
        finally:
            if db is not None:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                db.close()

    def _create(self) -> None:
        """Make the file whole under another name first, readable by its owner alone: nobody ever finds half of one."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with keys_held(self.path.parent):
            if self.path.exists():
                return
            draft = self.path.with_name(f".{self.source}.{os.urandom(8).hex()}")
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
            with self._connected(draft) as db:
                db.execute("PRAGMA journal_mode = WAL")
                for statement in TABLES:
                    db.execute(statement)
                begin(db, self.source, self.masters()[0])
            draft.rename(self.path)

    def _keys(self, db: sqlite3.Connection, masters: Sequence[bytes]) -> Keys:
        """Of the secrets read before the transaction began and those read now: one may be retired in between."""
        sealed_under, salt = meta(db, "master").decode(errors="replace"), meta(db, "salt")
        for master in (*masters, *self.masters()):
            if fingerprint(master) == sealed_under:
                return Keys.of(master, source=self.source, salt=salt)
        raise StoreLost("no key that is here opens it")

    def tidy(self) -> None:
        """Leave nothing deleted behind, in the file or in what SQLite writes beside it."""
        with self._connected() as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


TABLES: Final = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE batch (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, added_at TEXT NOT NULL, by TEXT NOT NULL,
        what TEXT NOT NULL, items INTEGER NOT NULL, replaced INTEGER NOT NULL, refused INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('in-use', 'undone')))""",
    """CREATE TABLE item (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, batch TEXT NOT NULL REFERENCES batch (id),
        key BLOB NOT NULL, person BLOB, local BLOB, sealed BLOB NOT NULL,
        CHECK (person IS NOT NULL OR local IS NOT NULL))""",
    "CREATE TABLE waiting (id TEXT PRIMARY KEY, expires_at TEXT NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE taken (name BLOB PRIMARY KEY, taken_at TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX item_person ON item (person)",
    "CREATE INDEX item_local ON item (local)",
    "CREATE INDEX item_key ON item (key, number)",
    "CREATE INDEX item_batch ON item (batch)",
)


def meta(db: sqlite3.Connection, name: str) -> bytes:
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    if row is None or not isinstance(row[0], bytes):
        raise StoreLost(f"it does not say its {name}")
    return row[0]


def begin(db: sqlite3.Connection, source: str, master: bytes, *, naming: bytes | None = None) -> Keys:
    """Give a store its salt, or another, and the key it names things by."""
    salt = os.urandom(SALT)
    keys = Keys.of(master, source=source, salt=salt)
    sealed = keys.seal(naming or os.urandom(32), "naming")
    db.executemany(
        "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
        [("master", fingerprint(master).encode()), ("salt", salt), ("naming", sealed)],
    )
    return keys


def open_naming(db: sqlite3.Connection, keys: Keys) -> bytes:
    try:
        return keys.open(meta(db, "naming"), "naming")
    except Spoiled as error:
        raise StoreLost("the key it names things by does not open") from error
