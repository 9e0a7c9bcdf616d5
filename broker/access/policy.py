"""The policy in force: the published revision, loaded into this process's engine before it decides anything."""

from __future__ import annotations

import threading

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.access.engines import Bundle, PolicyEngine
from broker.agreements import bundle
from broker.agreements.models import PolicyRevision
from broker.database import table_of
from broker.errors import EngineUnavailable

_REVISION = table_of(PolicyRevision).c
_NEWEST_REVISION = select(_REVISION.revision).order_by(_REVISION.id.desc()).limit(1)  # asked at every decision


class PolicyInForce:
    """Keeps one engine at the published revision. Every decision asks first, so a change bites on the next request."""

    def __init__(self, engine: PolicyEngine) -> None:
        self.engine = engine
        self._loading = threading.Lock()
        self._loaded: str | None = None

    def revision(self, session: Session) -> str:
        """The revision in force, loaded. Raises EngineUnavailable where none is published or it cannot be loaded."""
        revision = revision_in_force(session)
        if revision is None:
            raise EngineUnavailable("no policy has been published")
        if revision != self._loaded:
            with self._loading:
                if revision != self._loaded:
                    self.engine.load(published_bundle(session))
                    self._loaded = revision
        return revision


def published_bundle(session: Session, revision: str | None = None) -> Bundle:
    """The revision in force, or the one named, whole. Raises EngineUnavailable where there is none."""
    wanted = select(PolicyRevision).order_by(PolicyRevision.id.desc()).limit(1)
    if revision is not None:
        wanted = wanted.where(PolicyRevision.revision == revision)
    published = session.scalar(wanted)
    if published is None:
        raise EngineUnavailable("no such policy has been published")
    modules, data = bundle.unpacked(published.content)
    if bundle.digest_of(modules, data) != published.digest:
        raise EngineUnavailable("what is kept of the published revision is not what was published")
    return Bundle(
        revision=published.revision,
        modules=modules,
        data={"sharing": {**data, "revision": published.revision}},
    )


def revision_in_force(session: Session) -> str | None:
    """The name of the newest published revision; None before the first."""
    revision: str | None = session.scalar(_NEWEST_REVISION)
    return revision
