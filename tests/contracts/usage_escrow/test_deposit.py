"""UsageEscrow: deposits and options of a tab.

deposit
├── when units are 0, the plan is not Metered, the payer has too few or did not approve: it should revert
└── otherwise: it should hold the units and credit the payer
receiving units
├── when anybody but AccessToken calls: it should revert
├── given a plain transfer, single or batch: it should deposit for the sender, whoever operates
├── given a batch with another kind: it should revert whole
└── given none: it should do nothing
setTabOptions
├── when the tab is not empty, or the limit too high: it should revert
└── otherwise: it should set both and keep what was settled
"""

from __future__ import annotations

import pytest

from tests.contracts.protocol import PASS, TIMED, Protocol
from tests.contracts.stage import MAX_UINT256


def approve(p: Protocol) -> None:
    p.send(p.access, "setApprovalForAll", p.escrow.address, True, sender=p.buyer)


class TestDeposit:
    def test_no_units(self, p: Protocol) -> None:
        with p.stage.reverts("UsageEscrow_ZeroUnits"):
            p.send(p.escrow, "deposit", p.create_plan(), 0, sender=p.buyer)

    @pytest.mark.parametrize("kind", [PASS, TIMED])
    def test_another_kind(self, p: Protocol, kind: int) -> None:
        plan = p.create_plan(kind)
        p.buy(plan)
        approve(p)
        with p.stage.reverts("UsageEscrow_NotMetered", plan):
            p.send(p.escrow, "deposit", plan, 1, sender=p.buyer)

    def test_without_approval(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.buy(plan)
        with p.stage.reverts("ERC1155MissingApprovalForAll", p.escrow.address, p.buyer):
            p.send(p.escrow, "deposit", plan, 1, sender=p.buyer)

    def test_more_than_held(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.buy(plan)
        approve(p)
        with p.stage.reverts("ERC1155InsufficientBalance"):
            p.send(p.escrow, "deposit", plan, 2, sender=p.buyer)

    def test_metered_the_payer(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.buy(plan, 5)
        approve(p)
        p.send(p.escrow, "deposit", plan, 2, sender=p.buyer)
        receipt = p.send(p.escrow, "deposit", plan, 3, sender=p.buyer)
        assert p.only(receipt, p.escrow, "Deposited") == {
            "planId": plan, "payer": p.buyer, "units": 3, "balance": 5,
        }  # fmt: skip
        assert p.units(p.escrow, plan) == p.tab(plan)["balance"] == 5
        assert p.read(p.escrow, "spendableOf", plan, p.buyer) == 5


class TestReceiving:
    def test_only_access_units_are_received(self, p: Protocol) -> None:
        plan = p.create_plan()
        for function, arguments in (
            ("onERC1155Received", (p.buyer, p.buyer, plan, 5, b"")),
            ("onERC1155BatchReceived", (p.buyer, p.buyer, [plan], [5], b"")),
        ):
            with p.stage.reverts("UsageEscrow_NotAccessToken", p.stranger, p.access.address):
                p.send(p.escrow, function, *arguments, sender=p.stranger)

    def test_shares_are_not_received(self, p: Protocol) -> None:
        arguments = (p.provider, p.escrow.address, 1, 1, b"")
        with p.stage.reverts("UsageEscrow_NotAccessToken", p.shares.address, p.access.address):
            p.send(p.shares, "safeTransferFrom", *arguments, sender=p.provider)

    def test_a_plain_transfer_deposits_for_the_sender(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.buy(plan, 2)
        p.send(p.access, "setApprovalForAll", p.stranger, True, sender=p.buyer)
        named = bytes(12) + bytes.fromhex(p.stranger[2:])  # data that names somebody is not read
        for operator, data in ((p.buyer, b""), (p.stranger, named)):
            arguments = (p.buyer, p.escrow.address, plan, 1, data)
            p.send(p.access, "safeTransferFrom", *arguments, sender=operator)
        assert p.tab(plan)["balance"] == 2
        assert p.tab(plan, p.stranger)["balance"] == 0

    def test_a_batch_deposits_each(self, p: Protocol) -> None:
        first, second = p.create_plan(), p.create_plan()
        p.buy(first, 2)
        p.buy(second, 3)
        arguments = (p.buyer, p.escrow.address, [first, second, first], [1, 3, 1], b"")
        receipt = p.send(p.access, "safeBatchTransferFrom", *arguments, sender=p.buyer)
        assert (p.tab(first)["balance"], p.tab(second)["balance"]) == (2, 3)
        assert [e["balance"] for e in p.events(receipt, p.escrow, "Deposited")] == [1, 3, 2]

    def test_a_batch_with_another_kind_fails_whole(self, p: Protocol) -> None:
        metered, lasting = p.create_plan(), p.create_plan(PASS)
        p.buy(metered)
        p.buy(lasting)
        arguments = (p.buyer, p.escrow.address, [metered, lasting], [1, 1], b"")
        with p.stage.reverts("UsageEscrow_NotMetered", lasting):
            p.send(p.access, "safeBatchTransferFrom", *arguments, sender=p.buyer)

    def test_nothing_sent_is_nothing_told(self, p: Protocol) -> None:
        arguments = (p.buyer, p.escrow.address, p.create_plan(), 0, b"")
        receipt = p.send(p.access, "safeTransferFrom", *arguments, sender=p.buyer)
        assert not p.events(receipt, p.escrow, "Deposited")


class TestOptions:
    def test_a_tab_with_a_balance_keeps_its_options(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 1)
        with p.stage.reverts("UsageEscrow_BalanceNotZero", plan, p.buyer, 1):
            p.send(p.escrow, "setTabOptions", plan, True, 0, sender=p.buyer)

    @pytest.mark.parametrize("limit", [2**32, MAX_UINT256])
    def test_a_limit_that_is_too_high(self, p: Protocol, limit: int) -> None:
        with p.stage.reverts("UsageEscrow_LimitTooHigh", limit, 2**32 - 1):
            p.send(p.escrow, "setTabOptions", p.create_plan(), False, limit, sender=p.buyer)

    def test_both_are_set_and_what_was_settled_stays(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 2)
        p.settle(plan, (p.buyer, 2))
        receipt = p.send(p.escrow, "setTabOptions", plan, True, 7, sender=p.buyer)
        assert p.only(receipt, p.escrow, "TabOptionsSet") == {
            "planId": plan, "payer": p.buyer, "vouchers": True, "dailyLimit": 7,
        }  # fmt: skip
        tab = p.tab(plan)
        assert (tab["flags"], tab["dailyLimit"], tab["settled"], tab["spent"]) == (1, 7, 2, 2)
        p.send(p.escrow, "setTabOptions", plan, False, 0, sender=p.buyer)
        assert (p.tab(plan)["flags"], p.tab(plan)["dailyLimit"]) == (0, 0)
