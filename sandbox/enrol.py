"""Put the neighbourhood into a broker's database: organisations, people, residents, ties, choices, sources, clients.

All of it or none, in one transaction that ends with its entry on the trail. Writes no clinical fact, and brings no
sharing agreement: those are adopted as any agreement is.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from joserfc.jwk import ECKey
from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.event import Event
from broker.errors import Conflict
from broker.identity.models import Client, Place, Source
from broker.settings import Settings
from broker.vocabulary import AuditAction
from sandbox.neighbourhood import cast
from sandbox.neighbourhood.connections import adapter_of, configuration
from sandbox.neighbourhood.households import BLOCK
from sandbox.neighbourhood.place import Place as Neighbourhood
from sandbox.neighbourhood.rows import Rows, of_organisations, of_resident

# Whole blocks of residents, so that everybody a row refers to is in the same chunk or an earlier one.
CHUNK = 200 * BLOCK
SCOPES = "residents.find access.request records.read"
GRANT_TYPES = [
    "client_credentials",
    "authorization_code",
    "refresh_token",
    "urn:openid:params:grant-type:ciba",
]


class Trail(Protocol):
    """What is needed of ``broker.audit.trail.Trail``."""

    def append(self, session: Session, event: Event, *, now: datetime) -> int: ...


@dataclass(frozen=True)
class Enrolment:
    """What was put in: rows by table, and the folder with the partner systems' private keys."""

    residents: int
    seed: int
    rows: Mapping[str, int]
    keys: Path


def enrol(
    sessions: sessionmaker[Session],
    *,
    residents: int,
    seed: int,
    trail: Trail,
    settings: Settings,
    now: datetime,
    progress: Callable[[int], None] = lambda done: None,
    first_port: int = cast.FIRST_PORT,
    folder: Path | None = None,
    by: str = "operator:demonstration",
) -> Enrolment:
    """Enrol ``residents`` of the place ``seed`` makes. ``progress`` is told how many are in so far.

    ``first_port`` and ``folder`` say where the sandbox's partner systems serve and drop files. Raises Conflict where
    the place is enrolled already.
    """
    place = Neighbourhood(seed, residents)
    keys = settings.data_folder / "sandbox-keys"
    counts: Counter[str] = Counter()
    with sessions.begin() as session:
        if session.scalar(select(Place.code).where(Place.code == cast.PLACE_CODE)):
            raise Conflict("place-enrolled", f"{cast.PLACE_NAME} is enrolled already.")
        _quicken(session)
        _write(session, of_organisations(now), counts)
        _write(session, _sources(first_port, folder or settings.data_folder / "sandbox", now), counts)
        _write(session, _clients(keys, now), counts)
        for start in range(0, residents, CHUNK):
            _residents(session, place, range(start, min(start + CHUNK, residents)), now, counts)
            progress(min(start + CHUNK, residents))
        body = {"place": cast.PLACE_CODE, "residents": residents, "seed": f"s{seed}"}
        trail.append(session, Event(AuditAction.NEIGHBOURHOOD_LOADED, by, body=body), now=now)
    return Enrolment(residents=residents, seed=seed, rows=dict(counts), keys=keys)


def _residents(session: Session, place: Neighbourhood, indices: range, now: datetime, counts: Counter[str]) -> None:
    gathered: Rows = {}
    for index in indices:
        of_resident(place, index, now, gathered)
    _write(session, gathered, counts)


def _write(session: Session, rows: Rows, counts: Counter[str]) -> None:
    """Insert each table's rows, in the order they were first named, which is the order of their foreign keys."""
    connection = session.connection()
    for model, listed in rows.items():
        if listed:
            table: Table = model.metadata.tables[model.__tablename__]
            connection.execute(insert(table), listed)
            counts[table.name] += len(listed)


def _quicken(session: Session) -> None:
    """Give SQLite room to keep its indexes in memory while they grow: 128 MiB, for this connection."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA cache_size=-131072")


def _sources(first_port: int, folder: Path, now: datetime) -> Rows:
    return {
        Source: [
            {
                "id": source.id,
                "label": source.label,
                "kind": adapter_of(source),
                "organisation_code": source.organisation,
                "configuration": configuration(source, first_port=first_port, folder=folder),
                "added_at": now,
            }
            for source in cast.SOURCES
        ]
    }


def _clients(keys: Path, now: datetime) -> Rows:
    """The partner systems, each with a new key: the public half in the database, the private half in ``keys``."""
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        Client: [
            {
                "id": client.id,
                "organisation_code": client.organisation,
                "name": client.name,
                "role": client.role,
                "grant_types": GRANT_TYPES,
                "redirect_uris": [f"https://{client.id}.example/callback"],
                "jwks": {"keys": [_new_key(keys / f"{client.id}.json", kid=f"{client.id}-1")]},
                "scopes": SCOPES,
                "registered_at": now,
            }
            for client in cast.CLIENTS
        ]
    }


def _new_key(path: Path, *, kid: str) -> dict[str, Any]:
    """Make an ES256 key, keep it in ``path`` for its owner's eyes alone, and return its public half."""
    key = ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(key.as_dict(private=True), file)
    return dict(key.as_dict(private=False))
