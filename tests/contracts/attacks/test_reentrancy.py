"""Attacks: calling back in the middle.

A receiver of units, credits or shares is called last, when all is booked; a hostile currency is called before
that, under the guard of whoever called it.

├── a receiver that buys again in its callback should not pass a cap
├── a receiver that refunds or withdraws again in its callback should find nothing twice
├── a receiver of shares that registers, claims or moves them on should change nothing owed
├── a currency that calls back while it is paid, refunded, released, claimed or distributed should get nowhere
├── a currency that shares out a gift while a release arrives, or the other way round, should be refused
└── a receiver that refuses should stop its own transaction and nobody else's
"""

from __future__ import annotations

from typing import Any

import pytest
from web3.contract.contract import Contract

from tests.contracts.protocol import (
    DAY,
    HASH,
    HOLD,
    HOSTILE_INDEX,
    METERED,
    PASS,
    SHARES,
    TIMED,
    URI,
    USD,
    USD_INDEX,
    Protocol,
    add_hostile,
)
from tests.contracts.stage import MAX_UINT256


@pytest.fixture
def receiver(p: Protocol) -> Contract:
    """A contract with money and allowances that can be told to call back."""
    contract = p.stage.deploy("HostileReceiver")
    p.send(p.usd, "mint", contract.address, 1_000 * USD, sender=p.operator)
    for spender in (p.access, p.shares):
        act(p, contract, p.usd, "approve", spender.address, MAX_UINT256)
    return contract


def act(p: Protocol, actor: Contract, target: Contract, function: str, *arguments: Any) -> dict[str, Any]:
    """Has a hostile contract make a call."""
    call = target.encode_abi(function, arguments)
    return p.send(actor, "act", target.address, call, sender=p.stranger)


def then_call(p: Protocol, actor: Contract, target: Contract, function: str, *arguments: Any) -> None:
    """Has the receiver make a call the next time it receives."""
    call = target.encode_abi(function, arguments)
    p.send(actor, "callOnReceive", target.address, call, sender=p.stranger)


def on_transfer(p: Protocol, token: Contract, target: Contract, function: str, *arguments: Any) -> None:
    """Has the currency make a call the next time it moves."""
    call = target.encode_abi(function, arguments)
    p.send(token, "callOnTransfer", target.address, call, sender=p.stranger)


def order(p: Protocol, plan: int, units: int, recipient: str) -> tuple[Any, ...]:
    return (plan, units, recipient, MAX_UINT256, MAX_UINT256, HOLD)


class TestReceivers:
    @pytest.mark.parametrize("cap", [{"supplyCap": 3}, {"accountCap": 3}])
    def test_minting_above_a_cap(self, p: Protocol, receiver: Contract, cap: dict[str, Any]) -> None:
        plan = p.create_plan(**cap)
        again = order(p, plan, 2, receiver.address)
        then_call(p, receiver, p.access, "buy", *again)
        act(p, receiver, p.access, "buy", *again)
        assert not p.read(receiver, "reached")
        assert p.units(receiver, plan) == p.supply(plan) == 2

    def test_the_guard_alone_would_stop_a_second_purchase(self, p: Protocol, receiver: Contract) -> None:
        plan = p.create_plan()
        again = order(p, plan, 2, receiver.address)
        then_call(p, receiver, p.access, "buy", *again)
        act(p, receiver, p.access, "buy", *again)
        assert bytes(p.read(receiver, "answer"))[:4].hex() == "3ee5aeb5"  # ReentrancyGuardReentrantCall()
        assert p.money(p.access) == 2 * USD

    def test_refunding_while_the_units_arrive(self, p: Protocol, receiver: Contract) -> None:
        plan = p.create_plan()
        then_call(p, receiver, p.access, "refund", plan, 2, receiver.address)
        act(p, receiver, p.access, "buy", *order(p, plan, 2, receiver.address))
        assert not p.read(receiver, "reached")
        assert p.money(p.access) == p.read(p.access, "backingOf", plan) == 2 * USD

    def test_refunding_while_units_are_given_is_just_a_refund(self, p: Protocol, receiver: Contract) -> None:
        plan = p.create_plan()
        p.buy(plan, 2)
        then_call(p, receiver, p.access, "refund", plan, 2, p.stranger)
        p.send(p.access, "safeTransferFrom", p.buyer, receiver.address, plan, 2, b"", sender=p.buyer)
        assert p.read(receiver, "reached")
        assert (p.units(receiver, plan), p.supply(plan), p.money(p.access)) == (0, 0, 0)

    def test_withdrawing_twice(self, p: Protocol, receiver: Contract) -> None:
        plan = p.create_plan()
        p.deposit(plan, 50)
        act(p, receiver, p.access, "buy", *order(p, plan, 5, receiver.address))
        act(p, receiver, p.access, "safeTransferFrom", receiver.address, p.escrow.address, plan, 5, b"")
        act(p, receiver, p.escrow, "requestWithdrawal", plan)
        p.stage.advance(DAY)
        then_call(p, receiver, p.escrow, "withdraw", plan, receiver.address)
        act(p, receiver, p.escrow, "withdraw", plan, receiver.address)
        assert not p.read(receiver, "reached")
        assert bytes(p.read(receiver, "answer"))[:4].hex() == "3ee5aeb5"  # the guard, before the empty tab
        assert (p.units(receiver, plan), p.units(p.escrow, plan)) == (5, 50)

    def test_registering_again_while_shares_arrive(self, p: Protocol, receiver: Contract) -> None:
        registration: tuple[Any, ...] = (0, p.meter, URI, HASH, [], 0)
        then_call(p, receiver, p.registry, "register", *registration)
        act(p, receiver, p.registry, "register", *registration)
        assert not p.read(receiver, "reached")
        assert p.read(p.registry, "serviceCount") == 2

    def test_claiming_while_shares_arrive(self, p: Protocol, receiver: Contract) -> None:
        p.send(p.shares, "distribute", 1, USD_INDEX, 1_000, sender=p.buyer)
        then_call(p, receiver, p.shares, "claim", [1], [USD_INDEX], receiver.address)
        before = p.money(receiver)
        arguments = (p.provider, receiver.address, 1, SHARES, b"")
        p.send(p.shares, "safeTransferFrom", *arguments, sender=p.provider)
        assert p.money(receiver) == before
        assert p.read(p.shares, "claimable", p.provider, 1, USD_INDEX) == 1_000

    def test_refusing_stops_only_oneself(self, p: Protocol, receiver: Contract) -> None:
        plan = p.create_plan()
        p.send(receiver, "setRefuses", True, sender=p.stranger)
        with p.stage.reverts("HostileReceiver_Refused"):
            p.buy(plan, recipient=receiver.address)
        assert p.money(p.access) == 0
        p.deposit(plan, 2)
        p.send(p.escrow, "requestWithdrawal", plan, sender=p.buyer)
        p.stage.advance(DAY)
        with p.stage.reverts("HostileReceiver_Refused"):
            p.send(p.escrow, "withdraw", plan, receiver.address, sender=p.buyer)
        p.send(p.escrow, "withdraw", plan, p.buyer, sender=p.buyer)


class TestHostileCurrency:
    @pytest.fixture
    def token(self, p: Protocol) -> Contract:
        token = add_hostile(p)
        p.send(token, "mint", token.address, 1_000 * USD, sender=p.operator)
        for spender in (p.access, p.shares):
            act(p, token, token, "approve", spender.address, MAX_UINT256)
        return token

    def plan(self, p: Protocol, kind: int, token: Contract) -> int:
        """A plan in the currency, of which the currency itself holds five units."""
        plan = p.create_plan(kind, currency=HOSTILE_INDEX)
        act(p, token, p.access, "buy", *order(p, plan, 5, token.address))
        return plan

    @pytest.mark.parametrize("function", ["buy", "refund", "consume"])
    def test_entering_while_it_is_paid(self, p: Protocol, token: Contract, function: str) -> None:
        plan = self.plan(p, METERED, token)
        arguments = {
            "buy": order(p, plan, 1, token.address),
            "refund": (plan, 5, token.address),
            "consume": (plan, 5),
        }[function]
        on_transfer(p, token, p.access, function, *arguments)
        p.buy(plan, 3)
        assert not p.read(token, "reached")
        assert p.money(p.access, token) == p.read(p.access, "backingOf", plan) == 8 * USD

    def test_entering_while_it_is_refunded(self, p: Protocol, token: Contract) -> None:
        plan = self.plan(p, METERED, token)
        p.buy(plan, 5)
        on_transfer(p, token, p.access, "refund", plan, 5, token.address)
        p.send(p.access, "refund", plan, 5, p.buyer, sender=p.buyer)
        assert not p.read(token, "reached")
        assert p.money(p.access, token) == 5 * USD

    def test_entering_while_it_is_released(self, p: Protocol, token: Contract) -> None:
        plan = self.plan(p, TIMED, token)
        on_transfer(p, token, p.access, "activate", plan, 1, token.address)
        act(p, token, p.access, "activate", plan, 2, token.address)
        assert not p.read(token, "reached")
        assert p.read(p.shares, "distributed", 1, HOSTILE_INDEX) == 2 * USD * 9_750 // 10_000

    def test_minting_while_it_is_released(self, p: Protocol, token: Contract) -> None:
        plan = self.plan(p, TIMED, token)
        on_transfer(p, token, token, "mint", p.shares.address, 700)
        act(p, token, p.access, "activate", plan, 2, token.address)
        assert p.read(token, "reached")
        assert p.read(p.shares, "distributed", 1, HOSTILE_INDEX) == 2 * USD * 9_750 // 10_000

    def test_claiming_while_it_is_claimed(self, p: Protocol, token: Contract) -> None:
        arguments = (p.provider, token.address, 1, SHARES, b"")
        p.send(p.shares, "safeTransferFrom", *arguments, sender=p.provider)
        p.send(p.shares, "distribute", 1, HOSTILE_INDEX, 1_000, sender=p.buyer)
        p.send(p.shares, "distribute", 1, HOSTILE_INDEX, 1_000, sender=p.buyer)
        on_transfer(p, token, p.shares, "claim", [1], [HOSTILE_INDEX], token.address)
        act(p, token, p.shares, "claim", [1], [HOSTILE_INDEX], p.stranger)
        assert not p.read(token, "reached")
        assert p.money(p.shares, token) == 0

    def test_claiming_while_it_is_distributed(self, p: Protocol, token: Contract) -> None:
        arguments = (p.provider, token.address, 1, SHARES, b"")
        p.send(p.shares, "safeTransferFrom", *arguments, sender=p.provider)
        p.send(p.shares, "distribute", 1, HOSTILE_INDEX, 1_000, sender=p.buyer)
        on_transfer(p, token, p.shares, "claim", [1], [HOSTILE_INDEX], token.address)
        p.send(p.shares, "distribute", 1, HOSTILE_INDEX, 500, sender=p.buyer)
        assert not p.read(token, "reached")
        owed = p.read(p.shares, "claimable", token.address, 1, HOSTILE_INDEX)
        assert p.money(p.shares, token) == owed == 1_500

    def test_a_gift_in_the_middle_of_a_purchase_is_refused(self, p: Protocol, token: Contract) -> None:
        """The purchase counts what arrives at the shares, and would count the gift as well."""
        plan = self.plan(p, PASS, token)
        on_transfer(p, token, p.shares, "distribute", 1, HOSTILE_INDEX, 700)
        p.buy(plan, 1)
        assert not p.read(token, "reached")
        self.requires_solvent_shares(p, token)

    def test_a_purchase_in_the_middle_of_a_gift_is_refused(self, p: Protocol, token: Contract) -> None:
        plan = self.plan(p, PASS, token)
        on_transfer(p, token, p.access, "buy", *order(p, plan, 1, token.address))
        p.send(p.shares, "distribute", 1, HOSTILE_INDEX, 700, sender=p.buyer)
        assert not p.read(token, "reached")
        self.requires_solvent_shares(p, token)

    def test_a_gift_cannot_cover_what_a_release_was_charged(self, p: Protocol, token: Contract) -> None:
        plan = self.plan(p, TIMED, token)
        p.buy(plan, 1)
        on_transfer(p, token, p.shares, "distribute", 1, HOSTILE_INDEX, 700)
        p.send(token, "setFee", 1_000, sender=p.stranger)
        p.send(p.access, "activate", plan, 1, p.buyer, sender=p.buyer)
        assert not p.read(token, "reached")
        self.requires_solvent_shares(p, token)

    def test_a_release_cannot_cover_what_a_gift_was_charged(self, p: Protocol, token: Contract) -> None:
        plan = self.plan(p, TIMED, token)
        p.buy(plan, 1, recipient=token.address)
        on_transfer(p, token, p.access, "activate", plan, 1, token.address)
        p.send(token, "setFee", 1_000, sender=p.stranger)
        p.send(p.shares, "distribute", 1, HOSTILE_INDEX, 700, sender=p.buyer)
        assert not p.read(token, "reached")
        self.requires_solvent_shares(p, token)

    def requires_solvent_shares(self, p: Protocol, token: Contract) -> None:
        owed = p.read(p.shares, "claimable", p.provider, 1, HOSTILE_INDEX)
        assert p.money(p.shares, token) == owed + p.read(p.shares, "fees", HOSTILE_INDEX)

    def test_a_refused_payee_takes_its_money_elsewhere(self, p: Protocol, token: Contract) -> None:
        plan = p.create_plan(METERED, currency=HOSTILE_INDEX)
        p.buy(plan, 2)
        p.send(token, "refuse", p.buyer, sender=p.stranger)
        with p.stage.reverts("ERC20InvalidReceiver", p.buyer):
            p.send(p.access, "refund", plan, 2, p.buyer, sender=p.buyer)
        p.send(p.access, "refund", plan, 2, p.stranger, sender=p.buyer)

    def test_a_dead_currency_stops_nothing_in_another(self, p: Protocol, token: Contract) -> None:
        dead, alive = p.create_plan(METERED, currency=HOSTILE_INDEX), p.create_plan()
        for plan in (dead, alive):
            p.deposit(plan, 5)
        p.send(token, "refuse", p.shares.address, sender=p.stranger)
        with p.stage.reverts("ERC20InvalidReceiver"):
            p.settle(dead, (p.buyer, 1))
        p.settle(alive, (p.buyer, 1))
        p.send(p.shares, "claim", [1], [USD_INDEX], p.provider, sender=p.provider)
