"""What the broker is made of, put together once by ``app.create_app`` and handed to whoever needs a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from broker.access.engines.signing import BundleKeys
from broker.access.facts import Facts
from broker.access.policy import PolicyInForce
from broker.access.request import AccessRequest, Decision
from broker.access.sources import SourceRegistry
from broker.agreements.workings import Workings
from broker.audit.trail import Beside, Trail
from broker.identity.models import Source
from broker.records.hosting import HostedSource
from broker.records.resting import Resting
from broker.settings import Settings

# What is kept of a decision so that it can be made again: rows to be written with its entry on the trail.
Recorder = Callable[[AccessRequest, Facts, Decision], Sequence[Beside]]

# How a source that is kept here is opened for those whose it is.
OpenHosted = Callable[[Source], HostedSource]


@dataclass(frozen=True)
class Broker:
    """The parts of one running broker. ``clock`` gives the present UTC instant."""

    settings: Settings
    sessions: sessionmaker[Session]
    trail: Trail
    policy: PolicyInForce
    signing: BundleKeys
    workings: Workings
    sources: SourceRegistry
    recorder: Recorder
    hosted: OpenHosted
    clock: Callable[[], datetime]
    resting: Resting = field(default_factory=Resting)  # sources that keep failing
