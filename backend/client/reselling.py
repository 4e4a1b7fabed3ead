"""The market from a program: what a holder no longer needs, offered and bought."""

from typing import Any, Final

from backend.client.models import Offer
from backend.client.party import Party

DAY: Final = 86_400
_TOKENS: Final = {"units": "AccessToken", "shares": "RevenueShares"}


class Reselling(Party):
    """List, cancel, fill."""

    async def offers(self, limit: int = 100) -> list[Offer]:
        """What is offered now and still covered by its seller, newest first."""
        found = await self._http.get("/v1/listings", limit=limit)
        return [Offer.of(line) for line in found["listings"]]

    async def offer(
        self, plan_id: int, units: int, unit_price: int, currency: int = 0, seconds: int = DAY
    ) -> int:
        """Offer held units of a plan at so many base units each; the listing's id."""
        return await self._list("units", plan_id, units, unit_price, currency, seconds)

    async def offer_shares(
        self, service_id: int, shares: int, unit_price: int, currency: int = 0, seconds: int = DAY
    ) -> int:
        """Offer shares of a service's revenue (it has 1,000,000); the listing's id."""
        return await self._list("shares", service_id, shares, unit_price, currency, seconds)

    async def cancel(self, listing_id: int) -> None:
        """Take an offer of this wallet back."""
        await self._send("TokenMarket", "cancel", listing_id)

    async def fill(self, listing_id: int, units: int = 1) -> int:
        """Buy from an offer, royalty included; base units paid. Raises InsufficientFunds, NodeRefused."""
        contracts = await self._deployed()
        market = contracts["TokenMarket"]
        listing = await market.read("listingOf", listing_id)
        cost = int(market.part("listingOf", listing, "unitPrice")) * units
        token = contracts.currency(int(market.part("listingOf", listing, "currency")))
        await self._allow(token, market.address, cost)
        await self._send("TokenMarket", "fill", listing_id, units, cost, await self._deadline())
        return cost

    async def _list(
        self, what: str, token_id: int, units: int, unit_price: int, currency: int, seconds: int
    ) -> int:
        contracts = await self._deployed()
        token, market = contracts[_TOKENS[what]], contracts["TokenMarket"]
        await self._allow_units(token, market.address)
        expiry = await self._chain().now() + seconds
        receipt: dict[str, Any] = await self._send(
            "TokenMarket", "list", token.address, token_id, units, unit_price, currency, expiry
        )
        return int(market.event(receipt, "Listed")["listingId"])
