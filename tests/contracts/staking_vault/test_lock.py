"""StakingVault.lock, lockWithPermit

lock
├── when the amount is below 1 EMP: it should revert
├── when the duration is out of bounds: it should revert
├── when the allowance is missing: it should revert
└── it should keep amount, score and end, take the EMP, and say so with the total
    ├── given the shortest lock: score = amount
    ├── given the longest lock: score = 4 * amount
    ├── given a first lock: it should delegate to its owner
    └── given another delegate was chosen before: it should keep it
lockWithPermit
├── when the permit was used by somebody else first: it should lock all the same
└── when the permit is wrong and there is no allowance: it should revert
"""

from __future__ import annotations

import pytest

from tests.contracts.stage import MAX_UINT256, ZERO
from tests.contracts.staking_vault.conftest import DAY, EMP, MAX, MIN, VaultStage, score_down
from tests.contracts.typed_data import PERMIT, signed


class TestLock:
    def test_less_than_one_emp(self, v: VaultStage) -> None:
        with v.stage.reverts("StakingVault_AmountTooSmall", EMP - 1, EMP):
            v.lock(EMP - 1, MIN)

    def test_everything_there_is(self, v: VaultStage) -> None:
        with v.stage.reverts("SafeCastOverflowedUintDowncast"):
            v.lock(MAX_UINT256, MIN)

    @pytest.mark.parametrize("duration", [0, MIN - 1, MAX + 1, MAX_UINT256])
    def test_duration_out_of_bounds(self, v: VaultStage, duration: int) -> None:
        with v.stage.reverts("StakingVault_DurationOutOfBounds", duration, MIN, MAX):
            v.lock(EMP, duration)

    def test_without_an_allowance(self, v: VaultStage) -> None:
        with v.stage.reverts("ERC20InsufficientAllowance"):
            v.lock(EMP, MIN, v.stranger)

    @pytest.mark.parametrize("duration", [MIN, MIN + 1, 30 * DAY, 200 * DAY + 7, MAX])
    def test_a_position_of_its_duration(self, v: VaultStage, duration: int) -> None:
        amount = 5 * EMP + 7
        score, end = score_down(amount, duration), v.stage.now + duration
        receipt = v.lock(amount, duration)
        assert v.read("positionOf", v.staker, 0) == (amount, score, end)
        assert v.read("scoreOf", v.staker) == v.read("totalScore") == v.read("getVotes", v.staker) == score
        assert v.read("totalLocked") == v.emp.functions.balanceOf(v.vault.address).call() == amount
        event = v.only(receipt, "Locked")
        assert event == {
            "owner": v.staker, "index": 0, "amount": amount, "score": score, "end": end, "totalScore": score
        }  # fmt: skip

    def test_multiplier_runs_from_one_to_four(self, v: VaultStage) -> None:
        assert v.read("scoreDown", EMP, MIN) == EMP
        assert v.read("scoreDown", EMP, MAX) == 4 * EMP

    def test_second_position_adds_up(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        receipt = v.lock(2 * EMP, MAX)
        assert v.only(receipt, "Locked")["index"] == 1
        assert v.read("positionCount", v.staker) == 2
        assert v.read("totalScore") == v.read("scoreOf", v.staker) == v.read("getVotes", v.staker) == 9 * EMP

    def test_a_delegate_chosen_before_is_kept(self, v: VaultStage) -> None:
        v.send("delegate", v.stranger, sender=v.staker)
        v.lock(EMP, MIN)
        assert v.read("delegates", v.staker) == v.stranger
        assert v.read("getVotes", v.stranger) == EMP

    def test_delegating_to_nobody_later_is_kept(self, v: VaultStage) -> None:
        v.lock(EMP, MIN)
        v.send("delegate", ZERO, sender=v.staker)
        v.lock(EMP, MIN)
        assert v.read("getVotes", v.staker) == 0


class TestLockWithPermit:
    def permit(self, v: VaultStage, value: int, deadline: int) -> tuple[int, bytes, bytes]:
        v.stage.send(v.emp.functions.approve(v.vault.address, 0), v.staker)
        values = (v.staker, v.vault.address, value, 0, deadline)
        return signed(v.emp, "Emporion", "Permit", PERMIT, values, v.stage.key(2))

    def test_a_permit_locks_in_one_transaction(self, v: VaultStage) -> None:
        deadline = v.stage.now + DAY
        signature = self.permit(v, 3 * EMP, deadline)
        v.send("lockWithPermit", 3 * EMP, MIN, deadline, *signature, sender=v.staker)
        assert v.read("totalLocked") == 3 * EMP

    def test_a_permit_used_by_a_stranger_first(self, v: VaultStage) -> None:
        deadline = v.stage.now + DAY
        signature = self.permit(v, 3 * EMP, deadline)
        front_run = v.emp.functions.permit(v.staker, v.vault.address, 3 * EMP, deadline, *signature)
        v.stage.send(front_run, v.stranger)
        v.send("lockWithPermit", 3 * EMP, MIN, deadline, *signature, sender=v.staker)
        assert v.read("totalLocked") == 3 * EMP

    def test_a_permit_of_another_amount(self, v: VaultStage) -> None:
        deadline = v.stage.now + DAY
        signature = self.permit(v, 3 * EMP, deadline)
        with v.stage.reverts("ERC20InsufficientAllowance"):
            v.send("lockWithPermit", 4 * EMP, MIN, deadline, *signature, sender=v.staker)
