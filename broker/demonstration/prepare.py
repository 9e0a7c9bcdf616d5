"""Make a demonstration's data, once: a migrated database, a neighbourhood, its agreements, its connected sources."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker import migrations
from broker.access.parts import Broker
from broker.access.policy import published_bundle
from broker.agreements import actions as agreements
from broker.agreements.bundle import modules_for
from broker.agreements.document import Written, read_written, with_changes
from broker.app import assemble, utc_now
from broker.audit.trail import Event
from broker.cli.db import prepare_folder
from broker.cli.opening import DEMONSTRATION as FILE
from broker.database import open_engine, session_factory
from broker.demonstration.processes import ROOT, Partners
from broker.errors import EngineUnavailable, Misconfigured
from broker.governance import changes
from broker.governance.publishing import publish
from broker.identity.models import Resident, Source
from broker.settings import Settings
from broker.vocabulary import AuditAction

BY = "operator:demonstration"
# A change that its parties have yet to weigh, proposed by somebody who is no party and so signs for none.
PROPOSED, PROPOSED_BY = "MG-ADVICE", "person:roland-esk"
Progress = Callable[[str, int, int], None]  # what is being made, how many so far, of how many


@dataclass(frozen=True)
class Choice:
    """What a data folder was made with. A demonstration is made once, and then kept."""

    residents: int
    seed: int


def remembered(settings: Settings) -> Choice | None:
    """What this data folder was made with; None where it is new."""
    path = settings.data_folder / FILE
    kept = json.loads(path.read_text()) if path.exists() else None
    return kept and Choice(residents=kept["residents"], seed=kept["seed"])


@contextmanager
def found_by_commands(settings: Settings, choice: Choice, partners: Partners) -> Iterator[None]:
    """Leave beside the data where the partner systems are, so that commands may ask them, while this process lives."""
    path = settings.data_folder / FILE
    running = {"hosts": partners.hosts, "process": os.getpid()}
    path.write_text(json.dumps({**asdict(choice), "running": running}))
    try:
        yield
    finally:
        path.write_text(json.dumps(asdict(choice)))


def prepare(settings: Settings, choice: Choice, *, progress: Progress) -> Broker:
    """Migrate, enrol and agree, each only where it has not been done. Returns the parts, ready to use."""
    prepare_folder(settings)
    engine = open_engine(settings.sqlalchemy_url)
    migrations.upgrade(engine)
    broker = assemble(settings, session_factory(engine))
    with broker.sessions() as session:
        if session.scalar(select(Resident.id).limit(1)) is None:
            _enrol(broker, choice, progress=progress)
        elif remembered(settings) is None:
            raise Misconfigured(
                f"{settings.data_folder} holds a broker that is not a demonstration; choose another folder"
            )
    with broker.sessions() as session:
        _agree(broker, session, now=utc_now())
    return broker


def connect(broker: Broker, partners: Partners, *, now: datetime) -> None:
    """Tell the broker where the partner systems are this time."""
    with broker.sessions() as session:
        moved = []
        for source in session.scalars(select(Source).where(Source.removed_at.is_(None))):
            configuration = {**source.configuration, **_where(source, partners)}
            if configuration != source.configuration:
                source.configuration, source.added_at = configuration, now
                moved.append(source.id)
        if moved:
            event = Event(action=AuditAction.SOURCE_CHANGED, actor=BY, body={"sources": sorted(moved), "act": "moved"})
            session.flush()
            broker.trail.append(session, event, now=now)
            session.commit()


def _where(source: Source, partners: Partners) -> dict[str, Any]:
    if source.id in partners.urls:
        return {"base_url": partners.urls[source.id]}
    if source.id in partners.files:
        return {"folder" if source.kind == "cld-csv" else "path": partners.files[source.id]}
    return {}


def _enrol(broker: Broker, choice: Choice, *, progress: Progress) -> None:
    from sandbox.enrol import enrol

    # First, so that a folder half made is known for what it is, and is made again.
    (broker.settings.data_folder / FILE).write_text(json.dumps(asdict(choice)))
    enrol(
        broker.sessions,
        residents=choice.residents,
        seed=choice.seed,
        trail=broker.trail,
        settings=broker.settings,
        now=utc_now(),
        progress=lambda made: progress("Enrolling residents", made, choice.residents),
    )


def _agree(broker: Broker, session: Session, *, now: datetime) -> None:
    known = {agreement.id for agreement in agreements.every(session)}
    missing = [sample for sample in _sample_agreements() if sample.document.id not in known]
    for sample in missing:
        agreements.adopt(session, sample, by=BY, trail=broker.trail, now=now)
    try:
        standing = published_bundle(session)
        in_force = standing.modules == modules_for(agreements.every(session))
    except EngineUnavailable:  # none yet
        in_force = False
    if missing or not in_force:
        publish(broker, session, by=BY, now=now)
    if missing:
        _propose(broker, session, now=now)


def _propose(broker: Broker, session: Session, *, now: datetime) -> None:
    """Put a change to one agreement before its parties, so that an IG lead finds something to weigh."""
    present = agreements.called(session, PROPOSED)
    kept = [line["section"] for line in present.document["sections"]]
    text = with_changes(
        present.text,
        {"roles": ["case-worker", "link-worker"], "labels": ["domestic-abuse"]},
        without=[f"sections[{kept.index('personal-contacts')}]"],
    )
    version = agreements.draft(session, read_written(text), author=PROPOSED_BY, trail=broker.trail, now=now)
    changes.submit(broker, session, version, by=PROPOSED_BY, now=now)


def _sample_agreements() -> list[Written]:
    """The sample agreements, each after the one it is under."""
    folder: Path = ROOT / "policies" / "agreements"
    texts = [read_written(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yaml"))]
    under = {each.document.id: each.document.under for each in texts}

    def depth(id: str | None) -> int:
        return 0 if id is None else 1 + depth(under[id])

    return sorted(texts, key=lambda each: (depth(each.document.id), each.document.id))
