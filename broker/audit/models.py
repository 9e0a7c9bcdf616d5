"""The tables of the trail. An entry is written once: the database itself refuses to change or delete one.

``audit_head`` is the single row every writer locks first, so that two processes never take the same index.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DDL, BigInteger, CheckConstraint, Index, LargeBinary, String, Table, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from broker.audit.immutable import POSTGRESQL_DDL, SQLITE_DDL
from broker.database import Base, Code, Instant
from broker.vocabulary import AuditAction


class AuditEntry(Base):
    """One act. ``actor_ref``, ``resident_ref`` and the rest are what the leaf commits to; ``resident`` is for reading.

    ``body`` is canonical JSON. ``note`` is free text, committed to by its salted hash and kept out of the leaf.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_resident", "resident", "leaf_index"),
        Index("ix_audit_entry_organisation", "organisation", "leaf_index"),
        CheckConstraint("(note IS NULL) = (note_salt IS NULL)", name="note_is_salted"),
        CheckConstraint("(note IS NULL) = (note_commitment IS NULL)", name="note_is_committed"),
        CheckConstraint("(resident IS NULL) = (resident_ref IS NULL)", name="resident_is_referred_to"),
    )

    index: Mapped[int] = mapped_column("leaf_index", BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    at: Mapped[datetime] = mapped_column(Instant)
    action: Mapped[AuditAction] = mapped_column(Code(AuditAction))
    actor: Mapped[str] = mapped_column(String(120))
    actor_ref: Mapped[str] = mapped_column(String(120))
    organisation: Mapped[str | None] = mapped_column(String(20))
    resident: Mapped[str | None] = mapped_column(String(32))
    resident_ref: Mapped[str | None] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    note_salt: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    note_commitment: Mapped[str | None] = mapped_column(String(64))
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class AuditNode(Base):
    """A perfect subtree's hash, written once when it is complete, so that a proof reads O(log n) rows.

    Level 0 is ``AuditEntry.leaf_hash`` and is not repeated here.
    """

    __tablename__ = "audit_node"

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column("node_index", BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class AuditHead(Base):
    """The size of the tree and its right edge: one row, locked by every writer."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)
    edge: Mapped[bytes] = mapped_column(LargeBinary)


class AuditCheckpoint(Base):
    """A signed statement of the tree's root at a size (C2SP tlog-checkpoint), as published."""

    __tablename__ = "audit_checkpoint"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)


ENTRIES: Table = Base.metadata.tables["audit_entry"]
NODES: Table = Base.metadata.tables["audit_node"]
HEAD: Table = Base.metadata.tables["audit_head"]
CHECKPOINTS: Table = Base.metadata.tables["audit_checkpoint"]
TABLES = (ENTRIES, NODES, HEAD, CHECKPOINTS)


def _made_with_their_tables() -> None:
    # DDL() fills in percent signs, so any in the text are doubled.
    for dialect, statements in (("sqlite", SQLITE_DDL), ("postgresql", POSTGRESQL_DDL)):
        for table_name, texts in statements.items():
            for text in texts:
                ddl = DDL(text.replace("%", "%%")).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]
                event.listen(Base.metadata.tables[table_name], "after_create", ddl)


_made_with_their_tables()
