"""The numbered steps make exactly what the models say, triggers included, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, inspect, text

from broker import migrations
from broker.database import Base, open_engine
from broker.migrations.tables import load_models

TRIGGERS = {
    "sqlite": "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": (
        "SELECT t.tgname, t.tgrelid::regclass::text, pg_get_triggerdef(t.oid), p.prosrc "
        "FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal"
    ),
}


@pytest.fixture
def made_from_models(each_engine: Engine, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An empty database of the same kind, filled straight from the models."""
    sqlite = each_engine.dialect.name == "sqlite"
    engine = open_engine("sqlite://" if sqlite else request.getfixturevalue("empty_postgresql_url"))
    load_models()
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def triggers(engine: Engine) -> set[tuple[str, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(text(TRIGGERS[engine.dialect.name]))
        return {tuple(" ".join(str(part).split()) for part in row) for row in rows}


def checks(engine: Engine) -> set[tuple[str, str]]:
    there = inspect(engine)
    tables = set(there.get_table_names()) - {"alembic_version"}
    return {(table, str(check["name"])) for table in tables for check in there.get_check_constraints(table)}


def test_the_steps_make_what_the_models_say(each_engine: Engine) -> None:
    assert migrations.difference(each_engine) == []


def test_the_steps_make_every_trigger_the_models_make(each_engine: Engine, made_from_models: Engine) -> None:
    assert triggers(each_engine)
    assert triggers(each_engine) == triggers(made_from_models)


def test_the_steps_make_every_check_the_models_make(each_engine: Engine, made_from_models: Engine) -> None:
    assert checks(each_engine) == checks(made_from_models)


def test_the_trail_starts_with_one_empty_head(each_engine: Engine) -> None:
    with each_engine.connect() as connection:
        assert connection.execute(text("SELECT id, size FROM audit_head")).all() == [(1, 0)]


def test_a_new_database_lacks_every_step_and_a_migrated_one_none() -> None:
    engine = open_engine("sqlite://")
    assert migrations.pending(engine)[0] == "0001"
    migrations.upgrade(engine)
    assert migrations.pending(engine) == []
    assert migrations.pending(engine) == [], "asking changes nothing"
    migrations.upgrade(engine)
    assert migrations.pending(engine) == []


def test_the_steps_are_numbered_without_a_gap() -> None:
    engine = open_engine("sqlite://")
    assert migrations.pending(engine) == [f"{n:04}" for n in range(1, int(migrations.head()) + 1)]


@pytest.mark.needs("postgresql")
def test_brokers_that_start_together_migrate_once(empty_postgresql_url: str) -> None:
    engines = [open_engine(empty_postgresql_url) for _ in range(3)]
    with ThreadPoolExecutor() as together:
        for done in [together.submit(migrations.upgrade, engine) for engine in engines]:
            done.result()
    assert migrations.pending(engines[0]) == []
    for engine in engines:
        engine.dispose()
