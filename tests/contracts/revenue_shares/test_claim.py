"""RevenueShares: claiming, moving shares, flushing fees.

claim
├── when the lists differ in length, a currency cannot be, the receiver is nobody: it should revert
├── given nothing owed, an unknown service, a pair named twice: it should pay what is owed once
└── otherwise: it should pay whole units, keep the fraction owed, in one transfer a currency
moving shares
├── what accrued before should stay with the sender, in every currency
└── moving to oneself, nothing, or a batch with an id twice should change nothing owed
flushFees
├── when there are none, or a stream runs: it should revert
├── while nobody stakes: it should pay the treasury
└── otherwise: it should begin a stream in the vault
setTreasury
├── when the caller is not governance, or it is nobody: it should revert
└── otherwise: it should set and tell
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.protocol import (
    DAY,
    EMP,
    EMP_INDEX,
    METERED,
    PASS,
    SHARES,
    USD,
    USD_INDEX,
    Protocol,
)
from tests.contracts.stage import ZERO


def give(p: Protocol, amount: int, *, service: int = 1, currency: int = USD_INDEX) -> None:
    p.send(p.shares, "distribute", service, currency, amount, sender=p.buyer)


def claim(
    p: Protocol, account: str, services: list[int], currencies: list[int], to: str | None = None
) -> Any:
    return p.send(p.shares, "claim", services, currencies, to or account, sender=account)


def claimable(p: Protocol, account: str, *, service: int = 1, currency: int = USD_INDEX) -> int:
    return int(p.read(p.shares, "claimable", account, service, currency))


def move(p: Protocol, sender: str, to: str, shares: int, service: int = 1) -> None:
    p.send(p.shares, "safeTransferFrom", sender, to, service, shares, b"", sender=sender)


class TestClaim:
    def test_lists_of_different_length(self, p: Protocol) -> None:
        with p.stage.reverts("RevenueShares_LengthMismatch", 1, 2):
            claim(p, p.provider, [1], [0, 1])

    def test_a_currency_that_cannot_be(self, p: Protocol) -> None:
        with p.stage.reverts("RevenueShares_UnknownCurrency", 8, 8):
            claim(p, p.provider, [1], [8])

    def test_to_nobody(self, p: Protocol) -> None:
        with p.stage.reverts("RevenueShares_ZeroAddress"):
            claim(p, p.provider, [1], [0], ZERO)

    def test_nothing_owed_moves_nothing(self, p: Protocol) -> None:
        give(p, 5)
        receipt = claim(p, p.stranger, [1, 1, 99], [USD_INDEX, 5, EMP_INDEX])
        assert not receipt["logs"]

    def test_what_is_owed_is_paid_once(self, p: Protocol) -> None:
        give(p, 500)
        before = p.money(p.stranger)
        receipt = claim(p, p.provider, [1, 1], [USD_INDEX, USD_INDEX], p.stranger)
        assert p.money(p.stranger) - before == 500
        assert p.only(receipt, p.shares, "Claimed") == {
            "account": p.provider, "serviceId": 1, "currency": USD_INDEX, "amount": 500, "owed": 0,
        }  # fmt: skip
        assert claimable(p, p.provider) == 0
        assert not claim(p, p.provider, [1], [USD_INDEX])["logs"]

    def test_services_and_currencies_come_in_one_transfer_each(self, p: Protocol) -> None:
        p.register()
        for service in (1, 2):
            give(p, 100 * service, service=service)
            give(p, 7 * service, service=service, currency=EMP_INDEX)
        before = p.money(p.provider), p.money(p.provider, p.emp)
        receipt = claim(p, p.provider, [1, 1, 2, 2], [0, 1, 0, 1])
        assert (p.money(p.provider), p.money(p.provider, p.emp)) == (before[0] + 300, before[1] + 21)
        assert len(p.events(receipt, p.usd, "Transfer")) == len(p.events(receipt, p.emp, "Transfer")) == 1

    def test_fractions_stay_owed_until_they_are_whole(self, p: Protocol) -> None:
        move(p, p.provider, p.stranger, 333_333)
        give(p, 1)
        assert (claimable(p, p.stranger), claimable(p, p.provider)) == (0, 0)
        give(p, 2)
        assert claimable(p, p.stranger) == 0  # 999,999 millionths
        give(p, 1)
        receipt = claim(p, p.stranger, [1], [USD_INDEX])
        assert p.only(receipt, p.shares, "Claimed")["owed"] == 4 * 333_333 - SHARES
        assert p.read(p.shares, "accountOf", p.stranger, 1, USD_INDEX) == [333_332, 4]


class TestMovingShares:
    def test_what_accrued_stays_with_the_sender(self, p: Protocol) -> None:
        give(p, 1_000)
        give(p, 50, currency=EMP_INDEX)
        move(p, p.provider, p.stranger, SHARES // 4)
        assert [claimable(p, a) for a in (p.provider, p.stranger)] == [1_000, 0]
        assert [claimable(p, a, currency=EMP_INDEX) for a in (p.provider, p.stranger)] == [50, 0]
        give(p, 1_000)
        assert [claimable(p, a) for a in (p.provider, p.stranger)] == [1_750, 250]

    def test_moving_to_oneself_or_nothing_changes_nothing(self, p: Protocol) -> None:
        give(p, 1_000)
        move(p, p.provider, p.provider, SHARES)
        move(p, p.provider, p.stranger, 0)
        give(p, 1_000)
        assert [claimable(p, a) for a in (p.provider, p.stranger)] == [2_000, 0]

    def test_a_batch_with_an_id_twice(self, p: Protocol) -> None:
        give(p, 1_000)
        arguments = (p.provider, p.stranger, [1, 1], [SHARES // 4, SHARES // 4], b"")
        p.send(p.shares, "safeBatchTransferFrom", *arguments, sender=p.provider)
        give(p, 1_000)
        assert [claimable(p, a) for a in (p.provider, p.stranger)] == [1_500, 500]

    def test_a_currency_new_after_the_move_is_shared_as_held_then(self, p: Protocol) -> None:
        move(p, p.provider, p.stranger, SHARES // 2)
        give(p, 10, currency=EMP_INDEX)
        move(p, p.stranger, p.provider, SHARES // 2)
        assert [claimable(p, a, currency=EMP_INDEX) for a in (p.provider, p.stranger)] == [5, 5]

    def test_revenue_follows_shares_not_the_service(self, p: Protocol) -> None:
        p.send(p.registry, "transferFrom", p.provider, p.stranger, 1, sender=p.provider)
        give(p, 10)
        assert [claimable(p, a) for a in (p.provider, p.stranger)] == [10, 0]


class TestFlushFees:
    def earn(self, p: Protocol) -> int:
        plan = p.create_plan(PASS)
        p.buy(plan, 40)
        return 40 * USD * 250 // 10_000

    def flush(self, p: Protocol) -> dict[str, Any]:
        return p.send(p.shares, "flushFees", USD_INDEX, sender=p.stranger)

    def test_nothing_to_flush(self, p: Protocol) -> None:
        with p.stage.reverts("RevenueShares_NoFees", USD_INDEX):
            self.flush(p)

    def test_without_stakers_the_treasury_is_paid(self, p: Protocol) -> None:
        fees, before = self.earn(p), p.money(p.governance)
        receipt = self.flush(p)
        expected = {"currency": USD_INDEX, "to": p.governance, "amount": fees}
        assert p.only(receipt, p.shares, "FeesFlushed") == expected
        assert p.money(p.governance) - before == fees
        assert p.read(p.shares, "fees", USD_INDEX) == 0

    def test_stakers_get_a_stream(self, p: Protocol) -> None:
        p.send(p.vault, "lock", EMP, 30 * DAY, sender=p.staker)
        fees = self.earn(p)
        receipt = self.flush(p)
        assert p.only(receipt, p.vault, "RewardsStreamed")["amount"] == p.money(p.vault) == fees
        self.earn(p)
        with p.stage.reverts("StakingVault_StreamRunning", USD_INDEX):
            self.flush(p)
        assert p.read(p.shares, "fees", USD_INDEX) == fees
        p.stage.advance(8 * DAY)
        self.flush(p)

    def test_shares_keep_what_is_owed(self, p: Protocol) -> None:
        fees = self.earn(p)
        self.flush(p)
        assert p.money(p.shares) == claimable(p, p.provider) == 40 * USD - fees
        claim(p, p.provider, [1], [USD_INDEX])
        assert p.money(p.shares) == 0


class TestSetTreasury:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("RevenueShares_NotGovernance", p.stranger, p.governance):
            p.send(p.shares, "setTreasury", p.stranger, sender=p.stranger)

    def test_nobody_cannot_be(self, p: Protocol) -> None:
        with p.stage.reverts("RevenueShares_ZeroAddress"):
            p.send(p.shares, "setTreasury", ZERO, sender=p.governance)

    @pytest.mark.parametrize("kind", [METERED])
    def test_fees_go_there_from_then_on(self, p: Protocol, kind: int) -> None:
        receipt = p.send(p.shares, "setTreasury", p.operator, sender=p.governance)
        assert p.only(receipt, p.shares, "TreasurySet") == {"treasury": p.operator}
        plan = p.create_plan(kind)
        p.deposit(plan, 40)
        p.settle(plan, (p.buyer, 40))
        p.send(p.shares, "flushFees", USD_INDEX, sender=p.stranger)
        assert p.read(p.shares, "treasury") == p.operator
        assert p.money(p.operator) == USD
