"""The policy in force: the published revision, loaded into this process's engine before it decides anything."""

from __future__ import annotations

import threading

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.access.engines import Bundle, PolicyEngine
from broker.agreements import bundle
from broker.agreements.actions import revision_in_force
from broker.agreements.models import PolicyRevision
from broker.errors import EngineUnavailable


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


def published_bundle(session: Session) -> Bundle:
    """The revision in force, whole. Raises EngineUnavailable where there is none, or the rules on disk differ."""
    published = session.scalar(select(PolicyRevision).order_by(PolicyRevision.id.desc()).limit(1))
    if published is None:
        raise EngineUnavailable("no policy has been published")
    modules = bundle.load_modules()
    # The revision names the rules' text too: rules that changed on disk since are not the ones approved.
    if bundle.digest_of(modules, published.data) != published.digest:
        raise EngineUnavailable("the rules on disk are not those of the published revision; publish again")
    data = {"sharing": {**published.data, "revision": published.revision}}
    return Bundle(revision=published.revision, modules=modules, data=data)
