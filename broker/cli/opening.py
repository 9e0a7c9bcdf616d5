"""Opening the broker from the command line: its parts around the configured database, migrated or refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from broker.access.parts import Broker
from broker.app import assemble
from broker.database import open_engine, session_factory
from broker.errors import Misconfigured
from broker.migrations import pending
from broker.settings import Settings

OPERATOR = "operator:command-line"


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[tuple[Broker, Session]]:
    """The parts, and a session that is closed afterwards. Raises Misconfigured where the database is not migrated."""
    settings = settings or Settings.from_environment()
    engine = open_engine(settings.sqlalchemy_url)
    if pending(engine):
        raise Misconfigured("the database is not up to date; run `broker db upgrade` first")
    sessions = session_factory(engine)
    with sessions() as session:
        yield assemble(settings, sessions), session
    engine.dispose()


def now() -> datetime:
    return datetime.now(UTC)
