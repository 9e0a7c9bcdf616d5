"""Inclusion and consistency proofs of RFC 6962 §2.1, and how anyone checks them.

Pure. Building reads perfect subtrees through ``NodeAt``; verifying needs nothing but the proof and the roots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from broker.audit.log import EMPTY_ROOT, node_hash

NodeAt = Callable[[int, int], bytes]
"""The hash of the ``index``-th perfect subtree of ``2 ** level`` leaves; level 0 is the leaf hashes."""


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That the leaf with ``leaf_hash`` is at ``index`` of ``size`` leaves. ``path`` goes from leaf to root."""

    index: int
    size: int
    leaf_hash: bytes
    path: tuple[bytes, ...]

    def holds(self, root: bytes) -> bool:
        return verify_inclusion(self.leaf_hash, index=self.index, size=self.size, path=self.path, root=root)


def range_root(node: NodeAt, start: int, size: int) -> bytes:
    """MTH of the ``size`` leaves from ``start``, which must be where a subtree of RFC 6962 begins."""
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    left = _split(size)
    return node_hash(range_root(node, start, left), range_root(node, start + left, size - left))


def inclusion_path(node: NodeAt, *, index: int, size: int) -> tuple[bytes, ...]:
    """PATH(index, D[size]) of RFC 6962 §2.1.1. Raises ValueError for an index outside the tree."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path, start = [], 0
    while size > 1:
        left = _split(size)
        if index - start < left:
            path.append(range_root(node, start + left, size - left))
            size = left
        else:
            path.append(range_root(node, start, left))
            start, size = start + left, size - left
    return tuple(reversed(path))


def consistency_path(node: NodeAt, *, old: int, new: int) -> tuple[bytes, ...]:
    """PROOF(old, D[new]) of RFC 6962 §2.1.2; empty where ``old`` is 0 or equal to ``new``."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} cannot be the beginning of one of {new}")
    if old in (0, new):
        return ()
    path, start, whole = [], 0, True  # whole: the old tree's root is still what is being described
    while old != new:
        left = _split(new)
        if old <= left:
            path.append(range_root(node, start + left, new - left))
            new = left
        else:
            path.append(range_root(node, start, left))
            start, old, new, whole = start + left, old - left, new - left, False
    if not whole:
        path.append(range_root(node, start, new))
    return tuple(reversed(path))


def verify_inclusion(leaf_hash: bytes, *, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 §2.1.3.2. False for anything that does not hold; never raises."""
    if not 0 <= index < size:
        return False
    position, last, found = index, size - 1, leaf_hash
    for each in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            found = node_hash(each, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, each)
        position, last = position >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(*, old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162 §2.1.4.2. False for anything that does not hold; never raises."""
    if not 0 <= old <= new:
        return False
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    if old == new:
        return not path and old_root == new_root
    if not path:
        return False
    # Where the old tree is perfect its root is the first step, and RFC 6962 leaves it out of the path.
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    first = second = steps[0]
    for each in steps[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            first, second = node_hash(each, first), node_hash(each, second)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            second = node_hash(second, each)
        position, last = position >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    left: int = 1 << ((size - 1).bit_length() - 1)
    return left
