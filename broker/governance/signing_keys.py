"""Change the key that signs the policy bundle, without a moment in which an engine accepts nothing.

A key is announced, then signs, then is only accepted, then is retired. Each step is on the trail. Shows no secret.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.access.engines.bundle_file import bundle_files
from broker.access.parts import Broker
from broker.access.policy import revision_in_force, signed_bundle
from broker.agreements.models import PolicyRevision
from broker.audit.trail import Event
from broker.errors import Conflict
from broker.vocabulary import AuditAction


def announce(broker: Broker, session: Session, *, by: str, now: datetime) -> str:
    """Make the next key, and return its ``kid``: accepted from now on, and signing nothing yet. Commits."""
    kid = broker.signing.keyring.announce().kid
    _entry(broker, session, by=by, now=now, act="key-announced", key=kid)
    return kid


def rotate(broker: Broker, session: Session, *, by: str, now: datetime) -> tuple[str, str | None]:
    """Sign with the announced key, and sign the revision in force again. Commits.

    Returns the key's ``kid`` and the revision, None before the first. Raises Conflict where no key is announced,
    EngineUnclear, and changes no key, where the revision in force is not what was signed.
    """
    revision = revision_in_force(session)
    signed = None if revision is None else signed_bundle(session, revision, keys=broker.signing)
    kid = broker.signing.keyring.rotate().kid
    if signed is not None:
        row = session.scalars(select(PolicyRevision).where(PolicyRevision.revision == signed.bundle.revision)).one()
        row.signatures = broker.signing.sign(bundle_files(signed.bundle))
    _entry(broker, session, by=by, now=now, act="key-rotated", key=kid, revision=revision or "")
    return kid, revision


def retire(broker: Broker, session: Session, kid: str, *, by: str, now: datetime) -> None:
    """Accept a key no more. Commits. Raises NotFound, and Conflict while it signs or what is in force needs it."""
    revision = revision_in_force(session)
    if revision is not None:
        signatures = select(PolicyRevision.signatures).where(PolicyRevision.revision == revision)
        if broker.signing.signed_by(session.scalars(signatures).one()) == kid:
            raise Conflict("key-in-use", "The revision in force is signed with this key. Publish or rotate first.")
    broker.signing.keyring.retire(kid)
    _entry(broker, session, by=by, now=now, act="key-retired", key=kid)


def _entry(broker: Broker, session: Session, *, by: str, now: datetime, **body: str) -> None:
    broker.trail.append(session, Event(action=AuditAction.KEYS_CHANGED, actor=by, body=body), now=now)
    session.commit()
