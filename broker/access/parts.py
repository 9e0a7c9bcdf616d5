"""What the broker is made of, put together once by ``app.create_app`` and handed to whoever needs a part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from broker.access.policy import PolicyInForce
from broker.access.sources import SourceRegistry
from broker.audit.trail import Trail
from broker.settings import Settings


@dataclass(frozen=True)
class Broker:
    """The parts of one running broker. ``clock`` gives the present UTC instant."""

    settings: Settings
    sessions: sessionmaker[Session]
    trail: Trail
    policy: PolicyInForce
    sources: SourceRegistry
    clock: Callable[[], datetime]
