"""`RevenueShares`: what services earned, and protocol fees."""

from collections.abc import Sequence

from backend.chain.bindings.structs import ShareAccount
from backend.chain.bindings.tokens import MultiToken
from backend.chain.client import BlockTag, NodeClient
from backend.chain.contract import Transaction
from backend.core.units import Address


class RevenueShares(MultiToken):
    """ERC-1155 of shares, 1,000,000 a service. Amounts are base units of the currency at an index."""

    def __init__(self, client: NodeClient, address: Address) -> None:
        super().__init__(client, "RevenueShares", address)

    def claim(self, pairs: Sequence[tuple[int, int]], to: bytes) -> Transaction:
        """Pay the caller what its shares earned in each (service, currency)."""
        services, currencies = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        return self.transaction("claim", services, currencies, to)

    def distribute(self, service_id: int, currency: int, amount: int) -> Transaction:
        """Share out money of the caller, who approved it."""
        return self.transaction("distribute", service_id, currency, amount)

    def flush_fees(self, currency: int) -> Transaction:
        """Move gathered fees to the vault, or to the treasury while nobody stakes."""
        return self.transaction("flushFees", currency)

    async def claimable(
        self, account: bytes, service_id: int, currency: int, block: BlockTag = "latest"
    ) -> int:
        """Base units an account can claim now."""
        return int(await self.read("claimable", account, service_id, currency, block=block))

    async def distributed(self, service_id: int, currency: int, block: BlockTag = "latest") -> int:
        """Base units ever distributed to a service."""
        return int(await self.read("distributed", service_id, currency, block=block))

    async def account(
        self, account: bytes, service_id: int, currency: int, block: BlockTag = "latest"
    ) -> ShareAccount:
        """What a holder is owed up to its last touch."""
        return ShareAccount(*await self.read("accountOf", account, service_id, currency, block=block))

    async def fees(self, currency: int, block: BlockTag = "latest") -> int:
        """Fees waiting to be flushed."""
        return int(await self.read("fees", currency, block=block))
