"""`EmporionDistributor`: the airdrop of EMP."""

from collections.abc import Sequence

from backend.chain.client import NodeClient
from backend.chain.contract import Contract, Transaction
from backend.core.units import Address


class EmporionDistributor(Contract):
    """Gives each account of the airdrop its part. The transactions revert as `IEmporionDistributor` says."""

    def __init__(self, client: NodeClient, address: Address) -> None:
        super().__init__(client, "EmporionDistributor", address)

    def claim(self, index: int, account: Address, amount: int, proof: Sequence[bytes]) -> Transaction:
        """Pay an account its part (base units), until the deadline; anybody may."""
        return self.transaction("claim", index, account, amount, list(proof))

    async def claimed(self, index: int) -> bool:
        """Whether a part was paid."""
        return bool(await self.read("isClaimed", index))
