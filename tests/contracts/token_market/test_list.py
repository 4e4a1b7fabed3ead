"""TokenMarket.list, cancel

list
├── when the token is neither units nor shares, or the units are soulbound: it should revert
├── when units or price are 0, the price is past 96 bits, or the expiry is not in the future: it should revert
├── when the currency is not in the table: it should revert
└── it should keep the offer, and say so; the tokens stay where they are
cancel
├── when the caller is not the seller, or the offer is gone: it should revert
└── it should forget the offer
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.stage import MAX_UINT256, ZERO
from tests.contracts.token_market.conftest import DAY, PASS, SERVICE, SOULBOUND, USD, MarketStage


class TestList:
    def test_a_foreign_token(self, m: MarketStage) -> None:
        with m.stage.reverts("TokenMarket_UnknownToken", m.usd.address):
            m.list_units(token=m.usd.address)

    def test_soulbound_units(self, m: MarketStage) -> None:
        with m.stage.reverts("TokenMarket_Soulbound", SOULBOUND):
            m.list_units(id=SOULBOUND)

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"units": 0}, "TokenMarket_ZeroUnits"),
            ({"unitPrice": 0}, "TokenMarket_ZeroPrice"),
            ({"unitPrice": 2**96}, "SafeCastOverflowedUintDowncast"),
            ({"expiry": 1}, "TokenMarket_Expired"),
            ({"expiry": 2**40}, "SafeCastOverflowedUintDowncast"),
            ({"currency": 2}, "TokenMarket_UnknownCurrency"),
            ({"currency": 256}, "TokenMarket_UnknownCurrency"),
        ],
    )
    def test_bad_terms(self, m: MarketStage, changes: dict[str, Any], error: str) -> None:
        with m.stage.reverts(error):
            m.list_units(**changes)

    def test_units_stay_with_the_seller(self, m: MarketStage) -> None:
        expiry = m.stage.now + DAY
        receipt = m.list_units(expiry=expiry)
        assert m.units(m.seller) == 10
        listing = m.market.functions.listingOf(1).call()
        assert listing == (m.seller, expiry, 0, m.plans.address, USD, PASS, 10)
        assert m.only(receipt, "Listed") == {
            "listingId": 1, "seller": m.seller, "token": m.plans.address, "id": PASS,
            "units": 10, "unitPrice": USD, "currency": 0, "expiry": expiry,
        }  # fmt: skip

    def test_shares(self, m: MarketStage) -> None:
        m.list_units(token=m.shares.address, id=SERVICE, sender=m.provider)
        m.list_units(token=m.shares.address, id=SERVICE, units=MAX_UINT256, sender=m.provider)
        assert m.market.functions.listingCount().call() == 2


class TestCancel:
    def test_by_a_stranger(self, m: MarketStage) -> None:
        m.list_units()
        with m.stage.reverts("TokenMarket_NotSeller", 1, m.stranger, m.seller):
            m.send("cancel", 1, sender=m.stranger)

    def test_an_offer_that_is_gone(self, m: MarketStage) -> None:
        m.list_units()
        receipt = m.send("cancel", 1, sender=m.seller)
        assert m.only(receipt, "Cancelled") == {"listingId": 1, "seller": m.seller}
        with m.stage.reverts("TokenMarket_NotSeller", 1, m.seller, ZERO):
            m.send("cancel", 1, sender=m.seller)
        with m.stage.reverts("TokenMarket_NoListing", 1):
            m.fill()
