"""AccessToken.buy

├── when the deadline passed, units are 0 or beyond 2**63 - 1: it should revert
├── when the plan is unknown or closed, its currency closed: it should revert
├── when its service is paused, under-bonded or retired: it should revert
├── when sales are paused by the guardian: it should revert, for 30 days at most
├── given a sale that has not begun
│   ├── when it is before early access: it should revert
│   ├── when the payer's score is too low: it should revert
│   └── when the payer's score is enough: it should sell
├── when `then` does not fit the kind: it should revert
├── when somebody else would get what `then` gives, or fill a cap: it should revert
├── when the cost is above the maximum, a cap is reached: it should revert
├── when the money does not arrive in full: it should revert
└── otherwise
    ├── Hold: it should mint to the recipient and keep the price as backing
    ├── Hold of a Pass: it should release the price at once
    ├── Activate: it should lengthen access and release the price at once, minting nothing
    ├── Deposit: it should mint onto the payer's tab
    └── it should tell absolute results, note the sale, and move nothing where nothing is to pay
"""

from __future__ import annotations

import pytest

from tests.contracts.protocol import (
    ACTIVATE,
    DAY,
    DEPOSIT,
    EMP,
    HOLD,
    MIN_BOND,
    PASS,
    PAUSED,
    RETIRED,
    TIMED,
    USD,
    USD_INDEX,
    Protocol,
    add_hostile,
)
from tests.contracts.stage import MAX_UINT256

FEE = USD * 250 // 10_000


class TestWhatIsRefused:
    def test_a_late_order(self, p: Protocol) -> None:
        plan, deadline = p.create_plan(), p.stage.now - 1
        with p.stage.reverts("AccessToken_Expired"):
            p.buy(plan, deadline=deadline)

    def test_no_units_so_no_event_with_zero_amounts(self, p: Protocol) -> None:
        plan = p.create_plan()
        with p.stage.reverts("AccessToken_ZeroUnits"):
            p.buy(plan, 0)

    @pytest.mark.parametrize("units", [2**63, MAX_UINT256])
    def test_units_beyond_every_counter(self, p: Protocol, units: int) -> None:
        plan = p.create_plan(unitPrice=0)
        with p.stage.reverts("AccessToken_CapTooHigh", units, 2**63 - 1):
            p.buy(plan, units)

    def test_an_unknown_plan(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_SaleClosed", 99):
            p.buy(99)

    def test_a_closed_currency(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.send(p.access, "setCurrencyOpen", USD_INDEX, False, sender=p.governance)
        with p.stage.reverts("AccessToken_CurrencyClosed", USD_INDEX):
            p.buy(plan)

    @pytest.mark.parametrize("status", [PAUSED, RETIRED])
    def test_a_service_that_is_not_active(self, p: Protocol, status: int) -> None:
        plan = p.create_plan()
        p.send(p.registry, "setStatus", 1, status, sender=p.provider)
        with p.stage.reverts("AccessToken_ServiceNotSelling", 1):
            p.buy(plan)

    def test_a_service_whose_bond_is_leaving(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.send(p.registry, "requestUnbond", 1, 1, sender=p.provider)
        with p.stage.reverts("AccessToken_ServiceNotSelling", 1):
            p.buy(plan)

    def test_a_service_without_a_bond(self, p: Protocol) -> None:
        plan = p.create_plan(service=p.register(bond=MIN_BOND - 1))
        with p.stage.reverts("AccessToken_ServiceNotSelling", 2):
            p.buy(plan)

    def test_a_paused_sale(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.send(p.access, "pauseSales", sender=p.guardian)
        with p.stage.reverts("AccessToken_SalesPaused"):
            p.buy(plan)
        p.stage.advance(30 * DAY)
        p.buy(plan)

    @pytest.mark.parametrize(
        ("kind", "then"), [(PASS, ACTIVATE), (PASS, DEPOSIT), (TIMED, DEPOSIT), (2, ACTIVATE)]
    )
    def test_a_then_that_does_not_fit(self, p: Protocol, kind: int, then: int) -> None:
        plan = p.create_plan(kind)
        with p.stage.reverts("AccessToken_WrongThen", plan, then):
            p.buy(plan, then=then)

    @pytest.mark.parametrize(("kind", "then"), [(TIMED, ACTIVATE), (2, DEPOSIT)])
    def test_access_bought_for_another(self, p: Protocol, kind: int, then: int) -> None:
        plan = p.create_plan(kind)
        with p.stage.reverts("AccessToken_RecipientNotPayer", p.stranger, p.buyer):
            p.buy(plan, then=then, recipient=p.stranger)

    def test_filling_anothers_cap(self, p: Protocol) -> None:
        plan = p.create_plan(accountCap=1, unitPrice=0)
        with p.stage.reverts("AccessToken_RecipientNotPayer", p.stranger, p.buyer):
            p.buy(plan, recipient=p.stranger)

    def test_a_cost_above_the_maximum(self, p: Protocol) -> None:
        plan = p.create_plan()
        with p.stage.reverts("AccessToken_CostAboveMaximum", 2 * USD, 2 * USD - 1):
            p.buy(plan, 2, maxCost=2 * USD - 1)

    def test_units_above_the_supply_cap(self, p: Protocol) -> None:
        plan = p.create_plan(supplyCap=3)
        p.buy(plan, 2)
        with p.stage.reverts("AccessToken_SupplyCapReached", plan, 2, 1):
            p.buy(plan, 2)

    def test_the_supply_cap_frees_what_is_refunded_and_only_that(self, p: Protocol) -> None:
        plan = p.create_plan(supplyCap=3)
        p.buy(plan, 3)
        p.send(p.access, "consume", plan, 1, sender=p.buyer)
        p.send(p.access, "refund", plan, 1, p.buyer, sender=p.buyer)
        with p.stage.reverts("AccessToken_SupplyCapReached", plan, 2, 1):
            p.buy(plan, 2)
        p.buy(plan, 1)

    def test_units_above_the_account_cap_refunds_not_forgiven(self, p: Protocol) -> None:
        plan = p.create_plan(accountCap=3)
        p.buy(plan, 2)
        p.send(p.access, "refund", plan, 2, p.buyer, sender=p.buyer)
        with p.stage.reverts("AccessToken_AccountCapReached", plan, p.buyer, 2, 1):
            p.buy(plan, 2)
        p.buy(plan, 1)
        p.buy(plan, 3, sender=p.stranger)

    def test_money_that_does_not_arrive_in_full(self, p: Protocol) -> None:
        token = add_hostile(p)
        plan, lasting = p.create_plan(currency=2), p.create_plan(PASS, currency=2)
        p.send(token, "setFee", 100, sender=p.operator)
        for identifier in (plan, lasting):
            with p.stage.reverts("AccessToken_ShortPayment", USD - USD // 100, USD):
                p.buy(identifier)

    def test_an_empty_purse(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.send(p.usd, "approve", p.access.address, 0, sender=p.buyer)
        with p.stage.reverts("ERC20InsufficientAllowance"):
            p.buy(plan)


class TestEarlyAccess:
    SCORE = 100 * EMP

    def plan(self, p: Protocol) -> int:
        return p.create_plan(saleStart=p.stage.now + 10 * DAY, earlySeconds=5 * DAY, earlyScore=self.SCORE)

    def test_nobody_buys_before_it(self, p: Protocol) -> None:
        plan = self.plan(p)
        p.send(p.vault, "lock", self.SCORE, 30 * DAY, sender=p.buyer)
        with p.stage.reverts("AccessToken_SaleNotStarted"):
            p.buy(plan)

    def test_a_low_score_waits_for_the_start(self, p: Protocol) -> None:
        plan = self.plan(p)
        p.send(p.vault, "lock", self.SCORE // 2, 7 * DAY, sender=p.buyer)
        p.stage.advance(6 * DAY)
        with p.stage.reverts("AccessToken_ScoreTooLow", self.SCORE // 2, self.SCORE):
            p.buy(plan)
        p.stage.advance(5 * DAY)
        p.buy(plan)

    def test_the_score_is_the_payers(self, p: Protocol) -> None:
        plan = self.plan(p)
        p.send(p.vault, "lock", self.SCORE, 30 * DAY, sender=p.staker)
        p.stage.advance(6 * DAY)
        with p.stage.reverts("AccessToken_ScoreTooLow", 0, self.SCORE):
            p.buy(plan, recipient=p.staker)
        p.buy(plan, sender=p.staker)


class TestHold:
    def test_units_go_to_the_recipient_and_the_price_stays_behind_them(self, p: Protocol) -> None:
        plan, before = p.create_plan(), p.money(p.buyer)
        receipt = p.buy(plan, 3, recipient=p.stranger, maxCost=3 * USD, deadline=p.stage.now)
        assert p.units(p.stranger, plan) == p.supply(plan) == 3
        assert (
            before - p.money(p.buyer) == p.money(p.access) == p.read(p.access, "backingOf", plan) == 3 * USD
        )
        assert p.only(receipt, p.access, "Bought") == {
            "planId": plan, "payer": p.buyer, "recipient": p.stranger, "units": 3, "cost": 3 * USD,
            "then": HOLD, "supply": 3, "sold": 3, "bought": 0,
        }  # fmt: skip
        assert not p.events(receipt, p.shares, "Released")

    def test_a_pass_is_revenue_at_once(self, p: Protocol) -> None:
        plan, now = p.create_plan(PASS), p.stage.now
        receipt = p.buy(plan, 2)
        assert p.units(p.buyer, plan) == 2
        assert (p.money(p.access), p.money(p.shares)) == (0, 2 * USD)
        assert p.read(p.access, "backingOf", plan) == 0
        released = p.only(receipt, p.shares, "Released")
        assert (released["gross"], released["fee"], released["amount"]) == (2 * USD, 2 * FEE, 2 * (USD - FEE))
        assert p.read(p.access, "accountOf", plan, p.buyer)[1] == now

    def test_counts_an_account_under_a_cap(self, p: Protocol) -> None:
        plan = p.create_plan(accountCap=5)
        assert p.only(p.buy(plan, 2), p.access, "Bought")["bought"] == 2
        assert p.only(p.buy(plan, 3), p.access, "Bought")["bought"] == 5
        assert p.read(p.access, "accountOf", plan, p.buyer)[2] == 5

    def test_the_sale_is_noted_for_the_bond(self, p: Protocol) -> None:
        plan, now = p.create_plan(), p.stage.now + 500
        p.stage.travel(now)
        p.buy(plan)
        assert p.read(p.registry, "lastSaleOf", 1) == now

    def test_nothing_to_pay_moves_nothing(self, p: Protocol) -> None:
        plan = p.create_plan(PASS, unitPrice=0, accountCap=1)
        receipt = p.buy(plan, sender=p.stranger, maxCost=0)
        assert not p.events(receipt, p.usd, "Transfer")
        assert not p.events(receipt, p.shares, "Released")
        assert p.read(p.access, "accountOf", plan, p.stranger) == [0, 0, 1]


class TestActivate:
    def test_access_grows_and_the_price_is_released(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED)
        now = p.stage.now
        receipt = p.buy(plan, 3, then=ACTIVATE)
        assert p.read(p.access, "accessOf", plan, p.buyer) == [0, now + 3 * DAY]
        assert p.read(p.access, "accountOf", plan, p.buyer)[1] == now
        assert (p.units(p.buyer, plan), p.supply(plan)) == (0, 0)
        assert (p.money(p.access), p.money(p.shares)) == (0, 3 * USD)
        assert p.only(receipt, p.access, "Activated") == {
            "planId": plan, "holder": p.buyer, "beneficiary": p.buyer, "units": 3,
            "accessUntil": now + 3 * DAY, "supply": 0,
        }  # fmt: skip
        assert p.only(receipt, p.access, "Bought")["sold"] == 3
        assert not p.events(receipt, p.access, "TransferSingle")

    def test_access_beyond_the_calendar_is_refused(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED, unitPrice=0, period=3_650 * DAY)
        with p.stage.reverts("SafeCastOverflowedUintDowncast"):
            p.buy(plan, 2**62, then=ACTIVATE)


class TestDeposit:
    def test_credits_go_onto_the_tab_of_the_payer(self, p: Protocol) -> None:
        plan = p.create_plan()
        receipt = p.deposit(plan, 40)
        assert p.units(p.escrow, plan) == p.supply(plan) == p.tab(plan)["balance"] == 40
        assert p.read(p.access, "accessOf", plan, p.buyer) == [40, 0]
        assert p.only(receipt, p.escrow, "Deposited") == {
            "planId": plan, "payer": p.buyer, "units": 40, "balance": 40,
        }  # fmt: skip

    def test_a_mint_to_the_escrow_without_deposit_is_refused(self, p: Protocol) -> None:
        plan = p.create_plan()
        with p.stage.reverts("UsageEscrow_MintNotDeposit", plan):
            p.buy(plan, recipient=p.escrow.address)
