"""The database's shape, numbered: bring one up to date, and say what it still lacks. Never loses a row by itself.

Alembic takes half a second to import, so it is imported where it is used. ``make migration name="…"`` writes the
next numbered step from the difference between the models and the steps so far.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent
# What a step is written from: all that Alembic compares by itself, and the checks, by name.
COMPARED = ("alembic.autogenerate.*", "alembic.ext.checkconstraint_byname")


def upgrade(engine: Engine, *, to: str = "head") -> None:
    """Bring the database up to the newest step, or the one called ``to``, in one transaction. Never goes back."""
    from alembic import command

    with engine.begin() as connection:
        _wait_for_others(connection)
        command.upgrade(_config(connection), to)


def head() -> str:
    """The newest step's number, as in ``0001``."""
    from alembic.script import ScriptDirectory

    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None, "there is always a first step"
    return newest


def pending(engine: Engine) -> list[str]:
    """The steps this database has not had, oldest first; empty when it is up to date."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    steps = ScriptDirectory.from_config(_config())
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return [step.revision for step in steps.iterate_revisions("head", current or "base")][::-1]


def difference(engine: Engine) -> list[Any]:
    """What the models have and the database has not, or the other way round, as Alembic operations."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from broker.database import Base
    from broker.migrations.tables import load_models

    load_models()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "autogenerate_plugins": COMPARED})
        return list(compare_metadata(context, Base.metadata))


def write_step(name: str) -> Path:
    """Write the next numbered step: what the models have and the steps have not. A developer reads and amends it."""
    from alembic import command
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine

    so_far = ScriptDirectory.from_config(_config())
    number = f"{len(list(so_far.walk_revisions())) + 1:04}"
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        command.upgrade(_config(connection), "head")
        step = command.revision(_config(connection), message=name, autogenerate=True, rev_id=number)
    assert step is not None
    assert not isinstance(step, list)
    return Path(step.path)


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _wait_for_others(connection: Connection) -> None:
    # Two processes that start together would both make the tables; on SQLite the write lock already stops that.
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(4207849484)")
