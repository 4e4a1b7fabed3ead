"""What a devnet's chain can be made to do: move on in time, fork, be set back, mine at once."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from backend.chain.client import NodeClient
from backend.core.errors import MalformedRequest, NodeError
from backend.core.units import hex_of

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"(\d+)([smhdw]?)")


def seconds_of(text: str) -> int:
    """`90`, `90s`, `15m`, `12h`, `30d`, `2w` in seconds. Raises MalformedRequest."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise MalformedRequest(f"{text!r} is no duration; write 90s, 15m, 12h, 30d or 2w")
    return int(found[1]) * _UNITS[found[2] or "s"]


class Controls:
    """Anvil's own methods on one node. `block_time` is what interval mining goes back to."""

    def __init__(self, client: NodeClient, block_time: int = 1) -> None:
        self._client = client
        self._block_time = block_time

    async def advance(self, seconds: int) -> int:
        """Let time pass and mine a block; the new block's timestamp."""
        if seconds < 0:
            raise MalformedRequest(f"time does not go back by {-seconds} seconds; use revert")
        await self._client.call("evm_increaseTime", seconds)
        await self.mine()
        return await self.now()

    async def advance_to(self, timestamp: int) -> None:
        """Mine a block of this time; nothing happens when the chain is past it."""
        if timestamp > await self.now():
            await self._client.call("evm_setNextBlockTimestamp", timestamp)
            await self.mine()

    async def mine(self, blocks: int = 1) -> None:
        """Mine blocks at once."""
        await self._client.call("anvil_mine", hex(blocks))

    async def reorg(self, depth: int) -> bytes:
        """Replace the newest blocks by empty ones: what was in them never happened. The new head's hash."""
        height = await self._client.block_number()
        if not 1 <= depth <= height:
            raise MalformedRequest(f"a reorganisation of {depth} blocks is outside 1 to {height}")
        await self._client.call("anvil_reorg", depth, [])
        header = await self._client.header("latest")
        if header is None:
            raise NodeError("anvil has no newest block; start the devnet anew")
        return header.hash

    async def snapshot(self) -> str:
        """Remember the state; the id to `revert` to."""
        return str(await self._client.call("evm_snapshot"))

    async def revert(self, snapshot: str) -> None:
        """Go back to a snapshot. It stays usable under the same id no longer: take a new one."""
        if not await self._client.call("evm_revert", snapshot):
            raise MalformedRequest(f"there is no snapshot {snapshot}; each can be gone back to once")

    async def give_gas(self, account: bytes, wei: int) -> None:
        """Add to an account's balance."""
        balance = await self._client.balance(account) + wei
        await self._client.call("anvil_setBalance", hex_of(account), hex(balance))

    async def now(self) -> int:
        """Timestamp of the newest block."""
        return await self._client.timestamp()

    async def mine_by_interval(self) -> None:
        """A block every `block_time` seconds, whether there is something in it or not."""
        await self._client.call("evm_setAutomine", False)
        await self._client.call("evm_setIntervalMining", self._block_time)

    async def mine_at_once(self) -> None:
        """A block for every transaction, none else."""
        await self._client.call("evm_setIntervalMining", 0)
        await self._client.call("evm_setAutomine", True)

    @asynccontextmanager
    async def instant_mining(self) -> AsyncIterator[None]:
        """Mine every transaction at once inside the block, by interval after it."""
        await self.mine_at_once()
        try:
            yield
        finally:
            await self.mine_by_interval()
