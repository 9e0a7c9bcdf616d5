"""Opening the broker from the command line: its parts around the configured database, migrated or refused."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from broker.access.parts import Broker
from broker.app import assemble
from broker.database import open_engine, session_factory
from broker.errors import Misconfigured
from broker.migrations import pending
from broker.settings import Settings, is_loopback

OPERATOR = "operator:command-line"
DEMONSTRATION = "demonstration.json"  # in the data folder, where a demonstration made it


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[tuple[Broker, Session]]:
    """The parts, and a session that is closed afterwards. Raises Misconfigured where the database is not migrated."""
    settings = _with_demonstration(settings or Settings.from_environment())
    engine = open_engine(settings.sqlalchemy_url)
    if pending(engine):
        raise Misconfigured("the database is not up to date; run `broker db upgrade` first")
    sessions = session_factory(engine)
    with sessions() as session:
        yield assemble(settings, sessions), session
    engine.dispose()


def _with_demonstration(settings: Settings) -> Settings:
    """With the partner systems of a demonstration that runs on this data folder: on this machine, and nowhere else."""
    try:
        running = json.loads((settings.data_folder / DEMONSTRATION).read_text(encoding="utf-8"))["running"]
        os.kill(int(running["process"]), 0)  # asks whether it lives; sends nothing
        hosts = [host for host in map(str, running["hosts"]) if is_loopback(host.rpartition(":")[0].strip("[]"))]
    except (OSError, ValueError, KeyError, TypeError):
        return settings
    return replace(settings, egress_hosts=(*settings.egress_hosts, *hosts))


def now() -> datetime:
    return datetime.now(UTC)
