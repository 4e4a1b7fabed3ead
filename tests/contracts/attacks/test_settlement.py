"""Attacks: meters against payers, payers against meters, and others in between.

├── a settlement repeated, reordered or split should charge the same
├── one that is oversized, or for a foreign plan, should charge nothing
├── an entry made to fail should stop no other
├── a withdrawal racing a settlement should pay what was used, and return the rest, whoever comes first
├── a matured request left standing should give no access, and go on being settled
├── a dishonest meter should take no more than was deposited, and no more than a limit a day
├── credits should not leave a tab but by settlement or to its payer
└── a retired service should sell nothing, settle for the delay, and let everybody leave
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.contracts.protocol import DAY, DEPOSIT, METERED, PASS, RETIRED, TIMED, USD, Protocol
from tests.contracts.stage import MAX_UINT256


@pytest.fixture
def plan(p: Protocol) -> int:
    plan = p.create_plan()
    for payer in (p.buyer, p.stranger):
        p.deposit(plan, 100, payer)
    return plan


def totals(p: Protocol, plan: int) -> tuple[int, ...]:
    tabs = [p.tab(plan, payer) for payer in (p.buyer, p.stranger)]
    return (*(t["settled"] for t in tabs), *(t["balance"] for t in tabs), p.money(p.shares))


class TestOrder:
    def test_repeated_and_reordered_settlements_charge_the_same(self, p: Protocol, plan: int) -> None:
        lines = [(p.buyer, 10), (p.buyer, 25), (p.stranger, 7)]
        results = set()
        for order in itertools.permutations(lines):
            point = p.stage.snapshot()
            for line in (*order, *order):
                p.settle(plan, line)
            results.add(totals(p, plan))
            p.stage.revert(point)
        assert results == {(25, 7, 75, 93, 32 * USD)}

    def test_the_same_line_twice_in_one_settlement(self, p: Protocol, plan: int) -> None:
        p.settle(plan, (p.buyer, 10), (p.buyer, 10), (p.buyer, 10))
        assert totals(p, plan)[0] == 10

    @pytest.mark.parametrize("units", [101, 2**63, 2**64, 2**64 + 1, 2**255, MAX_UINT256])
    def test_oversized_lines_charge_nothing(self, p: Protocol, plan: int, units: int) -> None:
        p.settle(plan, (p.buyer, units))
        assert totals(p, plan) == (0, 0, 100, 100, 0)

    def test_a_meter_charges_no_foreign_plan(self, p: Protocol, plan: int) -> None:
        p.register(sender=p.staker, meter=p.staker)
        with p.stage.reverts("UsageEscrow_NotMeter", 1, p.staker):
            p.settle(plan, (p.buyer, 10), sender=p.staker)
        forged = 2 << 20 | (plan & (2**20 - 1))
        p.settle(forged, (p.buyer, 10), sender=p.staker)
        assert totals(p, plan) == (0, 0, 100, 100, 0)

    def test_an_entry_made_to_fail_stops_no_other(self, p: Protocol, plan: int) -> None:
        wallet = p.stage.deploy("SmartWallet", p.buyer)
        options = p.escrow.encode_abi("setTabOptions", [plan, True, 0])
        p.send(wallet, "act", p.escrow.address, options, sender=p.buyer)
        p.buy(plan, 5)
        p.send(p.access, "safeTransferFrom", p.buyer, wallet.address, plan, 5, b"", sender=p.buyer)
        give = p.access.encode_abi("safeTransferFrom", [wallet.address, p.escrow.address, plan, 5, b""])
        p.send(wallet, "act", p.access.address, give, sender=p.buyer)
        p.send(wallet, "setMood", 2, sender=p.buyer)  # burns all gas it is given
        bad = (wallet.address, 5, (5).to_bytes(32, "big") + b"\x00" * 168)  # covers enough: it is asked
        much = [(p.stranger, 2**40), (p.stranger, MAX_UINT256)]
        p.settle(plan, bad, (p.buyer, 10), bad, *much, (p.stranger, 7))
        assert totals(p, plan)[:2] == (10, 7)


class TestRaces:
    @pytest.mark.parametrize("settled_first", [True, False])
    def test_a_withdrawal_racing_a_settlement(self, p: Protocol, plan: int, settled_first: bool) -> None:
        p.send(p.escrow, "requestWithdrawal", plan, sender=p.buyer)
        p.stage.advance(DAY)
        steps: list[Any] = [
            lambda: p.settle(plan, (p.buyer, 40)),
            lambda: p.send(p.escrow, "withdraw", plan, p.buyer, sender=p.buyer),
        ]
        for step in steps if settled_first else reversed(steps):
            step()
        settled = 40 if settled_first else 0  # the delay was the meter's time to come first
        assert p.tab(plan)["settled"] == settled
        assert p.units(p.buyer, plan) == 100 - settled
        assert p.units(p.escrow, plan) == 100

    def test_a_matured_request_left_standing_gives_no_access(self, p: Protocol, plan: int) -> None:
        p.send(p.escrow, "requestWithdrawal", plan, sender=p.buyer)
        p.stage.advance(30 * DAY)
        p.deposit(plan, 50)
        assert p.read(p.access, "accessOf", plan, p.buyer) == [0, 0]
        p.settle(plan, (p.buyer, 60))
        p.send(p.escrow, "withdraw", plan, p.buyer, sender=p.buyer)
        assert p.units(p.buyer, plan) == 90

    def test_a_longer_delay_does_not_catch_a_request_under_way(self, p: Protocol, plan: int) -> None:
        now = p.stage.now
        p.send(p.escrow, "requestWithdrawal", plan, sender=p.buyer)
        p.send(p.escrow, "setWithdrawalDelay", 7 * DAY, sender=p.governance)
        p.stage.travel(now + DAY)
        p.send(p.escrow, "withdraw", plan, p.buyer, sender=p.buyer)


class TestDishonestMeter:
    def test_it_takes_what_was_deposited_and_no_more(self, p: Protocol, plan: int) -> None:
        for units in (50, 100, 101, 200):
            p.settle(plan, (p.buyer, units))
        assert totals(p, plan)[:3] == (100, 0, 0)
        p.buy(plan, 10)
        p.settle(plan, (p.buyer, 101))
        assert p.units(p.buyer, plan) == 10

    def test_a_limit_holds_it_to_so_much_a_day(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.send(p.escrow, "setTabOptions", plan, False, 10, sender=p.buyer)
        p.deposit(plan, 100)
        midnight = (p.stage.now // DAY + 1) * DAY
        for day in range(3):
            p.stage.travel(midnight + day * DAY)
            for step in range(1, 30, 3):
                p.settle(plan, (p.buyer, day * 10 + step))
            assert p.tab(plan)["settled"] <= (day + 1) * 10

    def test_credits_leave_a_tab_only_to_its_payer(self, p: Protocol, plan: int) -> None:
        for caller in (p.meter, p.provider, p.governance, p.stranger):
            with p.stage.reverts("ERC1155MissingApprovalForAll"):
                arguments = (p.escrow.address, caller, plan, 1, b"")
                p.send(p.access, "safeTransferFrom", *arguments, sender=caller)
        with p.stage.reverts("UsageEscrow_NotReady"):
            p.send(p.escrow, "withdraw", plan, p.stranger, sender=p.stranger)


class TestRetirement:
    def retire(self, p: Protocol) -> int:
        now = p.stage.now
        p.send(p.registry, "setStatus", 1, RETIRED, sender=p.provider)
        return now

    @pytest.mark.parametrize("kind", [PASS, TIMED, METERED])
    def test_a_retired_service_sells_nothing(self, p: Protocol, kind: int) -> None:
        plan = p.create_plan(kind)
        self.retire(p)
        p.send(p.access, "setSaleOpen", plan, True, sender=p.provider)
        with p.stage.reverts("AccessToken_ServiceNotSelling", 1):
            p.buy(plan)

    def test_an_owner_retiring_while_the_meter_settles(self, p: Protocol) -> None:
        plan = p.create_plan(refundable=False)
        p.deposit(plan, 100)
        now = self.retire(p)
        p.settle(plan, (p.buyer, 30))
        p.stage.travel(now + DAY + 1)
        p.settle(plan, (p.buyer, 60))
        p.send(p.escrow, "withdraw", plan, p.buyer, sender=p.buyer)
        before = p.money(p.buyer)
        p.send(p.access, "refund", plan, 70, p.buyer, sender=p.buyer)
        assert p.money(p.buyer) - before == 70 * USD
        assert p.money(p.access) == 0

    def test_every_unit_of_a_retired_service_returns_its_price(self, p: Protocol) -> None:
        timed, metered = p.create_plan(TIMED, refundable=False), p.create_plan(refundable=False)
        before = p.money(p.buyer)
        p.buy(timed, 3)
        p.buy(metered, 4)
        self.retire(p)
        for plan, units in ((timed, 3), (metered, 4)):
            p.send(p.access, "refund", plan, units, p.buyer, sender=p.buyer)
        assert p.money(p.buyer) == before

    def test_a_deposit_into_a_retired_service_comes_out_again(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.buy(plan, 5)
        now = self.retire(p)
        p.stage.travel(now + 2 * DAY)
        p.send(p.access, "safeTransferFrom", p.buyer, p.escrow.address, plan, 5, b"", sender=p.buyer)
        p.settle(plan, (p.buyer, 5))
        p.send(p.escrow, "withdraw", plan, p.buyer, sender=p.buyer)
        assert p.units(p.buyer, plan) == 5


class TestStrangers:
    def test_a_soulbound_unit_is_not_moved_by_depositing_for_another(self, p: Protocol) -> None:
        plan = p.create_plan(transferable=False)
        p.buy(plan, 5)
        named = bytes(12) + bytes.fromhex(p.stranger[2:])
        p.send(p.access, "safeTransferFrom", p.buyer, p.escrow.address, plan, 5, named, sender=p.buyer)
        assert (p.tab(plan)["balance"], p.tab(plan, p.stranger)["balance"]) == (5, 0)
        p.send(p.escrow, "requestWithdrawal", plan, sender=p.buyer)
        p.stage.advance(DAY)
        with p.stage.reverts("UsageEscrow_Soulbound", plan, p.stranger, p.buyer):
            p.send(p.escrow, "withdraw", plan, p.stranger, sender=p.buyer)

    def test_a_soulbound_plan_is_not_sold_onto_anothers_tab(self, p: Protocol) -> None:
        plan = p.create_plan(transferable=False)
        with p.stage.reverts("AccessToken_RecipientNotPayer", p.stranger, p.buyer):
            p.buy(plan, then=DEPOSIT, recipient=p.stranger)

    def test_a_trial_cap_is_not_filled_for_a_victim(self, p: Protocol) -> None:
        trial = p.create_plan(unitPrice=0, accountCap=1)
        with p.stage.reverts("AccessToken_RecipientNotPayer", p.buyer, p.stranger):
            p.buy(trial, recipient=p.buyer, sender=p.stranger)
        p.buy(trial, sender=p.stranger)
        p.send(p.access, "safeTransferFrom", p.stranger, p.buyer, trial, 1, b"", sender=p.stranger)
        p.buy(trial)
        assert p.units(p.buyer, trial) == 2

    def test_a_currency_table_is_not_filled_by_strangers(self, p: Protocol) -> None:
        for caller in (p.stranger, p.provider, p.guardian, p.operator):
            with p.stage.reverts("AccessToken_NotGovernance", caller, p.governance):
                p.send(p.access, "addCurrency", p.usd.address, sender=caller)

    def test_a_stranger_naming_you_as_upstream_only_pays_you(self, p: Protocol) -> None:
        derived = p.register(sender=p.stranger, upstreams=[(1, 5_000)])
        before = p.read(p.registry, "serviceOf", 1), p.read(p.shares, "upstreamsOf", 1)
        lasting = p.create_plan(PASS, service=derived, sender=p.stranger)
        p.buy(lasting)
        assert p.read(p.shares, "distributed", 1, 0) == USD // 2
        assert (p.read(p.registry, "serviceOf", 1), p.read(p.shares, "upstreamsOf", 1)) == before


class TestRevenueRaces:
    def test_shares_bought_just_before_a_release_earn_only_from_then(self, p: Protocol, plan: int) -> None:
        p.settle(plan, (p.buyer, 50))
        earned = p.read(p.shares, "claimable", p.provider, 1, 0)
        p.send(p.shares, "safeTransferFrom", p.provider, p.staker, 1, 500_000, b"", sender=p.provider)
        p.settle(plan, (p.buyer, 100))
        late = p.read(p.shares, "claimable", p.staker, 1, 0)
        assert p.read(p.shares, "claimable", p.provider, 1, 0) == earned + late
        assert late == earned // 2

    def test_dust_is_never_lost_nor_made(self, p: Protocol) -> None:
        for shares in (333_333, 1, 7):
            p.send(p.shares, "safeTransferFrom", p.provider, p.staker, 1, shares, b"", sender=p.provider)
            p.send(p.shares, "distribute", 1, 0, 1, sender=p.buyer)
        assert self.owed(p) == 3 * 10**6
        before = p.money(p.shares)
        for account in (p.provider, p.staker):
            p.send(p.shares, "claim", [1], [0], account, sender=account)
        assert before - p.money(p.shares) == 2
        assert self.owed(p) == 10**6

    def owed(self, p: Protocol) -> int:
        """Millionths that provider and staker are owed of what was given to service 1."""
        total, owed = p.read(p.shares, "distributed", 1, 0), 0
        for account in (p.provider, p.staker):
            stored, checkpoint = p.read(p.shares, "accountOf", account, 1, 0)
            owed += stored + p.read(p.shares, "balanceOf", account, 1) * (total - checkpoint)
        return owed
