"""A market over plan units and the shares of one service, with two currencies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from web3.contract.contract import Contract

from tests.contracts.stage import MAX_UINT256, ZERO, Stage

DAY = 86_400
USD = 10**6
USD_INDEX, HOSTILE_INDEX = 0, 1
ROYALTY_BPS = 500
SERVICE = 1
PASS = SERVICE << 20 | 1 << 4 | 1 << 2  # a transferable Pass
SOULBOUND = SERVICE << 20 | 2 << 4 | 1  # a Timed plan that does not move


@dataclass(frozen=True)
class MarketStage:
    """The market and its actors; the provider holds all shares, the seller ten units."""

    stage: Stage
    market: Contract
    plans: Contract
    shares: Contract
    usd: Contract
    hostile: Contract
    provider: str
    seller: str
    buyer: str
    stranger: str

    def send(self, function: str, *arguments: Any, sender: str) -> dict[str, Any]:
        return self.stage.send(self.market.functions[function](*arguments), sender)

    def list_units(self, **changes: Any) -> dict[str, Any]:
        values = {
            "token": self.plans.address, "id": PASS, "units": 10, "unitPrice": USD,
            "currency": USD_INDEX, "expiry": self.stage.now + 30 * DAY,
        }  # fmt: skip
        sender = changes.pop("sender", self.seller)
        return self.send("list", *{**values, **changes}.values(), sender=sender)

    def fill(self, units: int = 1, max_cost: int = MAX_UINT256, **changes: Any) -> dict[str, Any]:
        deadline, listing = changes.get("deadline", self.stage.now), changes.get("listing", 1)
        return self.send("fill", listing, units, max_cost, deadline, sender=changes.get("sender", self.buyer))

    def offered(self, listing: int = 1) -> int:
        return int(self.market.functions.listingOf(listing).call()[6])

    def money(self, account: str, currency: int = USD_INDEX) -> int:
        token = [self.usd, self.hostile][currency]
        return int(token.functions.balanceOf(account).call())

    def units(self, account: str, token: Contract | None = None, identifier: int = PASS) -> int:
        return int((token or self.plans).functions.balanceOf(account, identifier).call())

    def only(self, receipt: dict[str, Any], event: str) -> dict[str, Any]:
        found = self.stage.events(receipt, self.market, event)
        assert len(found) == 1, f"{len(found)} events {event}"
        return found[0]


@pytest.fixture(scope="package")
def built() -> MarketStage:
    stage = Stage()
    registry, provider, seller, buyer, stranger = (stage.account(number) for number in range(5))
    usd, hostile = stage.deploy("TestDollar"), stage.deploy("HostileCurrency")
    plans = stage.deploy("PlanTokens", ROYALTY_BPS)
    shares = stage.deploy("RevenueShares", registry, plans.address, ZERO, registry, registry)
    stage.send(shares.functions.create(SERVICE, provider, []), registry)
    market = stage.deploy("TokenMarket", plans.address, shares.address)
    for token in (usd, hostile):
        stage.send(plans.functions.add(token.address), registry)
        stage.send(token.functions.mint(buyer, 10**6 * USD), registry)
        stage.send(token.functions.approve(market.address, MAX_UINT256), buyer)
    for identifier in (PASS, SOULBOUND):
        stage.send(plans.functions.mint(seller, identifier, 10), registry)
    stage.send(plans.functions.setApprovalForAll(market.address, True), seller)
    stage.send(shares.functions.setApprovalForAll(market.address, True), provider)
    return MarketStage(stage, market, plans, shares, usd, hostile, provider, seller, buyer, stranger)


@pytest.fixture
def m(built: MarketStage) -> Iterator[MarketStage]:
    point = built.stage.snapshot()
    yield built
    assert built.money(built.market.address) == built.money(built.market.address, HOSTILE_INDEX) == 0
    assert built.units(built.market.address) == 0
    built.stage.revert(point)
