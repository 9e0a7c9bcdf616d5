"""Ordinary SQL can neither change nor delete what is on the trail, whichever database keeps it."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from broker.audit.models import TABLES
from broker.audit.trail import Trail
from broker.database import Base, open_engine, session_factory
from tests.audit.conftest import KEY, NOW, looked

FORBIDDEN = [
    "UPDATE audit_entry SET organisation = 'XX9GP2' WHERE leaf_index = 0",
    "UPDATE audit_entry SET note = 'gone', note_salt = note_salt WHERE leaf_index = 0",
    "DELETE FROM audit_entry WHERE leaf_index = 0",
    "DELETE FROM audit_entry",
    "UPDATE audit_node SET hash = hash WHERE level = 1",
    "DELETE FROM audit_node",
    "UPDATE audit_head SET size = 0",
    "UPDATE audit_head SET size = size - 1",
    "DELETE FROM audit_head",
    "INSERT INTO audit_head (id, size, edge) VALUES (2, 0, '')",
]
SQLITE_ONLY = [
    "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry WHERE leaf_index = 0",
    "INSERT OR REPLACE INTO audit_node SELECT * FROM audit_node WHERE level = 1",
    "REPLACE INTO audit_head (id, size, edge) VALUES (1, 0, X'')",
]
POSTGRESQL_ONLY = ["TRUNCATE audit_entry", "TRUNCATE audit_node", "TRUNCATE audit_head", "TRUNCATE audit_checkpoint"]


def assert_write_once(engine: Engine, statements: list[str]) -> None:
    sessions = session_factory(engine)
    trail = Trail(sessions, key=KEY)
    for _ in range(4):
        trail.record(looked(), now=NOW)
    for statement in statements:
        with pytest.raises(DBAPIError, match=r"write-once|one_row"), engine.begin() as connection:
            connection.execute(text(statement))
    with sessions() as session:
        assert [entry.index for entry in trail.entries(session)] == [3, 2, 1, 0]
    assert trail.record(looked(), now=NOW) == 4


def test_the_trail_is_write_once_on_sqlite(engine: Engine) -> None:
    assert_write_once(engine, FORBIDDEN + SQLITE_ONLY)


@pytest.mark.needs("postgresql")
def test_the_trail_is_write_once_on_postgresql(empty_postgresql_url: str) -> None:
    engine = open_engine(empty_postgresql_url)
    try:
        Base.metadata.create_all(engine, tables=list(TABLES))
        assert_write_once(engine, FORBIDDEN + POSTGRESQL_ONLY)
    finally:
        engine.dispose()


def test_making_the_tables_again_changes_nothing(engine: Engine) -> None:
    Base.metadata.create_all(engine, tables=list(TABLES))
    assert {"audit_entry", "audit_node", "audit_head", "audit_checkpoint"} <= set(inspect(engine).get_table_names())
