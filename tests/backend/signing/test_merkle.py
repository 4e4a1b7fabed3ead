"""Merkle trees.

verify
├── given another leaf, root or a shortened proof: it should be false
├── given an inner node in a leaf's place: it should be false for data (leaves are hashed twice)
└── for every leaf of any tree: it should be true with its own proof
proof
└── given no such leaf: it should raise IndexError
root
├── given no leaves: it should be zero
└── given one leaf: it should be that leaf
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.units import ZERO_HASH, Hash32, keccak
from backend.signing.merkle import MerkleTree, leaf_of, verify

leaves = st.lists(st.binary(min_size=1, max_size=40).map(leaf_of), min_size=1, max_size=40, unique=True)


class TestVerify:
    @given(leaves=leaves, stranger=st.binary(min_size=41, max_size=50).map(leaf_of))
    def test_given_another_leaf_is_false(self, leaves: list[Hash32], stranger: Hash32) -> None:
        tree = MerkleTree(leaves)
        assert not any(verify(tree.root, stranger, tree.proof(i)) for i in range(len(leaves)))

    @given(leaves=leaves.filter(lambda items: len(items) > 1))
    def test_given_a_shortened_proof_is_false(self, leaves: list[Hash32]) -> None:
        tree = MerkleTree(leaves)
        assert not verify(tree.root, leaves[0], tree.proof(0)[:-1])

    def test_given_an_inner_node_as_data_is_false(self) -> None:
        one, other, third = (leaf_of(bytes([n])) for n in range(3))
        tree = MerkleTree([one, other, third])
        low, high = sorted([one, other])
        assert not verify(tree.root, leaf_of(low + high), [third])
        assert verify(tree.root, keccak(low + high), [third])

    @given(leaves=leaves)
    def test_for_every_leaf_is_true(self, leaves: list[Hash32]) -> None:
        tree = MerkleTree(leaves)
        assert all(verify(tree.root, leaf, tree.proof(i)) for i, leaf in enumerate(leaves))


class TestProof:
    @pytest.mark.parametrize("index", [-1, 3])
    def test_given_no_such_leaf_raises(self, index: int) -> None:
        with pytest.raises(IndexError):
            MerkleTree([leaf_of(bytes([n])) for n in range(3)]).proof(index)


class TestRoot:
    def test_given_no_leaves_is_zero(self) -> None:
        assert MerkleTree([]).root == ZERO_HASH

    def test_given_one_leaf_is_it(self) -> None:
        assert MerkleTree([leaf_of(b"x")]).root == leaf_of(b"x")
