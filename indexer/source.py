"""What the loop asks of a chain: heads, headers and logs."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.chain.events import Header, RawLog
from backend.core.errors import NodeError
from indexer.ranges import Range


@dataclass(frozen=True, slots=True)
class Heads:
    """The three heads of a chain; safe and finalized by number."""

    latest: Header
    safe: int
    finalized: int


class Source(Protocol):
    """A chain as the loop sees it."""

    async def chain_id(self) -> int:
        """EIP-155 id."""
        ...

    async def standing(self, number: int) -> list[bytes]:
        """Which of our contracts were there at a block; none where the node has forgotten its state."""
        ...

    async def heads(self) -> Heads:
        """Where the chain stands."""
        ...

    async def headers(self, wanted: Range) -> list[Header]:
        """Headers of these blocks that exist, in order."""
        ...

    async def logs(self, wanted: Range) -> list[RawLog]:
        """Logs of our contracts in these blocks, in order."""
        ...

    async def block_logs(self, blocks: Sequence[Header]) -> list[RawLog]:
        """Logs of our contracts in exactly these blocks, asked for by hash, in order."""
        ...


def linked(headers: Sequence[Header], parent: bytes) -> bool:
    """Whether each block names the one before it, the first one `parent`."""
    for header in headers:
        if header.parent_hash != parent:
            return False
        parent = header.hash
    return True


def checked_against(
    logs: Sequence[RawLog], headers: Sequence[Header], addresses: Container[bytes]
) -> Sequence[RawLog]:
    """The logs, if each is there once, and is of one of these blocks (number and hash) and addresses.

    Raises NodeError.
    """
    blocks = {header.number: header.hash for header in headers}
    before = (-1, -1)
    for log in logs:
        number, place = log.block_number, (log.block_number, log.log_index)
        if blocks.get(number) != log.block_hash:
            raise NodeError(
                f"the node gave a log of block {number} of another fork than the block; once more"
            )
        if place <= before:
            raise NodeError(f"the node gave log {log.log_index} of block {number} twice; once more")
        if log.address not in addresses:
            raise NodeError(f"the node gave a log of block {number} that nobody asked for; use another node")
        before = place
    return logs
