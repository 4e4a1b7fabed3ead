"""A chain in memory that does what it is told: mines, forks to any depth, falls back, forgets."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

Emitted = tuple[bytes, tuple[bytes, ...], bytes]
"""A log without its place: address, topics, data."""


@dataclass(frozen=True)
class MinedBlock:
    """A block and its logs; a transaction a log."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    logs: tuple[Emitted, ...] = ()

    def tx_hash(self, index: int) -> bytes:
        return keccak(self.hash + index.to_bytes(4, "big"))


class ChainDouble:
    """The canonical chain and every block that was ever on it. All randomness is of the seed."""

    def __init__(self, seed: int = 0, chain_id: int = 31_337, block_seconds: int = 12) -> None:
        self.chain_id = chain_id
        self.random = random.Random(seed)
        self.block_seconds = block_seconds
        self.finality_depth: int | None = None
        genesis = MinedBlock(0, self._hash(b"genesis"), bytes(32), 1_700_000_000)
        self.blocks: list[MinedBlock] = [genesis]
        self.by_hash: dict[bytes, MinedBlock] = {genesis.hash: genesis}

    @property
    def tip(self) -> MinedBlock:
        return self.blocks[-1]

    @property
    def genesis_hash(self) -> bytes:
        return self.blocks[0].hash

    def _hash(self, parent: bytes) -> bytes:
        return keccak(parent + self.random.randbytes(16))

    def mine(self, logs: Sequence[Emitted] = (), seconds: int | None = None) -> MinedBlock:
        """Put one block with these logs on the tip."""
        parent = self.tip
        timestamp = parent.timestamp + (self.block_seconds if seconds is None else seconds)
        block = MinedBlock(parent.number + 1, self._hash(parent.hash), parent.hash, timestamp, tuple(logs))
        self.blocks.append(block)
        self.by_hash[block.hash] = block
        return block

    def mine_empty(self, count: int) -> None:
        """Put blocks without logs of ours on the tip."""
        for _ in range(count):
            self.mine()

    def fall_back(self, depth: int) -> list[MinedBlock]:
        """Take the highest blocks away; they are known by hash no longer either."""
        kept = len(self.blocks) - depth
        gone, self.blocks = self.blocks[kept:], self.blocks[:kept]
        for block in gone:
            del self.by_hash[block.hash]
        return gone

    def return_to(self, blocks: Sequence[MinedBlock]) -> None:
        """Make a branch that fell away canonical again, from its first block's parent on."""
        self.fall_back(len(self.blocks) - blocks[0].number)
        for block in blocks:
            self.blocks.append(block)
            self.by_hash[block.hash] = block

    def final(self, number: int, tip: int) -> int | None:
        """The number of a tag that lies so many blocks below a tip; None where the chain has no tags."""
        return None if self.finality_depth is None else max(tip - number, 0)
