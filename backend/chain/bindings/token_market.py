"""`TokenMarket`: offers of access units and shares."""

from backend.chain.bindings.structs import Listing
from backend.chain.client import BlockTag, NodeClient
from backend.chain.contract import Contract, Transaction
from backend.core.units import Address


class TokenMarket(Contract):
    """Offers at a fixed unit price. The transactions revert as `ITokenMarket` says."""

    def __init__(self, client: NodeClient, address: Address) -> None:
        super().__init__(client, "TokenMarket", address)

    def offer(
        self, token: bytes, token_id: int, units: int, unit_price: int, currency: int, expiry: int
    ) -> Transaction:
        """Offer units the caller holds; the market must be approved for all of them until they are sold."""
        return self.transaction("list", token, token_id, units, unit_price, currency, expiry)

    def cancel(self, listing_id: int) -> Transaction:
        """Take an offer back."""
        return self.transaction("cancel", listing_id)

    def fill(self, listing_id: int, units: int, max_cost: int, deadline: int) -> Transaction:
        """Buy a part of an offer."""
        return self.transaction("fill", listing_id, units, max_cost, deadline)

    async def listing(self, listing_id: int, block: BlockTag = "latest") -> Listing:
        """An offer."""
        return Listing.of(await self.read("listingOf", listing_id, block=block))

    async def count(self, block: BlockTag = "latest") -> int:
        """Offers made so far."""
        return int(await self.read("listingCount", block=block))
