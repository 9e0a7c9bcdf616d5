"""The registered source systems, as adapters ready to be asked. Asks none of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.database import table_of
from broker.identity.models import Organisation, Source
from broker.records.source import SourceSystem
from broker.vocabulary import OrganisationKind

MakeSystem = Callable[[Source], SourceSystem]
_SOURCE = table_of(Source).c
_CHANGED = select(func.count(_SOURCE.id), func.max(_SOURCE.added_at), func.max(_SOURCE.removed_at))


@dataclass(frozen=True)
class Registered:
    """Every source in use, by id, and the kind of organisation whose system each is.

    ``patience`` is how long a source may take, where it was given less than every source has.
    """

    systems: Mapping[str, SourceSystem]
    kinds: Mapping[str, OrganisationKind]
    patience: Mapping[str, timedelta] = field(default_factory=dict)


class SourceRegistry:
    """Builds an adapter for each registered source, again only when a registration changes."""

    def __init__(self, make: MakeSystem) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._seen: object = None
        self._registered = Registered({}, {})

    def registered(self, session: Session) -> Registered:
        changed = session.execute(_CHANGED).one()
        with self._lock:
            if tuple(changed) != self._seen:
                self._registered = self._build(session)
                self._seen = tuple(changed)
            return self._registered

    def _build(self, session: Session) -> Registered:
        rows = session.execute(
            select(Source, Organisation.kind)
            .join(Organisation, Organisation.code == Source.organisation_code)
            .where(Source.removed_at.is_(None))
            .order_by(Source.id)
        ).all()
        return Registered(
            systems={source.id: self._make(source) for source, _ in rows},
            kinds={source.id: kind for source, kind in rows},
            patience={source.id: given for source, _ in rows if (given := _patience(source)) is not None},
        )


def _patience(source: Source) -> timedelta | None:
    given = source.configuration.get("answer_within_ms")
    return None if given is None else timedelta(milliseconds=int(str(given)))
