"""`StakingVault`: locks, scores, rewards."""

from collections.abc import Sequence

from backend.chain.bindings.structs import Position
from backend.chain.client import BlockTag, NodeClient
from backend.chain.contract import Contract, Transaction
from backend.core.units import Address


class StakingVault(Contract):
    """Locked EMP. The transactions revert as `IStakingVault` says."""

    def __init__(self, client: NodeClient, address: Address) -> None:
        super().__init__(client, "StakingVault", address)

    def lock(self, amount: int, duration: int) -> Transaction:
        """Lock EMP base units for seconds; the vault must be approved."""
        return self.transaction("lock", amount, duration)

    def increase(self, index: int, amount: int) -> Transaction:
        """Add EMP to a running position."""
        return self.transaction("increase", index, amount)

    def extend(self, index: int, duration: int) -> Transaction:
        """Set the end to now and `duration` seconds."""
        return self.transaction("extend", index, duration)

    def compound(self, index: int) -> Transaction:
        """Add the caller's EMP rewards to a running position."""
        return self.transaction("compound", index)

    def expire(self, positions: Sequence[tuple[bytes, int]]) -> Transaction:
        """Take the score of ended positions (owner, index) away; anybody may."""
        owners, indices = [owner for owner, _ in positions], [index for _, index in positions]
        return self.transaction("expire", owners, indices)

    def unlock(self, index: int, to: bytes) -> Transaction:
        """Take the amount of an ended position out."""
        return self.transaction("unlock", index, to)

    def claim(self, currencies: Sequence[int], to: bytes) -> Transaction:
        """Pay the caller's rewards."""
        return self.transaction("claim", list(currencies), to)

    async def position(self, owner: bytes, index: int, block: BlockTag = "latest") -> Position:
        """A position."""
        return Position.of(await self.read("positionOf", owner, index, block=block))

    async def position_count(self, owner: bytes, block: BlockTag = "latest") -> int:
        """Positions an account ever made."""
        return int(await self.read("positionCount", owner, block=block))

    async def score(self, owner: bytes, block: BlockTag = "latest") -> int:
        """Score of an account."""
        return int(await self.read("scoreOf", owner, block=block))

    async def total_score(self, block: BlockTag = "latest") -> int:
        """Score of everybody."""
        return int(await self.read("totalScore", block=block))

    async def claimable(self, owner: bytes, currency: int, block: BlockTag = "latest") -> int:
        """Rewards an account can claim now."""
        return int(await self.read("claimable", owner, currency, block=block))

    async def streaming(self, currency: int) -> bool:
        """Whether a stream of a currency still runs."""
        return bool(await self.read("streaming", currency))
