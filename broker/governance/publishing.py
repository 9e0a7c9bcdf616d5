"""Make the rules and agreements as they now stand the revision in force, whole, or put an older revision back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from broker.access.parts import Broker
from broker.agreements import actions, bundle
from broker.agreements.models import PolicyRevision
from broker.audit.trail import Event
from broker.vocabulary import AuditAction


def publish(broker: Broker, session: Session, *, by: str, now: datetime) -> PolicyRevision:
    """Make what now stands the revision in force. Commits.

    Call it in the transaction of every change to an agreement: an engine that still holds the older revision refuses.
    """
    session.flush()
    rows = actions.every(session)
    modules = bundle.modules_for(rows)
    data = bundle.build_data(rows)
    revision = bundle.revision_of(now, modules, data)
    published = PolicyRevision(
        revision=revision,
        digest=revision.rpartition("/")[2],
        content=bundle.packed(modules, data),
        signatures="",
        restores=None,
        published_by=by,
        published_at=now,
    )
    session.add(published)
    event = Event(
        action=AuditAction.POLICY_PUBLISHED,
        actor=by,
        body={"revision": revision, "agreements": len(data["agreements"])},
    )
    broker.trail.append(session, event, now=now)
    session.commit()
    return published
