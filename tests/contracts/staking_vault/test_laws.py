"""StakingVault: laws 8, 9 and 12 along random histories

after every step
├── it should hold the locked EMP and all unpaid EMP rewards (8)
├── the total score should be the sum of positions' scores, of accounts' scores, and the votes' total (8)
├── the sum of delegates' votes should not pass it (8)
├── what was paid and is claimable should not pass what was streamed, and miss it by dust only at the end (8)
├── no amount should have left before its end (9)
└── whoever did not act should have no smaller claim, amount or end than before (12)
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_tester.exceptions import TransactionFailed

from tests.contracts.staking_vault.conftest import (
    DAY,
    EMP,
    EMP_INDEX,
    MAX,
    MIN,
    STREAM,
    USD_INDEX,
    VaultStage,
)

CHECK_EVERY = 5
CURRENCIES = (EMP_INDEX, USD_INDEX)


@dataclass
class History:
    """A random history, and what it paid in and out."""

    v: VaultStage
    random: random.Random
    streamed: dict[int, int] = field(default_factory=lambda: dict.fromkeys(CURRENCIES, 0))
    paid: dict[int, int] = field(default_factory=lambda: dict.fromkeys(CURRENCIES, 0))
    done: int = 0

    @property
    def stakers(self) -> list[str]:
        return [self.v.staker, self.v.other]

    def step(self) -> None:
        actor = self.random.choice(self.stakers)
        before = {owner: self.worth(owner) for owner in self.stakers if owner != actor}
        action = self.random.choice([self.lock, self.grow, self.extend, self.leave, self.claim, self.stream])
        try:
            action(actor)
            self.done += 1
        except TransactionFailed:
            pass  # refused: the histories are not only of good calls
        for owner, worth in before.items():
            assert all(now >= then for now, then in zip(self.worth(owner), worth, strict=True)), "law 12"
        self.v.stage.advance(self.random.choice([1, 60, DAY, 3 * DAY, 8 * DAY, 40 * DAY]))

    def worth(self, owner: str) -> list[int]:
        claims = [int(self.v.read("claimable", owner, currency)) for currency in CURRENCIES]
        positions = [self.v.read("positionOf", owner, index) for index in range(self.count(owner))]
        return [*claims, *(part for amount, _, end in positions for part in (amount, end))]

    def count(self, owner: str) -> int:
        return int(self.v.read("positionCount", owner))

    def any_index(self, actor: str) -> int:
        return self.random.randrange(self.count(actor) + 1)

    def lock(self, actor: str) -> None:
        amount = self.random.choice([EMP, 7 * EMP + 3, 1000 * EMP])
        self.v.lock(amount, self.random.randint(MIN, MAX // self.random.choice([1, 12])), actor)

    def grow(self, actor: str) -> None:
        index = self.any_index(actor)
        if self.random.random() < 0.5:
            self.v.send("increase", index, self.random.choice([1, EMP]), sender=actor)
            return
        receipt = self.v.send("compound", index, sender=actor)
        self.count_paid(receipt)

    def extend(self, actor: str) -> None:
        self.v.send("extend", self.any_index(actor), self.random.randint(MIN, MAX), sender=actor)

    def leave(self, actor: str) -> None:
        index = self.any_index(actor)
        if self.random.random() < 0.5:
            self.v.send("expire", self.stakers, [index, index], sender=self.v.stranger)
            return
        end, now = self.v.read("positionOf", actor, index)[2], self.v.stage.now
        self.v.send("unlock", index, actor, sender=actor)
        assert now >= end, "law 9"

    def claim(self, actor: str) -> None:
        currencies = self.random.sample(CURRENCIES, self.random.randint(1, 2))
        self.count_paid(self.v.send("claim", currencies, actor, sender=actor))

    def count_paid(self, receipt: dict[str, Any]) -> None:
        for event in self.v.stage.events(receipt, self.v.vault, "RewardsClaimed"):
            self.paid[event["currency"]] += event["amount"]

    def stream(self, _: str) -> None:
        currency, amount = self.random.choice(CURRENCIES), self.random.choice([1, 10**6 + 1, 10**9])
        if self.v.read("streaming", currency):
            return
        self.v.stream(amount, currency)
        self.streamed[currency] += amount

    def check(self) -> None:
        scores, locked = 0, 0
        for owner in self.stakers:
            positions = [self.v.read("positionOf", owner, index) for index in range(self.count(owner))]
            assert sum(p[1] for p in positions) == self.v.read("scoreOf", owner), "law 8"
            scores += sum(p[1] for p in positions)
            locked += sum(p[0] for p in positions)
        assert (scores, locked) == (self.v.read("totalScore"), self.v.read("totalLocked")), "law 8"
        assert sum(self.v.read("getVotes", owner) for owner in self.stakers) <= scores, "law 8"
        assert self.v.read("getPastTotalSupply", self.v.stage.now - 1) == scores, "law 8"
        for currency, token in zip(CURRENCIES, (self.v.emp, self.v.usd), strict=True):
            owed = sum(self.v.read("claimable", owner, currency) for owner in self.stakers)
            assert self.paid[currency] + owed <= self.streamed[currency], "law 8"
            held = token.functions.balanceOf(self.v.vault.address).call()
            unpaid = self.streamed[currency] - self.paid[currency]
            assert held == unpaid + (locked if currency == EMP_INDEX else 0), "law 8"

    def finish(self) -> None:
        """Once every stream ran out, all but dust is paid."""
        self.v.lock(EMP, MAX, self.v.staker)
        self.v.stage.advance(STREAM)
        for owner in self.stakers:
            self.count_paid(self.v.send("claim", list(CURRENCIES), owner, sender=owner))
        self.check()
        for currency in CURRENCIES:
            # Each account rounds off a base unit, and the index less than one in all.
            assert 0 <= self.streamed[currency] - self.paid[currency] <= len(self.stakers) + 1


class TestLaws:
    @pytest.mark.parametrize(("seed", "steps"), [(0, 40), (1, 40)])
    def test_hold_along_a_random_history(self, v: VaultStage, seed: int, steps: int) -> None:
        history = History(v, random.Random(seed))
        for number in range(steps):
            history.step()
            if number % CHECK_EVERY == 0:
                history.check()
        history.finish()
        assert history.done > steps // 3
