"""Sign and keep checkpoints of the trail. Never signs one that the last does not lead to."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.log import Edge
from broker.audit.models import AuditCheckpoint
from broker.audit.proofs import consistency_path, verify_consistency
from broker.audit.signed_note import Checkpoint, Signer
from broker.audit.trail import edge_now, locked_edge
from broker.audit.tree import nodes_at
from broker.errors import TrailUnavailable
from broker.settings import Settings


def trail_signer(settings: Settings) -> Signer:
    """The broker's own signer. Its name, the log's origin, comes from its key: a broker that moves keeps both."""
    seed = settings.secret("trail-signing")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return Signer(f"neighbourhood-broker/trail/{hashlib.sha256(public).hexdigest()[:16]}", seed)


def latest(session: Session) -> AuditCheckpoint | None:
    return session.scalar(select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1))


def checkpoint_if_due(
    sessions: sessionmaker[Session], signer: Signer, *, every: timedelta, now: datetime
) -> Checkpoint | None:
    """Sign and keep a checkpoint where the trail has grown and the last is at least ``every`` old.

    In a transaction of its own; None where nothing is due. Raises TrailUnavailable where the database fails, or
    where the tree no longer continues the last checkpoint: the broker does not sign a history that was changed.
    """
    try:
        with sessions() as session:
            if not _due(latest(session), edge_now(session), every=every, now=now):
                return None
        with sessions.begin() as session:
            # Locked: of two processes that find it due, the second then sees the first's checkpoint.
            edge, last = locked_edge(session.connection()), latest(session)
            return _sign(session, signer, edge, last, now=now) if _due(last, edge, every=every, now=now) else None
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise TrailUnavailable("a checkpoint cannot be made") from error


def _due(last: AuditCheckpoint | None, edge: Edge, *, every: timedelta, now: datetime) -> bool:
    if last is None:
        return edge.size > 0
    return edge.size != last.size and now - last.at >= every


def _sign(session: Session, signer: Signer, edge: Edge, last: AuditCheckpoint | None, *, now: datetime) -> Checkpoint:
    if last is not None and not _continues(session, last, edge):
        raise TrailUnavailable(f"the trail does not continue its checkpoint of size {last.size}; it will not be signed")
    made = Checkpoint(signer.name, edge.size, edge.root)
    session.add(AuditCheckpoint(size=made.size, root=made.root, note=signer.sign(made.text), at=now))
    return made


def _continues(session: Session, last: AuditCheckpoint, edge: Edge) -> bool:
    if edge.size < last.size:
        return False
    path = nodes_at(session, lambda node: consistency_path(node, old=last.size, new=edge.size))
    return verify_consistency(old=last.size, new=edge.size, path=path, old_root=last.root, new_root=edge.root)
