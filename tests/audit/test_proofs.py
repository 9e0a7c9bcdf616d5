"""Every true proof verifies; no changed one does."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.audit.log import EMPTY_ROOT, leaf_hash, root_of
from broker.audit.proofs import (
    consistency_path,
    inclusion_path,
    verify_consistency,
    verify_inclusion,
)

SIZE = 70
HASHES = [leaf_hash(i.to_bytes(4)) for i in range(SIZE)]
ROOTS = [root_of(HASHES[:n]) for n in range(SIZE + 1)]


@cache
def node(level: int, index: int) -> bytes:
    start = index << level
    assert start + (1 << level) <= SIZE, "a proof may read complete subtrees only"
    return root_of(HASHES[start : start + (1 << level)])


def changed(path: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    """Every way to spoil one step: flip a bit, leave it out, repeat it, swap it; and steps too many."""
    spoiled = [(*path, bytes(32)), (bytes(32), *path), path[:-1], path[1:]]
    for i, step in enumerate(path):
        flipped = bytes([step[0] ^ 1]) + step[1:]
        spoiled += [
            (*path[:i], flipped, *path[i + 1 :]),
            (*path[:i], *path[i + 1 :]),
            (*path[:i], step, *path[i:]),
            (*path[:i], step[:-1], *path[i + 1 :]),
        ]
    spoiled += [tuple(reversed(path))]
    return [each for each in spoiled if each != path]


@pytest.mark.parametrize("size", range(1, SIZE + 1))
def test_every_leaf_is_proved_to_be_in_every_tree(size: int) -> None:
    for index in range(size):
        path = inclusion_path(node, index=index, size=size)
        assert verify_inclusion(HASHES[index], index=index, size=size, path=path, root=ROOTS[size])
        assert not verify_inclusion(HASHES[index] + b"x", index=index, size=size, path=path, root=ROOTS[size])
        assert not verify_inclusion(HASHES[index], index=index, size=size, path=path, root=ROOTS[size - 1])
        assert not verify_inclusion(HASHES[index], index=size, size=size, path=path, root=ROOTS[size])
        assert not verify_inclusion(HASHES[index], index=-1, size=size, path=path, root=ROOTS[size])
        for other in {index ^ 1, (index + 1) % size, 0, size - 1} - {index}:
            if other < size:
                assert not verify_inclusion(HASHES[index], index=other, size=size, path=path, root=ROOTS[size])
        for spoiled in changed(path):
            assert not verify_inclusion(HASHES[index], index=index, size=size, path=spoiled, root=ROOTS[size])


@pytest.mark.parametrize("new", range(SIZE + 1))
def test_every_tree_is_proved_to_begin_every_later_one(new: int) -> None:
    for old in range(new + 1):
        path = consistency_path(node, old=old, new=new)
        good = {"old": old, "new": new, "old_root": ROOTS[old], "new_root": ROOTS[new]}
        assert verify_consistency(path=path, **good)
        assert not verify_consistency(path=path, **{**good, "old_root": bytes(32)})
        if old:
            assert not verify_consistency(path=path, **{**good, "new_root": bytes(32)})
        if old < new:
            assert not verify_consistency(path=path, **{**good, "old": new, "new": old})
            for spoiled in changed(path):
                assert not verify_consistency(path=spoiled, **good), (old, new)


def test_a_tree_of_nothing_is_proved_by_nothing_and_by_its_root_alone() -> None:
    assert verify_consistency(old=0, new=5, path=(), old_root=EMPTY_ROOT, new_root=ROOTS[5])
    assert not verify_consistency(old=0, new=5, path=(bytes(32),), old_root=EMPTY_ROOT, new_root=ROOTS[5])
    assert not verify_consistency(old=0, new=5, path=(), old_root=ROOTS[1], new_root=ROOTS[5])


def test_a_proof_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_path(node, index=3, size=3)
    with pytest.raises(ValueError, match="cannot be the beginning"):
        consistency_path(node, old=4, new=3)


@settings(max_examples=200)
@given(st.integers(1, 10**12), st.data())
def test_a_proof_reads_few_nodes_however_large_the_tree(size: int, data: st.DataObject) -> None:
    read: set[tuple[int, int]] = set()

    def counted(level: int, index: int) -> bytes:
        assert (index + 1) << level <= size
        read.add((level, index))
        return bytes(32)

    inclusion_path(counted, index=data.draw(st.integers(0, size - 1)), size=size)
    assert len(read) <= 2 * size.bit_length()
    read.clear()
    consistency_path(counted, old=data.draw(st.integers(0, size)), new=size)
    assert len(read) <= 2 * size.bit_length()


def test_a_changed_leaf_breaks_the_proof_of_every_other() -> None:
    chance = random.Random(4)
    for _ in range(50):
        size = chance.randrange(2, SIZE)
        index, other = chance.sample(range(size), 2)
        forged = [*HASHES[:size]]
        forged[other] = leaf_hash(b"forged")
        path = inclusion_path(node, index=index, size=size)
        assert not verify_inclusion(HASHES[index], index=index, size=size, path=path, root=root_of(forged))
