"""A trail of its own for each test, in a database file that two processes could share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.models import TABLES
from broker.audit.signed_note import Signer
from broker.audit.trail import Event, Trail
from broker.database import Base, open_engine, session_factory
from broker.vocabulary import AuditAction

KEY = b"k" * 32
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'trail.sqlite3'}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    Base.metadata.create_all(engine, tables=list(TABLES))
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    return session_factory(engine)


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=KEY)


@pytest.fixture
def signer() -> Signer:
    return Signer("broker.test/trail", b"s" * 32)


def looked(resident: str = "r1", *, organisation: str = "XX9GP1", note: str | None = "A worried call") -> Event:
    return Event(
        action=AuditAction.DECISION,
        actor="person:p1",
        organisation=organisation,
        resident=resident,
        body={"purpose": "direct-care", "sections": ["problems", "allergies"], "permitted": {"problems": ["gp"]}},
        note=note,
    )
