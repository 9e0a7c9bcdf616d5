"""Find one person's rows in a CSV file of any size, by an index of where each row begins. Keeps no row, only places.

The file is read once when it is new or changed, always in a worker thread; afterwards only the rows asked for are
read. Only regular files are opened, never through a symbolic link: a drop folder is written by somebody else.
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
import stat
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeVar

from broker.vocabulary import GapCause

from .answering import Allowance, Limits, Unanswered

T = TypeVar("T")

# One thread of an interpreter runs at a time. A reader of a large file stops for a moment after a millisecond or two of
# work, or every answer to everybody would wait for it.
_ROWS_AT_A_TIME, _BREATH = 200, 0.0005

Identity = tuple[int, int, int, int]  # device, inode, size, time of change: another file, or a changed one, differs


@dataclass(frozen=True, slots=True)
class Row:
    """One row as text by column name. ``number`` counts as a spreadsheet does: the header is row 1."""

    number: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file must look like: the columns it must have, those that identify a person, and its delimiter."""

    needed: tuple[str, ...]
    keys: tuple[str, ...]
    delimiter: str = ","
    normal: Callable[[str], str] = str.strip


@dataclass(slots=True)
class Index:
    """Where the rows of each person are: (offset, row number) pairs by key column and value."""

    identity: Identity
    encoding: str
    columns: list[str]
    rows: int = 0
    places: dict[tuple[str, str], array[int]] = field(default_factory=dict)
    first: Row | None = None


class Worker:
    """Threads for one source's files, so that a slow disk never holds up the event loop or another source."""

    def __init__(self) -> None:
        self._pid, self._pool = 0, None
        self._lock = threading.Lock()

    async def run(self, read: Callable[[], T]) -> T:
        """``read()`` in a thread. A caller that is cancelled stops waiting; the thread finishes and is free again."""
        with self._lock:
            if self._pool is None or self._pid != os.getpid():  # threads do not survive a fork
                self._pid, self._pool = os.getpid(), ThreadPoolExecutor(2, thread_name_prefix="source-files")
        return await asyncio.get_running_loop().run_in_executor(self._pool, read)

    _pool: ThreadPoolExecutor | None


class CsvFiles:
    """CSV files of one layout, each indexed once and again when it changes."""

    def __init__(self, layout: Layout, limits: Limits) -> None:
        self._layout, self._limits = layout, limits
        self._indexes: dict[Path, Index] = {}
        self._lock = threading.Lock()

    def index(self, path: Path) -> Index:
        """The index of ``path`` as it is now. Blocking: run it in a Worker. Raises Unanswered."""
        with self._lock, self._open(path) as file:
            known, identity = self._indexes.get(path), _identity(file)
            if known is None or known.identity != identity:
                known = self._indexes[path] = self._make(file, identity)
            return known

    def forget_all_but(self, paths: Sequence[Path]) -> None:
        with self._lock:
            for path in self._indexes.keys() - set(paths):
                del self._indexes[path]

    def rows(self, path: Path, column: str, value: str, allowance: Allowance) -> list[Row]:
        """The rows whose ``column`` is ``value``. Raises Unanswered, also where the file changed meanwhile."""
        index = self.index(path)
        places = index.places.get((column, self._layout.normal(value)), array("q"))
        if not places:
            return []
        with self._open(path) as file:
            if _identity(file) != index.identity:
                raise Unanswered(GapCause.FAULT, "changed while it was being read")
            found = []
            for offset, number in zip(places[::2], places[1::2], strict=True):
                file.seek(offset)
                record = next(self._records(file))[1]
                allowance.spend(len(record))
                found.append(Row(number, self._values(index, record)))
            return found

    def all_rows(self, path: Path, most: int | None = None) -> Iterator[Row]:
        """Every row, or the first ``most``, for a preview or a check."""
        index = self.index(path)
        with self._open(path) as file:
            records = self._records(file)
            next(records, None)
            for number, (_, record) in enumerate(records, start=2):
                if most is not None and number > most + 1:
                    return
                if record.strip():
                    yield Row(number, self._values(index, record))

    def rows_of(self, data: bytes) -> tuple[Index, list[Row]]:
        """Every row of a file that is held already and is on no disk. Raises Unanswered."""
        if len(data) > self._limits.file_bytes:
            raise Unanswered(GapCause.TOO_LARGE, f"the file has more than {self._limits.file_bytes:,} bytes")
        file = io.BytesIO(data)
        index = self._make(file, (0, 0, 0, 0))
        file.seek(0)
        records = self._records(file)
        next(records, None)
        numbered = enumerate(records, start=2)
        return index, [Row(number, self._values(index, record)) for number, (_, record) in numbered if record.strip()]

    def _open(self, path: Path) -> BinaryIO:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise Unanswered(GapCause.UNREACHABLE, "the file is not there") from error
        except OSError as error:
            raise Unanswered(GapCause.UNREACHABLE, "the file cannot be opened") from error
        file = os.fdopen(descriptor, "rb")
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            file.close()
            raise Unanswered(GapCause.NOT_ALLOWED, "what is there is not an ordinary file")
        if status.st_size > self._limits.file_bytes:
            file.close()
            raise Unanswered(GapCause.TOO_LARGE, f"the file has more than {self._limits.file_bytes:,} bytes")
        return file

    def _make(self, file: BinaryIO, identity: Identity) -> Index:
        """Read the whole file once. UTF-8 where every byte of it is, else Windows-1252 as spreadsheets save it."""
        start = file.read(4)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in start:
            raise Unanswered(GapCause.MALFORMED, "the file is not CSV in UTF-8; save it as “CSV UTF-8”")
        for encoding in ("utf-8-sig", "cp1252"):
            file.seek(0)
            try:
                return self._fill(file, Index(identity, encoding, []))
            except UnicodeDecodeError:
                continue
        raise Unanswered(GapCause.MALFORMED, "the file is neither UTF-8 nor Windows-1252 text")

    def _fill(self, file: BinaryIO, index: Index) -> Index:
        records = self._records(file)
        header = next(records, (0, b""))[1]
        index.columns = [name.strip() for name in self._split(header.decode(index.encoding))]
        self._check_header(index.columns)
        positions = [(key, index.columns.index(key)) for key in self._layout.keys if key in index.columns]
        as_far_as = 1 + max(position for _, position in positions)
        normal, places = self._layout.normal, index.places
        for number, (offset, record) in enumerate(records, start=2):
            text = record.decode(index.encoding)
            if text.isspace():
                continue
            if index.rows == 0:
                index.first = Row(number, self._values(index, record))
            index.rows += 1
            values = self._some_values(text, as_far_as)
            for key, position in positions:
                if position < len(values) and (value := normal(values[position])):
                    found = places.get((key, value))
                    if found is None:
                        found = places[key, value] = array("q")
                    found.extend((offset, number))
        return index

    def _some_values(self, text: str, count: int) -> list[str]:
        """At least the first ``count`` values. The quick way gives the same: most rows of most files quote nothing."""
        if '"' in text:
            return self._split(text)
        return text.rstrip("\r\n").split(self._layout.delimiter, count)

    def _check_header(self, columns: list[str]) -> None:
        if missing := [name for name in self._layout.needed if name not in columns]:
            raise Unanswered(GapCause.MALFORMED, f"the file has no column {', '.join(missing)}")
        if len(set(columns)) != len(columns):
            raise Unanswered(GapCause.MALFORMED, "the file has two columns of one name")

    def _records(self, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
        """Each record with its offset: one line, or several where a quoted value holds a line break (RFC 4180 §2.6)."""
        most, offset, number = self._limits.record_bytes, file.tell(), 0
        while line := file.readline(most + 1):
            record, number = line, number + 1
            if number % _ROWS_AT_A_TIME == 0:
                time.sleep(_BREATH)
            while record.count(b'"') % 2 and len(record) <= most and (line := file.readline(most + 1)):
                record += line
            if len(record) > most:
                raise Unanswered(GapCause.MALFORMED, "a row never ends: a quotation mark may be missing")
            yield offset, record
            offset += len(record)

    def _values(self, index: Index, record: bytes) -> dict[str, str]:
        return dict(zip(index.columns, self._split(record.decode(index.encoding)), strict=False))

    def _split(self, text: str) -> list[str]:
        try:
            return next(csv.reader([text], delimiter=self._layout.delimiter), [])
        except csv.Error as error:
            raise Unanswered(GapCause.MALFORMED, "a row cannot be read as CSV") from error


def newest(folder: Path, pattern: str = "*.csv") -> list[Path]:
    """The files of a folder, newest first. Raises Unanswered where the folder cannot be read or holds none."""
    try:
        paths = [path for path in folder.glob(pattern) if not path.name.startswith(".")]
        aged = sorted(((path.lstat().st_mtime_ns, path.name, path) for path in paths), reverse=True)
        there = folder.is_dir()
    except OSError as error:
        raise Unanswered(GapCause.UNREACHABLE, "the folder cannot be read") from error
    if not there:
        raise Unanswered(GapCause.UNREACHABLE, "the folder is not there")
    if not aged:
        raise Unanswered(GapCause.UNREACHABLE, "there is no file in the folder")
    return [path for _, _, path in aged]


def _identity(file: BinaryIO) -> Identity:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
