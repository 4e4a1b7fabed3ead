"""StakingVault under attack

rewards
├── stake just before and unlock just after a flush: it should earn only the time it stood
├── stream stretching by dust: it should be refused while a stream runs
├── dust streamed: it should all be paid by the end
├── reentrancy from a hostile currency: it should pay once
├── a currency that refuses the receiver, or charges on transfer: it should stop nothing else
└── rewards of a currency grown past every bound: they should not stop an unlock
votes
├── voting twice through a re-lock: past votes should not be there twice
├── an ended position: it should lose its votes when anybody says so
└── somebody else's position: it should be out of reach
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


class TestRewards:
    def test_stake_just_before_and_unlock_just_after_a_flush(self, v: VaultStage) -> None:
        v.lock(EMP, MAX, v.other)
        v.lock(10**5 * EMP, MIN)
        end = v.read("positionOf", v.staker, 0)[2]
        v.stage.travel(end - 60)
        v.stream(7 * USD)
        v.stage.travel(end)
        v.send("unlock", 0, v.staker, sender=v.staker)
        v.stage.advance(STREAM)
        assert v.claimed(USD_INDEX, v.staker) < 7 * USD * 61 // STREAM
        assert v.claimed(USD_INDEX, v.other) > 7 * USD * (STREAM - 62) // STREAM

    def test_stream_stretching_by_dust(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        v.stream(7 * USD)
        for _ in range(3):
            v.stage.advance(2 * DAY)
            with v.stage.reverts("StakingVault_StreamRunning"):
                v.send("stream", USD_INDEX, 1, sender=v.revenue)
        v.stage.advance(DAY)
        assert v.read("claimable", v.staker, USD_INDEX) == 7 * USD

    @pytest.mark.parametrize("amount", [1, 2, STREAM - 1, STREAM + 1])
    def test_dust_streamed_is_paid_by_the_end(self, v: VaultStage, amount: int) -> None:
        v.lock(EMP, MAX)
        v.stream(amount)
        for _ in range(4):
            v.stage.advance(DAY)
            v.lock(EMP, MAX)
        v.stage.advance(STREAM)
        assert amount - v.read("claimable", v.staker, USD_INDEX) in (0, 1)

    def test_reentrancy_from_a_hostile_currency(self, v: VaultStage) -> None:
        wallet = v.stage.deploy("HostileReceiver")
        v.stage.send(v.emp.functions.transfer(wallet.address, EMP), v.staker)
        approve = v.emp.encode_abi("approve", [v.vault.address, MAX_UINT256])
        v.stage.send(wallet.functions.act(v.emp.address, approve), v.stranger)
        v.stage.send(
            wallet.functions.act(v.vault.address, v.vault.encode_abi("lock", [EMP, MAX])), v.stranger
        )  # fmt: skip
        v.lock(EMP, MAX)
        v.stream(2000, HOSTILE_INDEX)
        v.stage.advance(STREAM)
        claim = v.vault.encode_abi("claim", [[HOSTILE_INDEX, HOSTILE_INDEX], wallet.address])
        # The token calls the wallet back while it pays it, and the wallet claims again.
        again = wallet.encode_abi("act", [v.vault.address, claim])
        v.stage.send(v.hostile.functions.callOnTransfer(wallet.address, again), v.stranger)
        v.stage.send(wallet.functions.act(v.vault.address, claim), v.stranger)
        assert v.hostile.functions.reached().call() is True
        assert v.hostile.functions.balanceOf(wallet.address).call() == 1000
        assert v.claimed(HOSTILE_INDEX, v.staker) == 1000

    def test_a_receiver_that_is_refused_stops_nothing_else(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        for amount, currency in ((7 * USD, USD_INDEX), (700, HOSTILE_INDEX)):
            v.stream(amount, currency)
        v.stage.advance(STREAM)
        v.stage.send(v.hostile.functions.refuse(v.staker), v.stranger)
        with v.stage.reverts("ERC20InvalidReceiver"):
            v.send("claim", [USD_INDEX, HOSTILE_INDEX], v.staker, sender=v.staker)
        assert v.claimed(USD_INDEX, v.staker) == 7 * USD
        v.send("unlock", 0, v.staker, sender=v.staker)
        v.send("claim", [HOSTILE_INDEX], v.other, sender=v.staker)
        assert v.hostile.functions.balanceOf(v.other).call() == 700

    def test_a_currency_that_starts_to_charge_on_transfer(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.stream(1000, HOSTILE_INDEX)
        v.stage.advance(STREAM)
        v.stage.send(v.hostile.functions.setFee(1000), v.stranger)
        assert v.claimed(HOSTILE_INDEX, v.staker) == 900
        assert v.hostile.functions.balanceOf(v.vault.address).call() == 0

    def test_a_debt_past_its_width_does_not_stop_an_unlock(self, v: VaultStage) -> None:
        v.lock(9 * 10**5 * EMP, MAX)  # enough that the index does not wrap
        for _ in range(3):
            v.send("stream", HOSTILE_INDEX, 2**108 - 1, sender=v.revenue)
            v.stage.advance(STREAM)
            v.lock(EMP, MIN)
        assert v.read("claimable", v.staker, HOSTILE_INDEX) == (2**128 - 1) // 10**6
        v.stage.advance(MAX)
        v.send("unlock", 0, v.staker, sender=v.staker)
        assert v.read("positionOf", v.staker, 0)[0] == 0

    def test_rewards_past_every_bound_do_not_stop_an_unlock(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        for _ in range(3):
            v.send("stream", HOSTILE_INDEX, 2**108 - 1, sender=v.revenue)
            v.stage.advance(STREAM)
            v.send("expire", [v.staker], [0], sender=v.stranger)
            v.lock(EMP, MIN)
        v.stage.advance(STREAM)
        v.send("unlock", 3, v.staker, sender=v.staker)
        assert v.read("positionOf", v.staker, 3)[0] == 0

    def test_emp_rewards_never_touch_locked_emp(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        v.lock(EMP, MAX, v.other)
        v.stream(7 * EMP, EMP_INDEX)
        v.stage.advance(STREAM)
        for owner in (v.staker, v.other):
            v.claimed(EMP_INDEX, owner)
        held = v.emp.functions.balanceOf(v.vault.address).call()
        assert 2 * EMP <= held < 2 * EMP + 2


class TestVotes:
    def test_voting_twice_through_a_relock(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.stage.advance(MIN)
        opened = v.stage.now
        v.send("unlock", 0, v.other, sender=v.staker)
        v.lock(EMP, MIN, v.other)
        assert v.read("getPastVotes", v.staker, opened - 1) == EMP
        assert v.read("getPastVotes", v.other, opened - 1) == 0
        assert v.read("getPastTotalSupply", opened - 1) == EMP

    def test_votes_moved_to_a_delegate_count_once(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        moment = v.stage.now
        v.send("delegate", v.stranger, sender=v.staker)
        v.stage.advance(1)
        assert v.read("getVotes", v.staker) == v.read("getPastVotes", v.staker, moment) == 0
        assert v.read("getVotes", v.stranger) == v.read("totalScore") == 4 * EMP

    def test_an_ended_position_loses_its_votes(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.send("delegate", v.other, sender=v.staker)
        v.stage.advance(MIN)
        v.send("expire", [v.staker], [0], sender=v.stranger)
        assert v.read("getVotes", v.other) == v.read("totalScore") == 0

    def test_an_ended_position_is_not_expired_twice(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.lock(EMP, MAX, v.other)
        v.stage.advance(MIN)
        v.send("expire", [v.staker, v.staker], [0, 0], sender=v.stranger)
        assert v.read("totalScore") == 4 * EMP

    @pytest.mark.parametrize(
        ("function", "arguments"),
        [("increase", (0, EMP)), ("extend", (0, MAX)), ("compound", (0,)), ("unlock", (0, "0x" + "11" * 20))],
    )
    def test_position_of_somebody_else(
        self, v: VaultStage, function: str, arguments: tuple[object, ...]
    ) -> None:
        v.lock(EMP, MIN)
        with v.stage.reverts("StakingVault_NoPosition", v.other, 0):
            v.send(function, *arguments, sender=v.other)

    def test_the_clock_is_time(self, v: VaultStage) -> None:
        assert v.read("CLOCK_MODE") == "mode=timestamp"
        assert v.read("clock") == v.stage.now
