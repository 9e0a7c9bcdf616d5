"""Take the trail out of the database, and check it where it lies. Writes nothing.

An export names no resident: leaves refer to them by keyed hash. Notes are personal and left out unless asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, String, func, select, type_coerce
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from broker.audit.leaf import actor_reference, canonical, resident_reference
from broker.audit.log import Edge
from broker.audit.models import CHECKPOINTS, ENTRIES, HEAD, NODES
from broker.audit.signed_note import Checkpoint
from broker.audit.trail import edge_now, leaf_of
from broker.audit.tree import stored_nodes
from broker.audit.verify import FaultFound, Report, verify_export
from broker.errors import TrailUnavailable

_ROWS_AT_ONCE = 1000
_NODES_AT_ONCE = 400
# The action as it is kept: a code that was tampered with must reach the check, not fail on the way.
_COLUMNS = [type_coerce(c, String).label(c.name) if c.name == "action" else c for c in ENTRIES.c]


def export(session: Session, *, notes: bool = False) -> Iterator[str]:
    """The trail as JSON lines: its head, its checkpoints, then its entries in order.

    Each entry is ``{"kind": "entry", "leaf": …, "leaf_hash": hex}``, with ``note`` and ``note_salt`` where asked for.
    Entries written meanwhile are left for the next export. Raises TrailUnavailable where there is no head.
    """
    # Checkpoints before the head: one that is made meanwhile then never looks like a trail cut short.
    checkpoints = session.scalars(select(CHECKPOINTS.c.note).order_by(CHECKPOINTS.c.size)).all()
    edge = _edge(session)
    yield _line(kind="head", size=edge.size, root=edge.root.hex())
    for note in checkpoints:
        yield _line(kind="checkpoint", note=note)
    for row in _rows(session, edge.size):
        yield _line(**_exported(row._asdict(), notes=notes))


def verify_database(
    session: Session, public_key: str, *, key: bytes | None = None, witnessed: Iterable[str] = ()
) -> Report:
    """Check all that an export shows, and the rest of what is stored: the tree's nodes, and columns kept for reading.

    With the trail's ``key``, also that each row's resident and actor are those its leaf refers to. The trail may grow
    meanwhile. Never raises.
    """
    report = Report(size=0, root="", checkpoints=0, notes=0)
    try:
        report = verify_export(export(session, notes=True), public_key, witnessed=witnessed)
        if report.ok:
            _check_entries_and_nodes(session, report.size, key)
            _check_checkpoints(session)
            _check_nothing_besides(session)
    except FaultFound as found:
        return replace(report, fault=found.fault, index=found.index)
    except (SQLAlchemyError, TrailUnavailable, ValueError, TypeError) as error:
        return replace(report, fault=f"the trail cannot be read: {type(error).__name__}")
    return report


def _edge(session: Session) -> Edge:
    try:
        return edge_now(session)
    except ValueError as error:
        raise TrailUnavailable("the trail's head cannot be read") from error


def _rows(session: Session, size: int) -> Iterator[Row[Any]]:
    """In order, a page at a time, so that a long trail is never held whole."""
    query = select(*_COLUMNS).order_by(ENTRIES.c.leaf_index).limit(_ROWS_AT_ONCE).where(ENTRIES.c.leaf_index < size)
    rows = session.execute(query).all()
    while rows:
        yield from rows
        rows = session.execute(query.where(ENTRIES.c.leaf_index > rows[-1].leaf_index)).all()


def _exported(row: Mapping[str, Any], *, notes: bool) -> dict[str, Any]:
    item = {"kind": "entry", "leaf": leaf_of(row, index=row["leaf_index"]), "leaf_hash": row["leaf_hash"].hex()}
    if notes:
        item |= {"note": row["note"], "note_salt": row["note_salt"].hex() if row["note_salt"] is not None else None}
    return item


def _line(**item: Any) -> str:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":"))


def _check_entries_and_nodes(session: Session, size: int, key: bytes | None) -> None:
    edge, expected = Edge(), dict[tuple[int, int], bytes]()
    for row in _rows(session, size):
        _check_kept_for_reading(row._asdict(), key)
        edge, nodes = edge.append(row.leaf_hash)
        expected.update({(node.level, node.index): node.hash for node in nodes})
        if len(expected) >= _NODES_AT_ONCE:
            _check_nodes(session, expected)
            expected = {}
    _check_nodes(session, expected)


def _check_kept_for_reading(row: Mapping[str, Any], key: bytes | None) -> None:
    """Columns that are read but not hashed must mean what the leaf means."""
    index = row["leaf_index"]
    if canonical(json.loads(row["body"])).decode() != row["body"]:
        raise FaultFound("an entry's body is not as it was written", index=index)
    if not row["actor"].startswith("resident:") and row["actor"] != row["actor_ref"]:
        raise FaultFound("an entry's actor is not the one its leaf names", index=index)
    if key is None:
        return
    if actor_reference(key, row["actor"]) != row["actor_ref"]:
        raise FaultFound("an entry's actor is not the one its leaf names", index=index)
    expected = None if row["resident"] is None else resident_reference(key, row["resident"])
    if expected != row["resident_ref"]:
        raise FaultFound("an entry's resident is not the one its leaf refers to", index=index)


def _check_nodes(session: Session, expected: Mapping[tuple[int, int], bytes]) -> None:
    stored = stored_nodes(session, expected.keys())
    for (level, index), value in expected.items():
        if stored.get((level, index)) != value:
            raise FaultFound(f"node {index} of level {level} is not what its leaves make it")


def _check_checkpoints(session: Session) -> None:
    for size, root, note in session.execute(select(CHECKPOINTS.c.size, CHECKPOINTS.c.root, CHECKPOINTS.c.note)):
        signed = Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")  # its signature has been checked already
        if (signed.size, signed.root) != (size, root):
            raise FaultFound(f"the checkpoint kept for size {size} is not the one that was signed")


def _check_nothing_besides(session: Session) -> None:
    """One statement, so that what is counted is of one moment even while others write."""
    entries = select(func.count()).select_from(ENTRIES).scalar_subquery()
    nodes = select(func.count()).select_from(NODES).scalar_subquery()
    size, entries_kept, nodes_kept = session.execute(select(HEAD.c.size, entries, nodes)).one()
    if entries_kept != size:
        raise FaultFound(f"{entries_kept} entries are kept where the head says {size}")
    if nodes_kept != size - size.bit_count():
        raise FaultFound("there are nodes that belong to no tree")
