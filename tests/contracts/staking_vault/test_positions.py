"""StakingVault.increase, extend, compound, expire, unlock

increase
├── when the amount is 0, the position is missing, or less than the shortest lock is left: it should revert
└── it should score what is added by the time that is left
extend
├── when the new end is before the old one, or the score of a running position would fall: it should revert
├── given a running position: it should set end and score anew
└── given an ended position: it should expire it first, then score it anew
compound
├── given no EMP rewards: it should move and emit nothing
├── when less than the shortest lock is left: it should revert
└── it should move the rewards into the position
expire
├── when the lists differ in length: it should revert
└── it should take the score of ended positions, and pass over all others
unlock
├── when the position runs, is missing or belongs to somebody else: it should revert
└── given an ended position: it should expire it, pay it out and forget it
"""

from __future__ import annotations

from tests.contracts.staking_vault.conftest import (
    DAY,
    EMP,
    EMP_INDEX,
    MAX,
    MIN,
    STREAM,
    VaultStage,
    score_down,
)


class TestIncrease:
    def test_nothing(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        with v.stage.reverts("StakingVault_ZeroAmount"):
            v.send("increase", 0, 0, sender=v.staker)

    def test_no_position(self, v: VaultStage) -> None:
        with v.stage.reverts("StakingVault_NoPosition", v.staker, 0):
            v.send("increase", 0, EMP, sender=v.staker)

    def test_with_a_day_left(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        end = v.read("positionOf", v.staker, 0)[2]
        v.stage.travel(end - DAY)
        with v.stage.reverts("StakingVault_TooLittleLeft", DAY, MIN):
            v.send("increase", 0, EMP, sender=v.staker)

    def test_what_is_added_scores_by_the_time_left(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        _, score, end = v.read("positionOf", v.staker, 0)
        v.stage.travel(end - 100 * DAY)
        receipt = v.send("increase", 0, 10 * EMP, sender=v.staker)
        added = score_down(10 * EMP, 100 * DAY)
        assert v.read("positionOf", v.staker, 0) == (11 * EMP, score + added, end)
        assert v.read("totalLocked") == 11 * EMP
        event = v.only(receipt, "Increased")
        assert (event["added"], event["compounded"]) == (10 * EMP, False)
        assert event["score"] == event["totalScore"] == v.read("getVotes", v.staker) == score + added


class TestExtend:
    def test_to_before_the_old_end(self, v: VaultStage) -> None:
        v.lock(EMP, 100 * DAY)
        with v.stage.reverts("StakingVault_EndBeforeOld"):
            v.send("extend", 0, 99 * DAY, sender=v.staker)

    def test_score_would_fall(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        v.stage.advance(300 * DAY)
        with v.stage.reverts("StakingVault_ScoreWouldFall", score_down(EMP, 200 * DAY), 4 * EMP):
            v.send("extend", 0, 200 * DAY, sender=v.staker)

    def test_running_position(self, v: VaultStage) -> None:
        v.lock(EMP, 100 * DAY)
        v.stage.advance(DAY)
        end = v.stage.now + MAX
        receipt = v.send("extend", 0, MAX, sender=v.staker)
        assert v.read("positionOf", v.staker, 0) == (EMP, 4 * EMP, end)
        assert v.only(receipt, "Extended")["totalScore"] == v.read("totalScore") == 4 * EMP
        assert v.stage.events(receipt, v.vault, "Expired") == []

    def test_ended_position_begins_anew(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        v.stage.advance(MAX)
        receipt = v.send("extend", 0, MIN, sender=v.staker)
        assert v.only(receipt, "Expired")["totalScore"] == 0
        assert v.only(receipt, "Extended")["totalScore"] == EMP
        assert v.read("scoreOf", v.staker) == v.read("getVotes", v.staker) == v.read("totalScore") == EMP


class TestCompound:
    def test_nothing_earned_emits_nothing(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        assert v.send("compound", 0, sender=v.staker)["logs"] == []

    def test_with_a_day_left(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.stream(70 * EMP, EMP_INDEX)
        v.stage.advance(DAY)
        with v.stage.reverts("StakingVault_TooLittleLeft"):
            v.send("compound", 0, sender=v.staker)

    def test_rewards_join_the_position(self, v: VaultStage) -> None:
        v.lock(EMP, MAX)
        v.stream(70 * EMP, EMP_INDEX)
        v.stage.advance(STREAM)
        amount, score, end = v.read("positionOf", v.staker, 0)
        added = score_down(70 * EMP, end - v.stage.now)
        receipt = v.send("compound", 0, sender=v.staker)
        assert v.read("positionOf", v.staker, 0) == (amount + 70 * EMP, score + added, end)
        assert v.only(receipt, "Increased")["compounded"] is True
        assert v.only(receipt, "RewardsClaimed")["amount"] == 70 * EMP
        assert v.read("claimable", v.staker, EMP_INDEX) == 0
        assert v.read("totalLocked") == v.emp.functions.balanceOf(v.vault.address).call() == 71 * EMP


class TestExpire:
    def test_lists_of_different_length(self, v: VaultStage) -> None:
        with v.stage.reverts("StakingVault_LengthMismatch", 1, 0):
            v.send("expire", [v.staker], [], sender=v.stranger)

    def test_a_list_with_every_kind(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.lock(2 * EMP, MAX)
        v.lock(4 * EMP, MIN, v.other)
        v.stage.advance(MIN)
        owners = [v.stranger, v.staker, v.staker, v.staker, v.other]
        receipt = v.send("expire", owners, [0, 0, 0, 1, 0], sender=v.stranger)
        expired = v.stage.events(receipt, v.vault, "Expired")
        assert [(e["owner"], e["index"], e["actor"]) for e in expired] == [
            (v.staker, 0, v.stranger), (v.other, 0, v.stranger)
        ]  # fmt: skip
        assert expired[-1]["totalScore"] == v.read("totalScore") == 8 * EMP
        assert (v.read("getVotes", v.staker), v.read("getVotes", v.other)) == (8 * EMP, 0)
        assert v.read("totalLocked") == 7 * EMP


class TestUnlock:
    def test_a_second_too_early(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        end = v.read("positionOf", v.staker, 0)[2]
        v.stage.travel(end - 1)
        with v.stage.reverts("StakingVault_StillLocked", end, end - 1):
            v.send("unlock", 0, v.staker, sender=v.staker)

    def test_of_somebody_else(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.stage.advance(MIN)
        with v.stage.reverts("StakingVault_NoPosition", v.other, 0):
            v.send("unlock", 0, v.other, sender=v.other)

    def test_at_its_end_to_another_pocket(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.stage.advance(MIN - 1)
        receipt = v.send("unlock", 0, v.stranger, sender=v.staker)
        assert v.emp.functions.balanceOf(v.stranger).call() == EMP
        assert v.read("totalLocked") == v.read("totalScore") == v.read("scoreOf", v.staker) == 0
        assert v.only(receipt, "Expired")["index"] == v.only(receipt, "Unlocked")["index"] == 0
        with v.stage.reverts("StakingVault_NoPosition"):
            v.send("unlock", 0, v.staker, sender=v.staker)

    def test_expired_before_is_not_expired_twice(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.lock(EMP, MIN, v.other)
        v.stage.advance(MIN)
        v.send("expire", [v.staker], [0], sender=v.stranger)
        receipt = v.send("unlock", 0, v.staker, sender=v.staker)
        assert v.stage.events(receipt, v.vault, "Expired") == []
        assert v.only(receipt, "Unlocked")["totalScore"] == EMP
