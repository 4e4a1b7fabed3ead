"""Merkle trees that OpenZeppelin's ``MerkleProof`` verifies: sorted pairs, keccak, leaves hashed twice.

Hashing leaves twice keeps an inner node from passing for a leaf. A node without a partner moves up unchanged.
"""

from collections.abc import Iterable, Sequence

from backend.core.units import ZERO_HASH, Hash32, keccak


def leaf_of(data: bytes) -> Hash32:
    """The leaf of ABI-encoded ``data`` (for a receipt: its digest)."""
    return keccak(keccak(data))


class MerkleTree:
    """A tree over leaves in the order given."""

    def __init__(self, leaves: Iterable[Hash32]) -> None:
        self._layers: list[list[Hash32]] = [list(leaves)]
        while len(self._layers[-1]) > 1:
            self._layers.append(_parents(self._layers[-1]))

    @property
    def root(self) -> Hash32:
        """The root; 32 zero bytes for no leaves."""
        return self._layers[-1][0] if self._layers[-1] else ZERO_HASH

    def proof(self, index: int) -> list[Hash32]:
        """The siblings from leaf ``index`` up. Raises IndexError where there is no such leaf."""
        if not 0 <= index < len(self._layers[0]):
            raise IndexError(f"leaf {index} of {len(self._layers[0])}")
        path = []
        for layer in self._layers[:-1]:
            sibling = index ^ 1
            if sibling < len(layer):
                path.append(layer[sibling])
            index //= 2
        return path


def verify(root: Hash32, leaf: Hash32, proof: Sequence[Hash32]) -> bool:
    """Whether the proof leads from the leaf to the root."""
    for sibling in proof:
        leaf = _pair(leaf, sibling)
    return leaf == root


def _parents(layer: list[Hash32]) -> list[Hash32]:
    pairs = [_pair(layer[i], layer[i + 1]) for i in range(0, len(layer) - 1, 2)]
    return pairs + layer[len(pairs) * 2 :]


def _pair(one: Hash32, other: Hash32) -> Hash32:
    return keccak(one + other if one < other else other + one)
