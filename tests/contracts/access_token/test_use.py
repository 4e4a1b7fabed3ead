"""AccessToken: activate, consume, refund, and moving units.

activate
├── when units are 0, the plan is not Timed, the beneficiary is nobody, the service retired: it should revert
├── when the holder has too few, or a soulbound unit is meant for another: it should revert
└── otherwise: it should burn, release, and lengthen access from the later of now and what there was
consume
├── when units are 0, the plan is not Metered, the holder has too few: it should revert
└── otherwise: it should burn and release, for anybody, after retirement too
refund
├── when units are 0, it is a Pass, the receiver is nobody, the holder has too few: it should revert
├── given a plan that is not refundable: it should revert until the service is retired
└── otherwise: it should burn and return exactly the price, whatever is paused or closed
transfer
├── given a soulbound plan: it should revert, but to the escrow
└── otherwise: it should move access of a Pass and leave access activated where it is
"""

from __future__ import annotations

import pytest

from tests.contracts.protocol import (
    ACTIVATE,
    DAY,
    METERED,
    PASS,
    PAUSED,
    RETIRED,
    TIMED,
    USD,
    USD_INDEX,
    Protocol,
    add_hostile,
)
from tests.contracts.stage import ZERO

FEE = USD * 250 // 10_000


def retire(p: Protocol) -> None:
    p.send(p.registry, "setStatus", 1, RETIRED, sender=p.provider)


class TestActivate:
    def test_no_units(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_ZeroUnits"):
            p.send(p.access, "activate", p.create_plan(TIMED), 0, p.buyer, sender=p.buyer)

    def test_for_nobody(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED)
        p.buy(plan)
        with p.stage.reverts("AccessToken_ZeroAddress"):
            p.send(p.access, "activate", plan, 1, ZERO, sender=p.buyer)

    @pytest.mark.parametrize("kind", [PASS, METERED])
    def test_another_kind(self, p: Protocol, kind: int) -> None:
        plan = p.create_plan(kind)
        p.buy(plan)
        with p.stage.reverts("AccessToken_WrongKind", plan):
            p.send(p.access, "activate", plan, 1, p.buyer, sender=p.buyer)

    def test_a_retired_service(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED)
        p.buy(plan)
        retire(p)
        with p.stage.reverts("AccessToken_ServiceRetired", 1):
            p.send(p.access, "activate", plan, 1, p.buyer, sender=p.buyer)

    def test_more_than_held(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED)
        p.buy(plan)
        with p.stage.reverts("ERC1155InsufficientBalance"):
            p.send(p.access, "activate", plan, 2, p.buyer, sender=p.buyer)

    def test_a_soulbound_unit_for_another(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED, transferable=False)
        p.buy(plan)
        with p.stage.reverts("AccessToken_Soulbound", plan):
            p.send(p.access, "activate", plan, 1, p.stranger, sender=p.buyer)
        p.send(p.access, "activate", plan, 1, p.buyer, sender=p.buyer)

    def test_access_grows_from_now_then_from_its_end(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED)
        p.buy(plan, 3)
        now = p.stage.now
        receipt = p.send(p.access, "activate", plan, 1, p.buyer, sender=p.buyer)
        assert p.only(receipt, p.access, "Activated")["accessUntil"] == now + DAY
        assert p.only(receipt, p.access, "Activated")["supply"] == 2
        receipt = p.send(p.access, "activate", plan, 1, p.buyer, sender=p.buyer)
        assert p.only(receipt, p.access, "Activated")["accessUntil"] == now + 2 * DAY
        later = now + 9 * DAY
        p.stage.travel(later)
        receipt = p.send(p.access, "activate", plan, 1, p.buyer, sender=p.buyer)
        assert p.only(receipt, p.access, "Activated")["accessUntil"] == later + DAY

    def test_the_price_is_released_and_the_rest_stays_backed(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED)
        p.buy(plan, 3)
        receipt = p.send(p.access, "activate", plan, 2, p.buyer, sender=p.buyer)
        assert p.only(receipt, p.shares, "Released")["gross"] == 2 * USD
        assert p.money(p.access) == p.read(p.access, "backingOf", plan) == USD

    def test_access_is_the_beneficiarys_and_use_the_holders(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED)
        p.buy(plan)
        now = p.stage.now
        p.send(p.access, "activate", plan, 1, p.stranger, sender=p.buyer)
        assert p.read(p.access, "accountOf", plan, p.stranger) == [now + DAY, 0, 0]
        assert p.read(p.access, "accountOf", plan, p.buyer) == [0, now, 0]

    def test_a_free_unit_is_no_paid_use(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED, unitPrice=0)
        p.buy(plan, 2)
        p.send(p.access, "activate", plan, 1, p.buyer, sender=p.buyer)
        p.buy(plan, then=ACTIVATE)
        assert p.read(p.access, "accountOf", plan, p.buyer)[1] == 0

    def test_neither_pause_nor_status_stops_it(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED)
        p.buy(plan)
        p.send(p.access, "pauseSales", sender=p.guardian)
        p.send(p.registry, "setStatus", 1, PAUSED, sender=p.provider)
        p.send(p.access, "setCurrencyOpen", USD_INDEX, False, sender=p.governance)
        p.send(p.access, "activate", plan, 1, p.buyer, sender=p.buyer)


class TestConsume:
    def test_no_units(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_ZeroUnits"):
            p.send(p.access, "consume", p.create_plan(), 0, sender=p.buyer)

    @pytest.mark.parametrize("kind", [PASS, TIMED])
    def test_another_kind(self, p: Protocol, kind: int) -> None:
        plan = p.create_plan(kind)
        p.buy(plan)
        with p.stage.reverts("AccessToken_WrongKind", plan):
            p.send(p.access, "consume", plan, 1, sender=p.buyer)

    def test_more_than_held(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 5)  # the tab's units are the escrow's to consume
        with p.stage.reverts("ERC1155InsufficientBalance", p.buyer, 0, 1, plan):
            p.send(p.access, "consume", plan, 1, sender=p.buyer)

    @pytest.mark.parametrize("retired", [False, True])
    def test_anybody_consumes_what_is_its_own(self, p: Protocol, retired: bool) -> None:
        plan = p.create_plan()
        p.buy(plan, 3)
        if retired:
            retire(p)
        now = p.stage.now
        receipt = p.send(p.access, "consume", plan, 2, sender=p.buyer)
        assert p.only(receipt, p.access, "Consumed") == {
            "planId": plan, "holder": p.buyer, "units": 2, "supply": 1,
        }  # fmt: skip
        assert p.only(receipt, p.shares, "Released")["gross"] == 2 * USD
        assert p.read(p.access, "accountOf", plan, p.buyer)[1] == now
        assert p.money(p.access) == p.read(p.access, "backingOf", plan) == USD

    def test_a_currency_that_began_to_charge_splits_what_arrives(self, p: Protocol) -> None:
        token = add_hostile(p)
        plan = p.create_plan(currency=2)
        p.buy(plan, 2)
        p.send(token, "setFee", 1_000, sender=p.operator)
        receipt = p.send(p.access, "consume", plan, 1, sender=p.buyer)
        assert p.only(receipt, p.shares, "Released")["gross"] == USD - USD // 10
        assert p.money(p.access, token) == p.read(p.access, "backingOf", plan) == USD


class TestRefund:
    def test_no_units(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_ZeroUnits"):
            p.send(p.access, "refund", p.create_plan(), 0, p.buyer, sender=p.buyer)

    def test_to_nobody(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.buy(plan)
        with p.stage.reverts("AccessToken_ZeroAddress"):
            p.send(p.access, "refund", plan, 1, ZERO, sender=p.buyer)

    @pytest.mark.parametrize("retired", [False, True])
    def test_a_pass(self, p: Protocol, retired: bool) -> None:
        plan = p.create_plan(PASS)
        p.buy(plan)
        if retired:
            retire(p)
        with p.stage.reverts("AccessToken_WrongKind", plan):
            p.send(p.access, "refund", plan, 1, p.buyer, sender=p.buyer)

    def test_more_than_held(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.buy(plan)
        p.buy(plan, sender=p.stranger)
        with p.stage.reverts("ERC1155InsufficientBalance"):
            p.send(p.access, "refund", plan, 2, p.buyer, sender=p.buyer)

    def test_what_was_activated(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED)
        p.buy(plan)
        p.send(p.access, "activate", plan, 1, p.buyer, sender=p.buyer)
        with p.stage.reverts("ERC1155InsufficientBalance"):
            p.send(p.access, "refund", plan, 1, p.buyer, sender=p.buyer)

    def test_a_plan_that_is_not_refundable_until_retirement(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED, refundable=False)
        p.buy(plan)
        with p.stage.reverts("AccessToken_NotRefundable", plan):
            p.send(p.access, "refund", plan, 1, p.buyer, sender=p.buyer)
        retire(p)
        p.send(p.access, "refund", plan, 1, p.buyer, sender=p.buyer)
        assert p.money(p.access) == 0

    @pytest.mark.parametrize("kind", [TIMED, METERED])
    def test_exactly_the_price_comes_back(self, p: Protocol, kind: int) -> None:
        plan, before = p.create_plan(kind), p.money(p.stranger)
        p.buy(plan, 5)
        receipt = p.send(p.access, "refund", plan, 3, p.stranger, sender=p.buyer)
        assert p.money(p.stranger) - before == 3 * USD
        assert p.only(receipt, p.access, "Refunded") == {
            "planId": plan, "holder": p.buyer, "to": p.stranger, "units": 3, "amount": 3 * USD,
            "supply": 2, "sold": 2,
        }  # fmt: skip
        assert p.money(p.access) == p.read(p.access, "backingOf", plan) == 2 * USD

    def test_nothing_can_pause_it(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.buy(plan)
        p.send(p.access, "pauseSales", sender=p.guardian)
        p.send(p.registry, "setStatus", 1, PAUSED, sender=p.provider)
        p.send(p.access, "setCurrencyOpen", USD_INDEX, False, sender=p.governance)
        p.send(p.access, "setSaleOpen", plan, False, sender=p.provider)
        p.send(p.access, "refund", plan, 1, p.buyer, sender=p.buyer)

    def test_a_free_unit_moves_no_money(self, p: Protocol) -> None:
        plan = p.create_plan(unitPrice=0)
        p.buy(plan)
        receipt = p.send(p.access, "refund", plan, 1, p.buyer, sender=p.buyer)
        assert not p.events(receipt, p.usd, "Transfer")


class TestTransfer:
    def move(self, p: Protocol, plan: int, to: str, units: int = 1) -> None:
        p.send(p.access, "safeTransferFrom", p.buyer, to, plan, units, b"", sender=p.buyer)

    @pytest.mark.parametrize("kind", [PASS, TIMED, METERED])
    def test_a_soulbound_unit_stays(self, p: Protocol, kind: int) -> None:
        plan = p.create_plan(kind, transferable=False)
        p.buy(plan)
        with p.stage.reverts("AccessToken_Soulbound", plan):
            self.move(p, plan, p.stranger)
        free = p.create_plan(kind)
        p.buy(free)
        arguments = (p.buyer, p.stranger, [free, plan], [1, 1], b"")
        with p.stage.reverts("AccessToken_Soulbound", plan):
            p.send(p.access, "safeBatchTransferFrom", *arguments, sender=p.buyer)

    def test_a_soulbound_credit_may_go_to_the_tab(self, p: Protocol) -> None:
        plan = p.create_plan(transferable=False)
        p.buy(plan)
        self.move(p, plan, p.escrow.address)
        assert p.tab(plan)["balance"] == 1

    def test_access_of_a_pass_moves_with_it(self, p: Protocol) -> None:
        plan = p.create_plan(PASS)
        p.buy(plan)
        self.move(p, plan, p.stranger)
        assert p.read(p.access, "accessOf", plan, p.buyer) == [0, 0]
        assert p.read(p.access, "accessOf", plan, p.stranger) == [1, 0]

    def test_activated_access_stays(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED)
        p.buy(plan, 2)
        p.send(p.access, "activate", plan, 1, p.buyer, sender=p.buyer)
        self.move(p, plan, p.stranger)
        assert p.read(p.access, "accessOf", plan, p.buyer)[1] > p.stage.now
        assert p.read(p.access, "accessOf", plan, p.stranger) == [0, 0]
