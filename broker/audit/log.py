"""The Merkle tree of RFC 6962 §2.1: hashes of leaves and nodes, the root, and appending in O(log n).

Pure: bytes in, bytes out. Stores nothing and knows nothing of what a leaf says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """The 0x00 keeps a leaf from ever passing for a node (second-preimage resistance, RFC 6962 §2.1)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Node:
    """The hash of one perfect subtree: ``2 ** level`` leaves, the ``index``-th such from the left."""

    level: int
    index: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tree of ``size`` leaves: the roots of its perfect subtrees, largest first.

    All that appending needs, and enough for the root: one hash for each bit set in ``size``.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError("the edge does not fit the size of its tree")
        if any(len(each) != HASH_BYTES for each in self.hashes):
            raise ValueError("a hash in the edge is not 32 bytes")

    def append(self, leaf: bytes) -> tuple[Edge, tuple[Node, ...]]:
        """The edge with one more leaf, given by its hash, and the perfect subtrees it completed, smallest first."""
        hashes, completed, carry, level = list(self.hashes), [], leaf, 0
        while self.size >> level & 1:
            carry = node_hash(hashes.pop(), carry)
            level += 1
            completed.append(Node(level, self.size >> level, carry))
        return Edge(self.size + 1, (*hashes, carry)), tuple(completed)

    @property
    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        *larger, root = self.hashes
        for left in reversed(larger):
            root = node_hash(left, root)
        return root

    def packed(self) -> bytes:
        return b"".join(self.hashes)

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Edge:
        """Raises ValueError where ``packed`` is not the edge of a tree of ``size``."""
        return cls(size, tuple(packed[i : i + HASH_BYTES] for i in range(0, len(packed), HASH_BYTES)))


def edge_of(leaf_hashes: Iterable[bytes]) -> Edge:
    edge = Edge()
    for each in leaf_hashes:
        edge, _ = edge.append(each)
    return edge


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The tree head of these leaf hashes: MTH of RFC 6962 §2.1."""
    return edge_of(leaf_hashes).root
