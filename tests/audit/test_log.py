"""The tree has the roots RFC 6962 says it has, and appending never needs more than its right edge."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.audit.log import EMPTY_ROOT, Edge, edge_of, leaf_hash, node_hash, root_of

# The reference leaves and roots of the Certificate Transparency project.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def recursive_root(hashes: list[bytes]) -> bytes:
    """MTH exactly as RFC 6962 §2.1 writes it, to compare with."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(recursive_root(hashes[:split]), recursive_root(hashes[split:]))


@pytest.mark.parametrize("size", range(1, 9))
def test_the_root_is_the_reference_root(size: int) -> None:
    assert root_of(leaf_hash(leaf) for leaf in LEAVES[:size]).hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert Edge().root == EMPTY_ROOT == sha256(b"").digest()


def test_a_leaf_never_passes_for_a_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


@given(st.lists(st.binary(max_size=8), max_size=200))
def test_appending_gives_the_root_the_rfc_defines(leaves: list[bytes]) -> None:
    hashes = [leaf_hash(leaf) for leaf in leaves]
    assert root_of(hashes) == recursive_root(hashes)


@given(st.integers(0, 300))
def test_an_edge_survives_being_kept(size: int) -> None:
    edge = edge_of(leaf_hash(bytes([i % 256])) for i in range(size))
    assert Edge.unpack(edge.size, edge.packed()) == edge


def test_an_edge_that_does_not_fit_its_size_is_refused() -> None:
    kept = edge_of(leaf_hash(leaf) for leaf in LEAVES[:5]).packed()
    for size in (4, 7, -5):
        with pytest.raises(ValueError, match="does not fit"):
            Edge.unpack(size, kept)
    with pytest.raises(ValueError, match="32 bytes"):
        Edge.unpack(5, kept[:-1])


@given(st.integers(1, 300))
def test_every_completed_subtree_is_told_of_once(size: int) -> None:
    edge, seen = Edge(), {}
    for i in range(size):
        edge, nodes = edge.append(leaf_hash(i.to_bytes(2)))
        seen.update({(node.level, node.index): node.hash for node in nodes})
    assert len(seen) == size - size.bit_count()
    for (level, index), found in seen.items():
        start = index << level
        assert found == root_of(leaf_hash(i.to_bytes(2)) for i in range(start, start + (1 << level)))
