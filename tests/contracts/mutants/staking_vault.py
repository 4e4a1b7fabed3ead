"""Ways to break StakingVault."""

from __future__ import annotations

from typing import Final

from tests.contracts.mutants.mutant import Mutant

ATTACKS = "staking_vault/test_attacks.py"
POSITIONS = "staking_vault/test_positions.py"
REWARDS = "staking_vault/test_rewards.py"
LOCK = "staking_vault/test_lock.py"

STAKING_VAULT: Final = (
    Mutant(
        "rewards are paid at once",
        "StakingVault",
        "uint128(amount << LEFT_BITS | _streamDuration);",
        "uint128(amount << LEFT_BITS | 1);",
        ATTACKS,
    ),
    Mutant(
        "dust stretches a stream",
        "StakingVault",
        "        if (streaming(currency)) revert Errors.StakingVault_StreamRunning(currency);\n",
        "",
        ATTACKS,
    ),
    Mutant(
        "a position grows a day before its end",
        "StakingVault",
        "        if (left < _minDuration) revert",
        "        if (left == 0) revert",
        POSITIONS,
    ),
    Mutant(
        "a lock leaves early",
        "StakingVault",
        "if (block.timestamp < position.end) revert",
        "if (block.timestamp + 1 < position.end) revert",
        POSITIONS,
    ),
    Mutant(
        "rewards are not remembered as paid",
        "StakingVault",
        "        _rewards[owner][currency] = Rewards(index, uint128(owed % OWED_SCALE));\n",
        "",
        ATTACKS,
    ),
    Mutant(
        "a rewards' bound stops an unlock",
        "StakingVault",
        "        owed = Math.min(owed, type(uint128).max);\n",
        "        owed = owed.toUint128();\n",
        ATTACKS,
    ),
    Mutant(
        "an ended position expires again",
        "StakingVault",
        "        _positions[owner][index].score = 0;\n",
        "",
        ATTACKS,
    ),
    Mutant(
        "an unlocked position keeps its votes",
        "StakingVault",
        "        else _transferVotingUnits(owner, address(0), removed - added);\n",
        "",
        ATTACKS,
    ),
    Mutant(
        "a running position is expired by anybody",
        "StakingVault",
        "            if (block.timestamp >= _positions[owners[i]][indices[i]].end) _expire(",
        "            _expire(",
        POSITIONS,
    ),
    Mutant(
        "the clock runs while nobody stakes",
        "StakingVault",
        "            _clock.idle += uint40(block.timestamp) - totals.updatedAt;\n",
        "",
        REWARDS,
    ),
    Mutant(
        "a permit used first stops a lock",
        "StakingVault",
        "        try IERC20Permit(address(_emp)).permit(msg.sender, address(this), amount, deadline, v, r, s)"
        " {} catch {}\n",
        "        IERC20Permit(address(_emp)).permit(msg.sender, address(this), amount, deadline, v, r, s);\n",
        LOCK,
    ),
)
