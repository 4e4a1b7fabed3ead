"""TokenMarket.fill

├── when the offer never was, expired, is the buyer's own, or is smaller than asked: it should revert
├── when the deadline passed, units are 0, or the cost overflows or is above the maximum: it should revert
├── when the seller moved the tokens or took the approval back: it should revert with nothing moved
├── given units: it should pay the seller less the royalty, share the royalty out, move the units
├── given shares: it should pay no royalty
└── given a part: it should leave the rest on offer, and forget the offer with the last unit
"""

from __future__ import annotations

import pytest
from web3.contract.contract import Contract

from tests.contracts.stage import MAX_UINT256
from tests.contracts.token_market.conftest import (
    DAY,
    HOSTILE_INDEX,
    PASS,
    ROYALTY_BPS,
    SERVICE,
    USD,
    USD_INDEX,
    MarketStage,
)


class TestRefusals:
    def test_no_such_offer(self, m: MarketStage) -> None:
        with m.stage.reverts("TokenMarket_NoListing", 1):
            m.fill()

    def test_after_its_expiry(self, m: MarketStage) -> None:
        expiry = m.stage.now + DAY
        m.list_units(expiry=expiry)
        m.stage.travel(expiry + 1)
        with m.stage.reverts("TokenMarket_Expired", expiry, expiry + 1):
            m.fill()

    def test_after_the_deadline(self, m: MarketStage) -> None:
        m.list_units()
        with m.stage.reverts("TokenMarket_Expired"):
            m.fill(deadline=m.stage.now - 1)

    def test_own_offer(self, m: MarketStage) -> None:
        m.list_units()
        with m.stage.reverts("TokenMarket_OwnListing", 1, m.seller):
            m.fill(sender=m.seller)

    @pytest.mark.parametrize("units", [11, MAX_UINT256])
    def test_more_than_offered(self, m: MarketStage, units: int) -> None:
        m.list_units()
        with m.stage.reverts("TokenMarket_TooManyUnits", units, 10):
            m.fill(units)

    def test_no_units(self, m: MarketStage) -> None:
        m.list_units()
        with m.stage.reverts("TokenMarket_ZeroUnits"):
            m.fill(0)

    def test_a_cost_past_256_bits(self, m: MarketStage) -> None:
        m.list_units(units=MAX_UINT256)
        with m.stage.reverts("Panic"):
            m.fill(MAX_UINT256)

    def test_cost_above_the_maximum(self, m: MarketStage) -> None:
        m.list_units()
        with m.stage.reverts("TokenMarket_CostAboveMaximum", 3 * USD, 3 * USD - 1):
            m.fill(3, 3 * USD - 1)


class TestFill:
    def test_units_with_royalty(self, m: MarketStage) -> None:
        m.list_units()
        before = m.money(m.buyer)
        receipt = m.fill(4)
        royalty = 4 * USD * ROYALTY_BPS // 10_000
        assert before - m.money(m.buyer) == 4 * USD
        assert m.money(m.seller) == 4 * USD - royalty
        assert m.shares.functions.claimable(m.provider, SERVICE, USD_INDEX).call() == royalty
        assert (m.units(m.buyer), m.units(m.seller), m.offered()) == (4, 6, 6)
        assert m.only(receipt, "Filled") == {
            "listingId": 1, "buyer": m.buyer, "seller": m.seller, "token": m.plans.address, "id": PASS,
            "units": 4, "cost": 4 * USD, "royalty": royalty, "remaining": 6,
        }  # fmt: skip
        assert m.usd.functions.allowance(m.market.address, m.shares.address).call() == 0

    def test_the_last_unit_ends_the_offer(self, m: MarketStage) -> None:
        m.list_units(units=2)
        m.fill(1)
        m.fill(1)
        with m.stage.reverts("TokenMarket_NoListing"):
            m.fill(1)

    def test_shares_pay_no_royalty(self, m: MarketStage) -> None:
        m.list_units(token=m.shares.address, id=SERVICE, units=250_000, unitPrice=3, sender=m.provider)
        receipt = m.fill(250_000)
        assert m.only(receipt, "Filled")["royalty"] == 0
        assert m.money(m.provider) == 750_000
        assert m.units(m.buyer, m.shares, SERVICE) == 250_000

    def test_a_royalty_below_a_base_unit_is_none(self, m: MarketStage) -> None:
        m.list_units(unitPrice=1)
        assert m.only(m.fill(1), "Filled")["royalty"] == 0
        assert m.money(m.seller) == 1


class TestAttacks:
    def test_a_listing_filled_after_the_seller_moved_the_tokens(self, m: MarketStage) -> None:
        m.list_units()
        moved = m.plans.functions.safeTransferFrom(m.seller, m.stranger, PASS, 10, b"")
        m.stage.send(moved, m.seller)
        before = m.money(m.buyer)
        with m.stage.reverts("ERC1155InsufficientBalance"):
            m.fill()
        assert (m.money(m.buyer), m.money(m.seller), m.offered()) == (before, 0, 10)

    def test_an_approval_taken_back(self, m: MarketStage) -> None:
        m.list_units()
        m.stage.send(m.plans.functions.setApprovalForAll(m.market.address, False), m.seller)
        with m.stage.reverts("ERC1155MissingApprovalForAll"):
            m.fill()

    def test_a_currency_that_starts_to_charge_on_transfer(self, m: MarketStage) -> None:
        m.list_units(currency=HOSTILE_INDEX)
        m.fill(1)
        m.stage.send(m.hostile.functions.setFee(100), m.stranger)
        price = USD * (10_000 - ROYALTY_BPS) // 10_000
        with m.stage.reverts("TokenMarket_ShortPayment", m.seller, price * 99 // 100, price):
            m.fill(1)
        assert m.offered() == 9

    def test_a_receiver_that_refuses_tokens(self, m: MarketStage) -> None:
        m.list_units()
        wallet = self.hostile_buyer(m)
        m.stage.send(wallet.functions.setRefuses(True), m.stranger)
        with m.stage.reverts("HostileReceiver_Refused"):
            m.stage.send(wallet.functions.act(m.market.address, self.fill_data(m)), m.stranger)
        assert m.money(wallet.address) == 100 * USD

    @pytest.mark.parametrize("currency", [USD_INDEX, HOSTILE_INDEX])
    def test_reentrancy_from_the_receiver(self, m: MarketStage, currency: int) -> None:
        m.list_units(currency=currency)
        wallet = self.hostile_buyer(m)
        data = self.fill_data(m)
        m.stage.send(wallet.functions.callOnReceive(m.market.address, data), m.stranger)
        m.stage.send(wallet.functions.act(m.market.address, data), m.stranger)
        assert wallet.functions.reached().call() is False
        assert (m.units(wallet.address), m.offered()) == (1, 9)

    def test_reentrancy_from_the_currency(self, m: MarketStage) -> None:
        """It has money and allowance of its own: nothing but the guard stops it."""
        m.list_units(currency=HOSTILE_INDEX)
        approve = m.hostile.encode_abi("approve", [m.market.address, MAX_UINT256])
        m.stage.send(m.hostile.functions.mint(m.hostile.address, 100 * USD), m.stranger)
        m.stage.send(m.hostile.functions.act(m.hostile.address, approve), m.stranger)
        m.stage.send(m.hostile.functions.callOnTransfer(m.market.address, self.fill_data(m)), m.stranger)
        m.fill(1)
        assert m.hostile.functions.reached().call() is False
        assert m.offered() == 9

    def test_reentrancy_does_not_cancel_under_the_buyer(self, m: MarketStage) -> None:
        """The seller is a contract that cancels while it is paid: the swap is whole all the same."""
        m.stage.send(m.plans.functions.mint(m.hostile.address, PASS, 3), m.stranger)
        data = m.market.encode_abi(
            "list", [m.plans.address, PASS, 3, USD, HOSTILE_INDEX, m.stage.now + DAY]
        )  # fmt: skip
        approve = m.plans.encode_abi("setApprovalForAll", [m.market.address, True])
        m.stage.send(m.hostile.functions.act(m.plans.address, approve), m.stranger)
        m.stage.send(m.hostile.functions.act(m.market.address, data), m.stranger)
        cancel = m.market.encode_abi("cancel", [1])
        m.stage.send(m.hostile.functions.callOnTransfer(m.market.address, cancel), m.stranger)
        m.fill(2)
        assert m.hostile.functions.reached().call() is True
        assert (m.units(m.buyer), m.units(m.hostile.address), m.offered()) == (2, 1, 0)

    def test_a_price_swapped_between_reading_and_filling(self, m: MarketStage) -> None:
        m.list_units()
        m.send("cancel", 1, sender=m.seller)
        m.list_units(unitPrice=2 * USD)
        with m.stage.reverts("TokenMarket_NoListing", 1):
            m.fill(1, USD)
        with m.stage.reverts("TokenMarket_CostAboveMaximum", 2 * USD, USD):
            m.fill(1, USD, listing=2)

    def test_money_sent_here_by_mistake_pays_for_nobody(self, m: MarketStage) -> None:
        m.list_units()
        point = m.stage.snapshot()
        m.stage.send(m.usd.functions.mint(m.market.address, 7), m.stranger)
        before = m.money(m.buyer)
        m.fill(1)
        assert (before - m.money(m.buyer), m.money(m.market.address)) == (USD, 7)
        m.stage.revert(point)

    def hostile_buyer(self, m: MarketStage) -> Contract:
        wallet = m.stage.deploy("HostileReceiver")
        for token in (m.usd, m.hostile):
            m.stage.send(token.functions.mint(wallet.address, 100 * USD), m.stranger)
            approve = token.encode_abi("approve", [m.market.address, MAX_UINT256])
            m.stage.send(wallet.functions.act(token.address, approve), m.stranger)
        return wallet

    def fill_data(self, m: MarketStage) -> str:
        return str(m.market.encode_abi("fill", [1, 1, MAX_UINT256, MAX_UINT256]))
