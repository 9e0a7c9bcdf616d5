"""The numbered steps make exactly what the models say, triggers included, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.orm import Session

from broker import migrations
from broker.database import Base, open_engine
from broker.identity.models import Client, Membership, SignedInSession
from broker.migrations.tables import load_models
from broker.proxies.models import Proxy

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


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def database_of_before(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database as step 0002 left it, with a client, a worker who is signed in, and two proxies for one resident."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'old.sqlite3'}" if sqlite else request.getfixturevalue("empty_postgresql_url")
    engine = open_engine(url)
    migrations.upgrade(engine, to="0002")
    with engine.begin() as connection:
        for statement in HELD:
            connection.execute(text(statement))
    yield engine
    engine.dispose()


HELD = (
    "INSERT INTO place VALUES ('P', 'Place', 'ICB')",
    "INSERT INTO neighbourhood VALUES ('N', 'North', 'P')",
    "INSERT INTO organisation (code, name, kind, service, joined_at) VALUES "
    "('GB-CHC-9900001', 'Charity', 'vcfse', '', '2020-01-01 00:00:00')",
    "INSERT INTO person (id, name) VALUES ('p', 'Somebody')",
    "INSERT INTO membership (id, person_id, organisation_code, role, started_at) VALUES "
    "('m', 'p', 'GB-CHC-9900001', 'case-worker', '2020-01-01 00:00:00')",
    "INSERT INTO client (id, organisation_code, name, role, jwks, scopes, registered_at) VALUES "
    "('c', 'GB-CHC-9900001', 'System', 'case-worker', '{\"keys\": []}', 'records.read', '2020-01-01 00:00:00')",
    "INSERT INTO signed_in_session (digest, person_id, organisation_code, role, assurance, started_at, used_at) VALUES "
    "('d', 'p', 'GB-CHC-9900001', 'case-worker', 3, '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
    *(
        "INSERT INTO resident (id, born_on, given_name, family_name, neighbourhood_code) VALUES "
        f"('{name}', '1980-01-01', 'A', 'B', 'N')"
        for name in ("r", "s")
    ),
    *(
        "INSERT INTO proxy (id, resident_id, proxy_resident_id, legal_basis, from_at) VALUES "
        f"('{name}', 'r', 's', 'consent', '202{year}-01-01 00:00:00')"
        for name, year in (("older", 4), ("newer", 5))
    ),
)


def test_a_database_of_before_keeps_what_it_holds_and_signs_everybody_in_again(database_of_before: Engine) -> None:
    """Step 0003 adds to tables that hold rows already."""
    migrations.upgrade(database_of_before)
    assert migrations.difference(database_of_before) == []
    with Session(database_of_before) as session:
        client = session.scalars(select(Client)).one()
        assert (client.profile, client.grant_types, client.redirect_uris) == ("fapi2", ["client_credentials"], [])
        assert (client.signs_requests, client.resource_server) == (False, False)
        membership = session.scalars(select(Membership)).one()
        assert membership.used_at is not None
        assert datetime.now(UTC) - membership.used_at < timedelta(minutes=5), "nobody lapses by an upgrade"
        assert session.scalars(select(SignedInSession)).all() == []
        states = {each.id: each.state.value for each in session.scalars(select(Proxy))}
        assert states == {"older": "inactive", "newer": "proposed"}
