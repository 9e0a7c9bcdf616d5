"""The trail: append one act in its own transaction's commit, and read the acts back. Never changes or deletes one.

Every writer first locks the single row of ``audit_head``, so indexes are gapless in commit order on SQLite and on
PostgreSQL alike, and a rolled-back caller leaves no trace.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table, bindparam, insert, select, text, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.event import Event
from broker.audit.leaf import (
    VERSION,
    actor_reference,
    canonical,
    hash_of,
    instant_text,
    note_commitment,
    resident_reference,
)
from broker.audit.log import Edge, Node
from broker.audit.models import ENTRIES, HEAD, NODES, AuditEntry, AuditHead
from broker.audit.proofs import InclusionProof, consistency_path, inclusion_path
from broker.audit.queue import CommitQueue
from broker.audit.tree import nodes_at
from broker.database import new_id
from broker.errors import NotFound, TrailUnavailable
from broker.vocabulary import AuditAction

__all__ = ["Beside", "Entry", "Event", "Trail"]

# A row of another room's, and its table: written in the commit of the entry it goes with, or not at all.
Beside = tuple[Table, Mapping[str, Any]]

_PATIENCE_SECONDS = 5.0  # how long one commit is retried while another writer holds the database
_NO_HEAD = "the trail has no head: its tables were not made by the migrations"
_LARGEST_INDEX = 2**63 - 1
_PAUSES = (0.005, 0.01, 0.02, 0.05, 0.1)

# Built once: a statement SQLAlchemy has seen is compiled already.
_LOCK_HEAD = update(HEAD).where(HEAD.c.id == 1).values(size=HEAD.c.size).returning(HEAD.c.size, HEAD.c.edge)
_MOVE_HEAD = update(HEAD).where(HEAD.c.id == 1).values(size=bindparam("n"), edge=bindparam("e"))
_INSERT_ENTRY = insert(ENTRIES)
_INSERT_NODE = insert(NODES)


@dataclass(frozen=True, slots=True)
class Entry:
    """One act, read back. ``resident`` is the internal id; ``note`` is free text and personal."""

    index: int
    id: str
    at: datetime
    action: AuditAction
    actor: str
    organisation: str | None
    resident: str | None
    body: Mapping[str, Any]
    note: str | None
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class _Draft:
    """An entry's row, but for its place and leaf hash, and the rows that go with it."""

    row: dict[str, Any]
    beside: tuple[Beside, ...]


class Trail:
    """Append to and read the trail. Safe to share between threads, and to keep across a fork.

    ``key`` is the secret under which residents are referred to in leaves; it must never change.
    """

    def __init__(self, sessions: sessionmaker[Session], *, key: bytes) -> None:
        self._sessions = sessions
        self._key = key
        self._queue: CommitQueue[_Draft] = CommitQueue(self._commit)

    def append(self, session: Session, event: Event, *, now: datetime) -> int:
        """Put ``event`` on the trail in the caller's transaction, and return its index.

        The trail stays locked until the caller commits, so append last and commit at once. Raises TrailUnavailable;
        the caller must then roll back.
        """
        draft = self._draft(event, now=now)
        try:
            return _append_all(session.connection(), [draft.row])[0]
        except (SQLAlchemyError, OSError, ValueError) as error:
            raise TrailUnavailable("the trail cannot be written") from error

    def record(self, event: Event, *, now: datetime, beside: Sequence[Beside] = ()) -> int:
        """Put ``event`` on the trail in a transaction of its own, and return its index once it is committed.

        ``beside`` are rows that stand or fall with the entry: where one cannot be written, neither can the entry.
        Acts recorded at the same moment by one process share a commit. Must not be called by a thread whose own
        session holds uncommitted writes: on SQLite the two would wait for each other. Raises TrailUnavailable.
        """
        return self._queue.submit(self._draft(event, now=now, beside=beside))

    def entries(
        self,
        session: Session,
        *,
        resident: str | None = None,
        organisation: str | None = None,
        actions: Iterable[AuditAction] | None = None,
        newest_first: bool = True,
        limit: int = 50,
        before: int | None = None,
    ) -> list[Entry]:
        """Entries that match all that is given, at most ``limit``.

        ``before`` is the index the last page ended at; the entries after it in the order asked for follow.
        """
        query = select(AuditEntry).limit(limit)
        if resident is not None:
            query = query.where(AuditEntry.resident == resident)
        if organisation is not None:
            query = query.where(AuditEntry.organisation == organisation)
        if actions is not None:
            query = query.where(AuditEntry.action.in_(list(actions)))
        if before is not None:
            bound = max(-1, min(before, _LARGEST_INDEX))  # a page's address may say any number
            query = query.where(AuditEntry.index < bound if newest_first else AuditEntry.index > bound)
        order = AuditEntry.index.desc() if newest_first else AuditEntry.index.asc()
        try:
            return [_entry(row) for row in session.scalars(query.order_by(order))]
        except SQLAlchemyError as error:
            raise TrailUnavailable("the trail cannot be read") from error

    def proof(self, session: Session, index: int) -> InclusionProof:
        """That entry ``index`` is in the tree as it now stands. Raises NotFound, TrailUnavailable."""
        try:
            row = session.get(AuditEntry, index)
            size = edge_now(session).size
            if row is None or index >= size:
                raise NotFound("entry-unknown", "There is no such entry on the trail.")
            path = nodes_at(session, lambda node: inclusion_path(node, index=index, size=size))
        except (SQLAlchemyError, ValueError) as error:
            raise TrailUnavailable("the trail cannot be read") from error
        return InclusionProof(index=index, size=size, leaf_hash=row.leaf_hash, path=path)

    def head(self, session: Session) -> Edge:
        """The tree as it now stands: its size and, by ``.root``, its root."""
        try:
            return edge_now(session)
        except (SQLAlchemyError, ValueError) as error:
            raise TrailUnavailable("the trail cannot be read") from error

    def consistency(self, session: Session, *, old: int, new: int) -> tuple[bytes, ...]:
        """The path that shows the tree of size ``old`` to be the beginning of the tree of size ``new``."""
        try:
            return nodes_at(session, lambda node: consistency_path(node, old=old, new=new))
        except SQLAlchemyError as error:
            raise TrailUnavailable("the trail cannot be read") from error

    def _draft(self, event: Event, *, now: datetime, beside: Sequence[Beside] = ()) -> _Draft:
        """The row, but for its index and leaf hash. Everything that can fail for this event alone fails here."""
        salt = secrets.token_bytes(32) if event.note is not None else None
        row = {
            "id": new_id(),
            "at": now,
            "action": event.action,
            "actor": event.actor,
            "actor_ref": actor_reference(self._key, event.actor),
            "organisation": event.organisation,
            "resident": event.resident,
            "resident_ref": None if event.resident is None else resident_reference(self._key, event.resident),
            "body": canonical(event.body).decode(),
            "note": event.note,
            "note_salt": salt,
            "note_commitment": None if salt is None or event.note is None else note_commitment(salt, event.note),
        }
        return _Draft(row, tuple(beside))

    def _commit(self, drafts: Sequence[_Draft]) -> list[int]:
        give_up = time.monotonic() + _PATIENCE_SECONDS
        for pause in (*_PAUSES, None):
            try:
                with self._sessions.begin() as session:
                    indexes = _append_all(session.connection(), [draft.row for draft in drafts])
                    _insert_beside(session.connection(), drafts)
                    return indexes
            except OperationalError as error:
                if pause is None or time.monotonic() + pause > give_up:
                    raise TrailUnavailable("the trail cannot be written") from error
                time.sleep(pause)
            except (SQLAlchemyError, OSError, ValueError) as error:
                raise TrailUnavailable("the trail cannot be written") from error
        raise AssertionError("unreachable")


def _append_all(connection: Connection, drafts: Sequence[dict[str, Any]]) -> list[int]:
    edge = locked_edge(connection)
    rows: list[dict[str, Any]] = []
    completed: list[Node] = []
    for draft in drafts:
        row = {**draft, "leaf_index": edge.size, "leaf_hash": hash_of(leaf_of(draft, index=edge.size))}
        edge, nodes = edge.append(row["leaf_hash"])
        rows.append(row)
        completed.extend(nodes)
    connection.execute(_INSERT_ENTRY, rows)
    if completed:
        connection.execute(_INSERT_NODE, [{"level": n.level, "node_index": n.index, "hash": n.hash} for n in completed])
    connection.execute(_MOVE_HEAD, {"n": edge.size, "e": edge.packed()})
    return [row["leaf_index"] for row in rows]


@cache
def _insert_into(table: Table) -> Insert:
    return insert(table)


def _insert_beside(connection: Connection, drafts: Sequence[_Draft]) -> None:
    rows: dict[Table, list[Mapping[str, Any]]] = {}
    for draft in drafts:
        for table, row in draft.beside:
            rows.setdefault(table, []).append(row)
    for table, several in rows.items():
        connection.execute(_insert_into(table), several)


def locked_edge(connection: Connection) -> Edge:
    """The right edge, its row locked until this transaction ends.

    The first statement is a write on purpose: SQLite then takes its write lock before reading, so that what is read
    cannot be stale (SQLITE_BUSY_SNAPSHOT), and PostgreSQL locks the row.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
    head = connection.execute(_LOCK_HEAD).one_or_none()
    if head is None:
        raise ValueError(_NO_HEAD)
    return Edge.unpack(head.size, head.edge)


def edge_now(session: Session) -> Edge:
    """The right edge as last committed, without locking it. Raises ValueError where the trail has no head."""
    head = session.execute(select(AuditHead.size, AuditHead.edge)).one_or_none()
    if head is None:
        raise ValueError(_NO_HEAD)
    return Edge.unpack(head.size, head.edge)


def leaf_of(row: Mapping[str, Any], *, index: int) -> dict[str, Any]:
    """What a row's leaf says, from the row's columns."""
    return {
        "v": VERSION,
        "id": row["id"],
        "index": index,
        "at": instant_text(row["at"]),
        "action": str(row["action"]),
        "actor": row["actor_ref"],
        "organisation": row["organisation"],
        "resident": row["resident_ref"],
        "body": json.loads(row["body"]),
        "note_commitment": row["note_commitment"],
    }


def _entry(row: AuditEntry) -> Entry:
    return Entry(
        index=row.index,
        id=row.id,
        at=row.at,
        action=row.action,
        actor=row.actor,
        organisation=row.organisation,
        resident=row.resident,
        body=json.loads(row.body),
        note=row.note,
        leaf_hash=row.leaf_hash,
    )
