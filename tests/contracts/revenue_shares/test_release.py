"""RevenueShares: creation, release, distribution.

create
├── when the caller is not the registry: it should revert
├── when upstreams are too many, out of order, empty, too dear: it should revert
└── otherwise: it should mint a million shares to the provider and keep the upstreams
release
├── when the caller is not AccessToken: it should revert
├── given an upstream whose total is full: its part should stay with the service
└── otherwise: fee and upstreams' parts should be floors of the gross; the service gets the rest
distribute
├── when the service or the currency is unknown, or there is nothing: it should revert
├── given a currency that charges: it should share out what arrives
└── otherwise: it should share out without fee and without upstreams
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.protocol import MIN_BOND, PASS, SHARES, URI, USD, USD_INDEX, Protocol, add_hostile
from tests.contracts.stage import MAX_UINT256


def distributed(p: Protocol, service: int) -> int:
    return int(p.read(p.shares, "distributed", service, USD_INDEX))


class TestCreate:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("RevenueShares_NotRegistry", p.stranger, p.registry.address):
            p.send(p.shares, "create", 2, p.stranger, [], sender=p.stranger)

    @pytest.mark.parametrize(
        ("upstreams", "error", "values"),
        [
            ([(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], "RevenueShares_TooManyUpstreams", (5, 4)),
            ([(4, 1)], "RevenueShares_UpstreamOrder", (4, 0, 4)),
            ([(9, 1)], "RevenueShares_UpstreamOrder", (9, 0, 4)),
            ([(0, 1)], "RevenueShares_UpstreamOrder", (0, 0, 4)),
            ([(2, 1), (1, 1)], "RevenueShares_UpstreamOrder", (1, 2, 4)),
            ([(1, 1), (1, 1)], "RevenueShares_UpstreamOrder", (1, 1, 4)),
            ([(1, 0)], "RevenueShares_ZeroUpstream", (1,)),
            ([(1, 2_500), (2, 2_501)], "RevenueShares_UpstreamsTooHigh", (5_001, 5_000)),
        ],
    )
    def test_upstreams_that_are_wrong(
        self, p: Protocol, upstreams: list[tuple[int, int]], error: str, values: tuple[int, ...]
    ) -> None:
        p.register()
        p.register()
        with p.stage.reverts(error, *values):
            p.register(upstreams=upstreams)

    def test_the_provider_gets_a_million_shares(self, p: Protocol) -> None:
        service = p.register(sender=p.stranger)
        assert p.read(p.shares, "balanceOf", p.stranger, service) == SHARES
        assert p.read(p.shares, "uri", service) == URI

    def test_upstreams_are_kept(self, p: Protocol) -> None:
        for _ in range(3):
            p.register()
        upstreams = [(1, 1), (2, 2_000), (3, 2_998), (4, 1)]
        values = (0, p.meter, URI, bytes(32), upstreams, MIN_BOND)
        receipt = p.send(p.registry, "register", *values, sender=p.provider)
        assert p.read(p.shares, "upstreamsOf", 5) == upstreams
        assert p.read(p.shares, "upstreamsOf", 1) == []
        event = p.only(receipt, p.shares, "UpstreamsSet")
        assert [tuple(u.values()) for u in event["upstreams"]] == upstreams

    @pytest.mark.parametrize("interface", ["01ffc9a7", "d9b67a26", "0e89341c"])
    def test_interfaces_are_told(self, p: Protocol, interface: str) -> None:
        assert p.read(p.shares, "supportsInterface", bytes.fromhex(interface))


class TestRelease:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("RevenueShares_NotAccessToken", p.stranger, p.access.address):
            p.send(p.shares, "release", 1 << 20, USD_INDEX, 5, 250, sender=p.stranger)

    def buy(self, p: Protocol, price: int, upstreams: list[tuple[int, int]]) -> tuple[int, dict[str, Any]]:
        service = p.register(upstreams=upstreams)
        return service, p.buy(p.create_plan(PASS, service=service, unitPrice=price))

    def test_without_upstreams_the_service_gets_all_but_the_fee(self, p: Protocol) -> None:
        service, receipt = self.buy(p, 999, [])
        fee = 999 * 250 // 10_000
        assert p.only(receipt, p.shares, "Released") == {
            "serviceId": service, "planId": service << 20 | 4, "currency": USD_INDEX, "gross": 999,
            "fee": fee, "amount": 999 - fee, "total": 999 - fee, "fees": fee,
        }  # fmt: skip
        assert p.read(p.shares, "fees", USD_INDEX) == fee
        assert not p.events(receipt, p.shares, "UpstreamPaid")

    @pytest.mark.parametrize("price", [1, 3, 999, USD + 1, 2**90 - 1])
    def test_parts_are_floors_of_the_gross_and_the_rest_is_the_services(
        self, p: Protocol, price: int
    ) -> None:
        p.fund(p.buyer, amount=2**91)
        p.register()
        service, receipt = self.buy(p, price, [(1, 1_234), (2, 3_766)])
        fee, first, second = (price * bps // 10_000 for bps in (250, 1_234, 3_766))
        event = p.only(receipt, p.shares, "Released")
        assert (event["fee"], event["amount"]) == (fee, price - fee - first - second)
        assert [distributed(p, s) for s in (1, 2, service)] == [first, second, event["amount"]]
        paid = {e["upstreamId"]: e["amount"] for e in p.events(receipt, p.shares, "UpstreamPaid")}
        assert paid == {i: part for i, part in ((1, first), (2, second)) if part}

    def test_upstreams_do_not_cascade(self, p: Protocol) -> None:
        middle = p.register(upstreams=[(1, 5_000)])
        service, _ = self.buy(p, 10_000, [(middle, 5_000)])
        assert [distributed(p, s) for s in (1, middle, service)] == [0, 5_000, 4_750]

    def test_an_upstream_that_is_full_stops_nobody(self, p: Protocol) -> None:
        """Its holder passes the same money through until the total can hold no more: its own affair."""
        p.fund(p.provider, amount=2**107)
        for amount in (2**107, 2**107 - 1):
            p.send(p.shares, "distribute", 1, USD_INDEX, amount, sender=p.provider)
            p.send(p.shares, "claim", [1], [USD_INDEX], p.provider, sender=p.provider)
        service, receipt = self.buy(p, 10_000, [(1, 1_000)])
        assert p.only(receipt, p.shares, "Released")["amount"] == 9_750
        assert not p.events(receipt, p.shares, "UpstreamPaid")
        assert (distributed(p, 1), distributed(p, service)) == (2**108 - 1, 9_750)

    def test_an_upstream_that_retired_is_still_paid(self, p: Protocol) -> None:
        p.send(p.registry, "setStatus", 1, 2, sender=p.provider)
        self.buy(p, 10_000, [(1, 1_000)])
        assert distributed(p, 1) == 1_000


class TestDistribute:
    def give(
        self, p: Protocol, service: int = 1, currency: int = USD_INDEX, amount: int = 5
    ) -> dict[str, Any]:
        return p.send(p.shares, "distribute", service, currency, amount, sender=p.stranger)

    def test_an_unknown_service(self, p: Protocol) -> None:
        with p.stage.reverts("RevenueShares_UnknownService", 9):
            self.give(p, service=9)

    @pytest.mark.parametrize("currency", [2, 8, MAX_UINT256])
    def test_an_unknown_currency(self, p: Protocol, currency: int) -> None:
        with p.stage.reverts("AccessToken_UnknownCurrency", currency, 2):
            self.give(p, currency=currency)

    def test_nothing(self, p: Protocol) -> None:
        with p.stage.reverts("RevenueShares_ZeroAmount"):
            self.give(p, amount=0)

    def test_more_than_a_total_can_hold(self, p: Protocol) -> None:
        p.fund(p.stranger, amount=2**109)
        self.give(p, amount=2**108 - 1)
        with p.stage.reverts("RevenueShares_TotalTooLarge", 1, USD_INDEX, 2**108, 2**108 - 1):
            self.give(p, amount=1)

    def test_a_currency_that_charges(self, p: Protocol) -> None:
        token = add_hostile(p)
        p.send(token, "setFee", 100, sender=p.operator)
        event = p.only(self.give(p, currency=2, amount=1_000), p.shares, "Distributed")
        assert event["amount"] == p.money(p.shares, token) == 990

    def test_there_is_neither_fee_nor_upstream(self, p: Protocol) -> None:
        service = p.register(upstreams=[(1, 5_000)])
        receipt = self.give(p, service=service, amount=700)
        assert p.only(receipt, p.shares, "Distributed") == {
            "serviceId": service, "from": p.stranger, "currency": USD_INDEX, "amount": 700, "total": 700,
        }  # fmt: skip
        assert (distributed(p, 1), p.read(p.shares, "fees", USD_INDEX)) == (0, 0)
