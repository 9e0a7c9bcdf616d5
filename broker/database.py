"""The database: one Base, one way to open an engine, and column types that check themselves.

SQLite (WAL, foreign keys on, ``synchronous=FULL`` so that a committed trail entry survives a power cut) and
PostgreSQL. Holds no model of its own and no clinical record.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import nhs_number
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy import Dialect, Engine, MetaData, String, Table, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from broker.errors import InvalidInput

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


def table_of(model: type[Base]) -> Table:
    """A model's table. A statement on tables, made once, takes a fifth of the time of one on models made each time."""
    return Base.metadata.tables[model.__tablename__]


def new_id() -> str:
    """A random identifier: opaque, 32 hexadecimal digits, safe in a URL."""
    return uuid.uuid4().hex


def valid_nhs_number(text: str) -> str:
    """The 10 digits of an NHS number, spaces and hyphens removed. Raises InvalidInput unless its check digit holds."""
    digits = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"[0-9]{10}", digits):
        raise InvalidInput("nhs-number-malformed", "An NHS number has 10 digits.", field="nhs_number")
    if not nhs_number.is_valid(digits):
        raise InvalidInput(
            "nhs-number-invalid", "This is not a valid NHS number: its check digit is wrong.", field="nhs_number"
        )
    return digits


# ODS codes are upper-case letters and digits; charities without one use their org-id.guide identifier.
_ORGANISATION_CODE = re.compile(r"[A-Z0-9]{3,10}|GB-(CHC|COH)-[A-Z0-9]{6,8}")


def valid_organisation_code(text: str) -> str:
    """An ODS code or a ``GB-CHC-``/``GB-COH-`` identifier. Raises InvalidInput otherwise."""
    if not _ORGANISATION_CODE.fullmatch(text):
        raise InvalidInput(
            "organisation-code-malformed",
            "An organisation is named by its ODS code or a charity or company number (GB-CHC-… or GB-COH-…).",
            field="organisation",
        )
    return text


class NHSNumber(TypeDecorator[str]):
    """Ten digits with a valid check digit."""

    impl = String(10)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else valid_nhs_number(value)


class OrganisationCode(TypeDecorator[str]):
    """An ODS code, or a charity or company identifier."""

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else valid_organisation_code(value)


class Instant(TypeDecorator[datetime]):
    """A UTC instant. Refuses a datetime that does not say its zone."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must say its zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


E = TypeVar("E", bound=StrEnum)


class Code(TypeDecorator[E]):
    """A member of one vocabulary, kept as its code."""

    impl = String(60)
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        return None if value is None else str(self.kind(value).value)

    def process_result_value(self, value: Any, dialect: Dialect) -> E | None:
        return None if value is None else self.kind(value)


class Codes(TypeDecorator[frozenset[E]]):
    """A set of members of one vocabulary, kept as sorted, comma-separated codes. Empty and absent stay different."""

    impl = String(2000)
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: frozenset[E] | None, dialect: Dialect) -> str | None:
        return None if value is None else ",".join(sorted(self.kind(v).value for v in value))

    def process_result_value(self, value: Any, dialect: Dialect) -> frozenset[E] | None:
        if value is None:
            return None
        return frozenset(self.kind(code) for code in value.split(",") if code)


# WAL lets readers go on while one writes; FULL means that a committed entry survives a power cut.
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=5000",
)


def configure_sqlite(connection: Any, _record: Any = None) -> None:
    """Tell a new SQLite connection what ``SQLITE_PRAGMAS`` says. Listens for an engine's ``connect``."""
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def engine_options(url: str) -> dict[str, Any]:
    """How an engine for ``url`` is opened, beside the URL itself."""
    if not url.startswith("sqlite"):
        return {"hide_parameters": True, "pool_pre_ping": True, "pool_size": 20}
    if url == "sqlite://":
        return {"hide_parameters": True, "connect_args": {"check_same_thread": False}}
    shared = {"check_same_thread": False}
    return {"hide_parameters": True, "connect_args": shared, "pool_size": 20, "max_overflow": 20}


def open_engine(url: str) -> Engine:
    """An engine for ``url``, with SQLite told what ``SQLITE_PRAGMAS`` says."""
    engine = create_engine(url, **engine_options(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", configure_sqlite)
    return engine


def engine_of(session: Session) -> Engine:
    """The engine that a session's connections come from."""
    return session.get_bind().engine


def hasty(engine: Engine) -> Engine:
    """The same database, for what need only be kept where something else is: its commits do not wait for the disk.

    An ordinary commit takes everything that was committed before it to the disk as well, on SQLite and PostgreSQL
    alike. So what is used up hastily is there whenever the answer that it was used for is, even after a power cut.
    """
    if engine.url.database in (None, "", ":memory:"):
        return engine
    if engine not in _HASTY:
        _HASTY[engine] = _open_hasty(engine)
    return _HASTY[engine]


_HASTY: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()


def _open_hasty(engine: Engine) -> Engine:
    options = engine_options(engine.url.drivername)
    if engine.dialect.name != "sqlite":
        return create_engine(
            engine.url, **{**options, "pool_size": 5, "connect_args": {"options": "-c synchronous_commit=off"}}
        )
    made = create_engine(engine.url, **options)
    event.listen(made, "connect", configure_sqlite)
    event.listen(made, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL"))
    return made


def session_factory(engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(engine, expire_on_commit=False)
