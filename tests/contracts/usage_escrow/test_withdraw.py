"""UsageEscrow: leaving a tab.

requestWithdrawal, cancelWithdrawal
├── when there is a request already, or none: it should revert
└── otherwise: the tab gives no access from the request until it is taken back
close
├── when the caller is not the meter, or there is no request: it should revert
└── otherwise: it should make the request ready at once
withdraw
├── when there is no request, or it is not ready: it should revert
├── given a service retired for longer than the delay: it should need no request
├── when there is nothing, or soulbound units would go to another: it should revert
└── otherwise: it should return what is unsettled and end the request
setWithdrawalDelay
├── when the caller is not governance, or it is out of bounds: it should revert
└── otherwise: it should hold for requests made from then on
"""

from __future__ import annotations

import pytest

from tests.contracts.protocol import DAY, HOUR, RETIRED, Protocol


def request(p: Protocol, plan: int) -> dict[str, object]:
    return p.send(p.escrow, "requestWithdrawal", plan, sender=p.buyer)


def withdraw(p: Protocol, plan: int, to: str | None = None) -> dict[str, object]:
    return p.send(p.escrow, "withdraw", plan, to or p.buyer, sender=p.buyer)


@pytest.fixture
def plan(p: Protocol) -> int:
    plan = p.create_plan()
    p.deposit(plan, 10)
    return plan


class TestRequest:
    def test_twice(self, p: Protocol, plan: int) -> None:
        now = p.stage.now
        request(p, plan)
        with p.stage.reverts("UsageEscrow_AlreadyRequested", plan, p.buyer, now + DAY):
            request(p, plan)

    def test_cancelling_what_was_not_asked(self, p: Protocol, plan: int) -> None:
        with p.stage.reverts("UsageEscrow_NoRequest", plan, p.buyer):
            p.send(p.escrow, "cancelWithdrawal", plan, sender=p.buyer)

    def test_there_is_no_access_meanwhile(self, p: Protocol, plan: int) -> None:
        now = p.stage.now
        receipt = request(p, plan)
        expected = {"planId": plan, "payer": p.buyer, "actor": p.buyer, "withdrawAt": now + DAY}
        assert p.only(receipt, p.escrow, "WithdrawalSet") == expected
        p.deposit(plan, 5)
        assert p.read(p.access, "accessOf", plan, p.buyer) == [0, 0]
        assert p.tab(plan)["withdrawAt"] == now + DAY
        receipt = p.send(p.escrow, "cancelWithdrawal", plan, sender=p.buyer)
        assert p.only(receipt, p.escrow, "WithdrawalSet") == {**expected, "withdrawAt": 0}
        assert p.read(p.access, "accessOf", plan, p.buyer) == [15, 0]


class TestClose:
    def test_a_stranger_cannot(self, p: Protocol, plan: int) -> None:
        request(p, plan)
        with p.stage.reverts("UsageEscrow_NotMeter", 1, p.stranger):
            p.send(p.escrow, "close", plan, p.buyer, sender=p.stranger)

    def test_a_tab_that_stays(self, p: Protocol, plan: int) -> None:
        with p.stage.reverts("UsageEscrow_NoRequest", plan, p.buyer):
            p.send(p.escrow, "close", plan, p.buyer, sender=p.meter)

    def test_the_payer_need_not_wait(self, p: Protocol, plan: int) -> None:
        request(p, plan)
        now = p.stage.now
        receipt = p.send(p.escrow, "close", plan, p.buyer, sender=p.meter)
        expected = {"planId": plan, "payer": p.buyer, "actor": p.meter, "withdrawAt": now}
        assert p.only(receipt, p.escrow, "WithdrawalSet") == expected
        withdraw(p, plan)

    def test_it_never_sets_a_ready_request_back(self, p: Protocol, plan: int) -> None:
        request(p, plan)
        ready = p.tab(plan)["withdrawAt"]
        p.stage.advance(9 * DAY)
        p.send(p.escrow, "close", plan, p.buyer, sender=p.meter)
        assert p.tab(plan)["withdrawAt"] == ready


class TestWithdraw:
    def test_without_a_request(self, p: Protocol, plan: int) -> None:
        with p.stage.reverts("UsageEscrow_NotReady", plan, p.buyer, 0):
            withdraw(p, plan)

    def test_too_early(self, p: Protocol, plan: int) -> None:
        now = p.stage.now
        request(p, plan)
        p.stage.travel(now + DAY - 1)
        with p.stage.reverts("UsageEscrow_NotReady", plan, p.buyer, now + DAY):
            withdraw(p, plan)
        p.stage.travel(now + DAY)
        withdraw(p, plan)

    def test_nothing(self, p: Protocol, plan: int) -> None:
        p.settle(plan, (p.buyer, 10))
        request(p, plan)
        p.stage.advance(DAY)
        with p.stage.reverts("UsageEscrow_NothingToWithdraw", plan, p.buyer):
            withdraw(p, plan)

    def test_onto_the_escrow_itself(self, p: Protocol, plan: int) -> None:
        request(p, plan)
        p.stage.advance(DAY)
        with p.stage.reverts("UsageEscrow_BadRecipient", p.escrow.address):
            withdraw(p, plan, p.escrow.address)

    def test_what_is_unsettled_comes_back(self, p: Protocol, plan: int) -> None:
        request(p, plan)
        p.stage.advance(DAY)
        p.settle(plan, (p.buyer, 4))
        receipt = withdraw(p, plan, p.stranger)
        assert p.only(receipt, p.escrow, "Withdrawn") == {
            "planId": plan, "payer": p.buyer, "to": p.stranger, "units": 6, "balance": 0,
        }  # fmt: skip
        tab = p.tab(plan)
        assert (tab["balance"], tab["settled"], tab["withdrawAt"]) == (0, 4, 0)
        assert (p.units(p.stranger, plan), p.units(p.escrow, plan)) == (6, 0)

    def test_soulbound_credits_return_only_to_the_payer(self, p: Protocol) -> None:
        plan = p.create_plan(transferable=False)
        p.deposit(plan, 3)
        request(p, plan)
        p.stage.advance(DAY)
        with p.stage.reverts("UsageEscrow_Soulbound", plan, p.stranger, p.buyer):
            withdraw(p, plan, p.stranger)
        withdraw(p, plan)
        assert p.units(p.buyer, plan) == 3

    def test_a_retired_service_lets_go_after_the_delay(self, p: Protocol, plan: int) -> None:
        now = p.stage.now
        p.send(p.registry, "setStatus", 1, RETIRED, sender=p.provider)
        p.stage.travel(now + DAY)
        with p.stage.reverts("UsageEscrow_NotReady", plan, p.buyer, 0):
            withdraw(p, plan)
        p.stage.travel(now + DAY + 1)
        withdraw(p, plan)
        assert p.units(p.buyer, plan) == 10

    def test_the_tab_goes_on_afterwards(self, p: Protocol, plan: int) -> None:
        p.settle(plan, (p.buyer, 4))
        request(p, plan)
        p.stage.advance(DAY)
        withdraw(p, plan)
        p.deposit(plan, 5)
        p.settle(plan, (p.buyer, 9))
        assert p.tab(plan)["settled"] == 9


class TestSetWithdrawalDelay:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("UsageEscrow_NotGovernance", p.guardian, p.governance):
            p.send(p.escrow, "setWithdrawalDelay", DAY, sender=p.guardian)

    @pytest.mark.parametrize("delay", [HOUR - 1, 7 * DAY + 1])
    def test_out_of_bounds(self, p: Protocol, delay: int) -> None:
        with p.stage.reverts("UsageEscrow_DelayOutOfBounds", delay, HOUR, 7 * DAY):
            p.send(p.escrow, "setWithdrawalDelay", delay, sender=p.governance)

    def test_bounds_above_a_week_are_not_deployed(self, p: Protocol) -> None:
        arguments = (p.access.address, p.registry.address, p.governance, DAY, HOUR, 7 * DAY + 1)
        with p.stage.reverts("UsageEscrow_DelayOutOfBounds", 7 * DAY + 1, HOUR, 7 * DAY):
            p.stage.deploy("UsageEscrow", *arguments)

    def test_requests_made_before_keep_theirs(self, p: Protocol, plan: int) -> None:
        request(p, plan)
        ready = p.tab(plan)["withdrawAt"]
        receipt = p.send(p.escrow, "setWithdrawalDelay", 7 * DAY, sender=p.governance)
        name = b"withdrawalDelay".ljust(32, b"\0")
        assert p.only(receipt, p.escrow, "ParameterSet") == {"name": name, "value": 7 * DAY}
        assert p.read(p.escrow, "withdrawalDelay") == 7 * DAY
        assert p.tab(plan)["withdrawAt"] == ready

    @pytest.mark.parametrize("interface", ["01ffc9a7", "4e2312e0"])
    def test_interfaces_are_told(self, p: Protocol, interface: str) -> None:
        assert p.read(p.escrow, "supportsInterface", bytes.fromhex(interface))
