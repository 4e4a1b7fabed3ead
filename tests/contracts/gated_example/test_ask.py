"""A contract of somebody else, gated on `AccessToken.accessOf` alone

├── when the account has nothing, asked its credits back, or its time ran out: it should revert
├── given a Pass, time that runs, or credits on a tab: it should let in
└── given the Pass was given away: it should let in the new holder, and not the old one; it counts who came in
"""

from __future__ import annotations

import pytest
from web3.contract.contract import Contract

from tests.contracts.protocol import ACTIVATE, DAY, METERED, PASS, TIMED, Protocol


def gate(p: Protocol, plan: int) -> Contract:
    return p.stage.deploy("GatedExample", p.access.address, plan)


class TestAsk:
    @pytest.mark.parametrize("kind", [PASS, TIMED, METERED])
    def test_with_nothing(self, p: Protocol, kind: int) -> None:
        plan = p.create_plan(kind)
        gated = gate(p, plan)
        with p.stage.reverts("GatedExample_NoAccess", plan, p.buyer):
            p.send(gated, "ask", sender=p.buyer)
        assert p.read(gated, "answers", p.buyer) == 0

    def test_with_a_pass_until_it_moves(self, p: Protocol) -> None:
        plan = p.create_plan(PASS)
        gated = gate(p, plan)
        p.buy(plan)
        p.send(gated, "ask", sender=p.buyer)
        p.send(p.access, "safeTransferFrom", p.buyer, p.stranger, plan, 1, b"", sender=p.buyer)
        p.send(gated, "ask", sender=p.stranger)
        with p.stage.reverts("GatedExample_NoAccess"):
            p.send(gated, "ask", sender=p.buyer)
        assert [p.read(gated, "answers", one) for one in (p.buyer, p.stranger)] == [1, 1]

    def test_with_time_until_it_ends(self, p: Protocol) -> None:
        plan = p.create_plan(TIMED)
        gated = gate(p, plan)
        p.buy(plan)
        with p.stage.reverts("GatedExample_NoAccess"):
            p.send(gated, "ask", sender=p.buyer)
        p.buy(plan, then=ACTIVATE)
        p.send(gated, "ask", sender=p.buyer)
        p.stage.advance(DAY)
        with p.stage.reverts("GatedExample_NoAccess"):
            p.send(gated, "ask", sender=p.buyer)
        assert p.read(gated, "answers", p.buyer) == 1

    def test_with_credits_until_asked_back(self, p: Protocol) -> None:
        plan = p.create_plan(METERED)
        gated = gate(p, plan)
        p.deposit(plan, 3)
        p.send(gated, "ask", sender=p.buyer)
        p.send(p.escrow, "requestWithdrawal", plan, sender=p.buyer)
        with p.stage.reverts("GatedExample_NoAccess"):
            p.send(gated, "ask", sender=p.buyer)
        assert p.read(gated, "answers", p.buyer) == 1
