"""StakingVault.stream, claim

stream
├── when the caller is a stranger, the amount 0 or past 108 bits, the currency unknown: it should revert
├── given a stream of the currency runs: it should revert, and not after its end
├── given a stream of another currency runs: it should begin
└── it should say when it began and ends on the vault's clock
claim
├── given a currency that never streamed, or nothing earned: it should pay and emit nothing
├── given one staker: it should pay the part of the time that passed, and everything at the end
├── given two stakers: it should pay by score
├── given a staker who came later: it should pay only from then on
├── given nobody stakes for a while: the clock should stand, and nothing be lost
├── given a currency is named twice: it should pay once
└── given several currencies: it should pay each to the address asked for
"""

from __future__ import annotations

import pytest

from tests.contracts.stage import MAX_UINT256
from tests.contracts.staking_vault.conftest import (
    DAY,
    EMP,
    EMP_INDEX,
    HOSTILE_INDEX,
    MAX,
    MIN,
    STREAM,
    USD,
    USD_INDEX,
    VaultStage,
)


class TestStream:
    def test_by_a_stranger(self, v: VaultStage) -> None:
        with v.stage.reverts("StakingVault_NotShares", v.stranger, v.revenue):
            v.send("stream", USD_INDEX, USD, sender=v.stranger)

    def test_of_nothing(self, v: VaultStage) -> None:
        with v.stage.reverts("StakingVault_ZeroAmount"):
            v.send("stream", USD_INDEX, 0, sender=v.revenue)

    @pytest.mark.parametrize("amount", [2**108, MAX_UINT256])
    def test_of_too_much(self, v: VaultStage, amount: int) -> None:
        with v.stage.reverts("StakingVault_StreamTooLarge", amount, 2**108 - 1):
            v.send("stream", USD_INDEX, amount, sender=v.revenue)

    @pytest.mark.parametrize("currency", [3, 8, 300, MAX_UINT256])
    def test_of_an_unknown_currency(self, v: VaultStage, currency: int) -> None:
        with v.stage.reverts("StakingVault_UnknownCurrency", currency):
            v.send("stream", currency, USD, sender=v.revenue)

    def test_while_one_runs(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        v.stream(7 * USD)
        started = v.stage.now - 1
        v.stage.travel(started + STREAM - 1)
        assert v.read("streaming", USD_INDEX) is True
        with v.stage.reverts("StakingVault_StreamRunning", USD_INDEX):
            v.send("stream", USD_INDEX, USD, sender=v.revenue)
        v.send("stream", EMP_INDEX, EMP, sender=v.revenue)
        assert v.read("streaming", USD_INDEX) is False
        v.stream(USD)

    def test_says_when_it_ends_on_the_clock(self, v: VaultStage) -> None:
        v.stage.advance(DAY)
        v.lock(EMP, MIN)
        v.stage.advance(100)
        clock_now = 100 + 1  # the lock's own block gave the second
        event = v.only(v.stream(7 * USD), "RewardsStreamed")
        assert (event["currency"], event["from"], event["amount"]) == (USD_INDEX, v.revenue, 7 * USD)
        assert abs(event["clockNow"] - clock_now) <= 1
        assert event["streamEnd"] == event["clockNow"] + STREAM


class TestClaim:
    @pytest.mark.parametrize("currency", [USD_INDEX, 5, 255, 256, MAX_UINT256])
    def test_nothing_emits_nothing(self, v: VaultStage, currency: int) -> None:
        v.lock(EMP, MIN)
        assert v.send("claim", [currency], v.staker, sender=v.staker)["logs"] == []

    def test_a_day_of_seven(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        v.stream(7 * USD)
        v.stage.travel(v.stage.now - 1 + DAY)
        assert v.read("claimable", v.staker, USD_INDEX) == USD
        assert v.claimed(USD_INDEX, v.staker) == USD

    def test_all_of_it_in_odd_steps(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        v.stream(7 * USD + 11)
        paid = 0
        for step in (1, 17, 999, DAY, 3 * DAY + 5, STREAM):
            v.stage.advance(step)
            paid += v.claimed(USD_INDEX, v.staker)
        assert paid == 7 * USD + 11
        assert v.usd.functions.balanceOf(v.vault.address).call() == 0

    def test_by_score(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        v.lock(2 * EMP, MAX, v.other)
        v.stream(9 * USD)
        v.stage.advance(STREAM)
        assert v.claimed(USD_INDEX, v.staker) == 3 * USD
        assert v.claimed(USD_INDEX, v.other) == 6 * USD

    def test_a_later_staker_earns_from_then_on(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        v.stream(14 * USD)
        v.stage.travel(v.stage.now - 1 + STREAM // 2)
        v.lock(EMP, MAX, v.other)
        v.stage.advance(STREAM)
        assert v.claimed(USD_INDEX, v.staker) == 7 * USD + 35 * USD // 10
        assert v.claimed(USD_INDEX, v.other) == 35 * USD // 10

    def test_clock_stands_while_nobody_stakes(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.stream(7 * USD)
        v.stage.advance(6 * DAY)
        v.stage.advance(2 * DAY)
        v.send("unlock", 0, v.staker, sender=v.staker)
        v.stream(7 * USD)
        v.stage.advance(30 * DAY)
        assert v.read("streaming", USD_INDEX) is True
        v.lock(EMP, MIN, v.other)
        v.stage.travel(v.stage.now - 1 + DAY)
        assert v.claimed(USD_INDEX, v.other) == USD
        v.stage.advance(6 * DAY)
        assert v.claimed(USD_INDEX, v.other) == 6 * USD
        assert v.claimed(USD_INDEX, v.staker) == 7 * USD

    def test_the_clock_names_running_seconds_only(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.stage.travel(v.stage.now - 1 + MIN)
        v.send("unlock", 0, v.staker, sender=v.staker)
        v.stage.advance(30 * DAY)
        assert v.only(v.stream(USD), "RewardsStreamed")["clockNow"] == MIN

    def test_a_currency_named_twice_pays_once(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        v.stream(7 * USD)
        v.stage.advance(STREAM)
        receipt = v.send("claim", [USD_INDEX, USD_INDEX], v.staker, sender=v.staker)
        assert v.only(receipt, "RewardsClaimed")["amount"] == 7 * USD

    def test_several_currencies_to_another_pocket(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        for amount, currency in ((7 * USD, USD_INDEX), (EMP, EMP_INDEX), (500, HOSTILE_INDEX)):
            v.stream(amount, currency)
        v.stage.advance(STREAM)
        v.send("claim", [EMP_INDEX, USD_INDEX, HOSTILE_INDEX], v.stranger, sender=v.staker)
        paid = [t.functions.balanceOf(v.stranger).call() for t in (v.usd, v.emp, v.hostile)]
        assert paid == [7 * USD, EMP, 500]
        assert v.emp.functions.balanceOf(v.vault.address).call() == v.read("totalLocked")

    def test_rewards_survive_an_unlock(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.stream(7 * USD)
        v.stage.advance(MIN)
        v.send("unlock", 0, v.staker, sender=v.staker)
        assert v.claimed(USD_INDEX, v.staker) == 7 * USD
