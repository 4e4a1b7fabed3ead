"""`TokenMarket`: offers at a fixed price."""

from tests.model.part import Part
from tests.model.records import Listing
from tests.model.refusal import cast, fits, refuse


class MarketModel(Part):
    """The market; it holds nothing."""

    NAME = "TokenMarket"

    def list(
        self,
        caller: bytes,
        token: bytes,
        token_id: int,
        units: int,
        unit_price: int,
        currency: int,
        expiry: int,
    ) -> None:
        """An offer; nobody looks whether the seller has the units."""
        if token not in (self.m.shares.address, self.m.access.address):
            refuse("TokenMarket_UnknownToken")
        if token == self.m.access.address and token_id & 4 == 0:
            refuse("TokenMarket_Soulbound")
        if units == 0:
            refuse("TokenMarket_ZeroUnits")
        if unit_price == 0:
            refuse("TokenMarket_ZeroPrice")
        if expiry <= self.now:
            refuse("TokenMarket_Expired")
        if currency >= len(self.m.state.access.currencies):
            refuse("TokenMarket_UnknownCurrency")
        number = len(self.m.state.listings) + 1
        self.m.state.listings[number] = Listing(
            caller, token, token_id, units, cast(unit_price, 96), currency, cast(expiry, 40), self.now
        )
        self.emit(
            "Listed", listingId=number, seller=caller, token=token, id=token_id, units=units,
            unitPrice=unit_price, currency=currency, expiry=expiry,
        )  # fmt: skip

    def cancel(self, caller: bytes, number: int) -> None:
        """The seller takes an offer back."""
        listing = self._open(number)
        if listing is None or listing.seller != caller:
            refuse("TokenMarket_NotSeller")
        listing.open = False
        self.emit("Cancelled", listingId=number, seller=caller)

    def fill(self, caller: bytes, number: int, units: int, max_cost: int, deadline: int) -> None:
        """Money and units swap."""
        listing = self._open(number)
        if listing is None:
            refuse("TokenMarket_NoListing")
        cost = self._cost(caller, listing, units, max_cost, deadline)
        token = self.m.access.token_of(listing.currency)
        of_shares = listing.token == self.m.shares.address
        royalty = 0 if of_shares else self.m.access.royalty(listing.token_id, cost)
        listing.units -= units
        listing.open = listing.units > 0
        self.emit(
            "Filled", listingId=number, buyer=caller, seller=listing.seller, token=listing.token,
            id=listing.token_id, units=units, cost=cost, royalty=royalty, remaining=listing.units,
        )  # fmt: skip
        if cost - royalty:
            self.m.money.move(token, caller, listing.seller, cost - royalty)
        if royalty:
            self.m.money.move(token, caller, self.address, royalty)
            self.m.shares.distribute(self.address, listing.token_id >> 20, listing.currency, royalty)
        goods = self.m.shares if of_shares else self.m.access
        goods.safe_transfer_from(self.address, listing.seller, caller, listing.token_id, units, b"")

    def _cost(self, caller: bytes, listing: Listing, units: int, max_cost: int, deadline: int) -> int:
        if listing.seller == caller:
            refuse("TokenMarket_OwnListing")
        if self.now > min(deadline, listing.expiry):
            refuse("TokenMarket_Expired")
        if units == 0:
            refuse("TokenMarket_ZeroUnits")
        if units > listing.units:
            refuse("TokenMarket_TooManyUnits")
        cost = fits(units * listing.unit_price, 256)
        return cost if cost <= max_cost else refuse("TokenMarket_CostAboveMaximum")

    def _open(self, number: int) -> Listing | None:
        listing = self.m.state.listings.get(number)
        return listing if listing and listing.open else None
