"""Read the stored tree: just the nodes a proof needs, O(log n) of them in two queries. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from broker.audit.log import HASH_BYTES
from broker.audit.models import AuditEntry, AuditNode
from broker.audit.proofs import NodeAt
from broker.errors import TrailUnavailable

T = TypeVar("T")


def nodes_at(session: Session, compute: Callable[[NodeAt], T]) -> T:
    """``compute`` with the stored nodes. It runs twice: once to learn which nodes it reads, once with them read."""
    wanted: set[tuple[int, int]] = set()

    def note(level: int, index: int) -> bytes:
        wanted.add((level, index))
        return bytes(HASH_BYTES)

    compute(note)
    stored = stored_nodes(session, wanted)
    if missing := wanted - stored.keys():
        raise TrailUnavailable(f"the trail lacks nodes of its tree: {sorted(missing)[:3]}")
    return compute(lambda level, index: stored[level, index])


def stored_nodes(session: Session, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """The hashes kept at these (level, index); those not kept are left out."""
    leaves = select(AuditEntry.index, AuditEntry.leaf_hash).where(
        AuditEntry.index.in_([index for level, index in wanted if level == 0])
    )
    nodes = select(AuditNode.level, AuditNode.index, AuditNode.hash).where(
        tuple_(AuditNode.level, AuditNode.index).in_([at for at in wanted if at[0] > 0])
    )
    found = {(0, index): value for index, value in session.execute(leaves)}
    found.update({(level, index): value for level, index, value in session.execute(nodes)})
    return found
