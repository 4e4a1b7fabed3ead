"""What a live chain is deployed with: each parameter at its default, and what holds between them.

├── each value should be the reviewed one
├── no quorum should be below a hundredth of all EMP, so that the first to lock decides and judges nothing
└── a decision should wait longer than any withdrawal, so that credits can leave before it takes effect
"""

from __future__ import annotations

import pytest

from backend.chain.deploy_plan import LIVE
from tests.contracts.protocol import DAY, EMP, HOUR

SUPPLY = LIVE["distributorAmount"] + LIVE["treasuryAmount"]
REGISTRY, VAULT = LIVE["ServiceRegistry.settings"], LIVE["StakingVault.settings"]
COURT, GOVERNOR = LIVE["DisputeCourt.settings"], LIVE["EmporionGovernor.settings"]


def test_each_is_the_reviewed_one() -> None:
    assert (LIVE["initialFeeBps"], COURT["quorumBps"], GOVERNOR["quorumBps"]) == (250, 400, 400)
    assert (REGISTRY["minBond"], REGISTRY["flagPeriod"], REGISTRY["challengePeriod"]) == (
        1_000 * EMP,
        30 * DAY,
        30 * DAY,
    )
    ranges = [
        (REGISTRY["minUnbondCooldown"], REGISTRY["unbondCooldown"], REGISTRY["maxUnbondCooldown"]),
        (LIVE["minWithdrawalDelay"], LIVE["initialWithdrawalDelay"], LIVE["maxWithdrawalDelay"]),
        (COURT["minVotingPeriod"], COURT["votingPeriod"], COURT["maxVotingPeriod"]),
    ]
    assert ranges == [(45 * DAY, 45 * DAY, 90 * DAY), (HOUR, DAY, 7 * DAY), (2 * DAY, 5 * DAY, 14 * DAY)]
    assert tuple(VAULT.values()) == (7 * DAY, 365 * DAY, 7 * DAY)
    assert COURT["usePeriod"] == 30 * DAY


@pytest.mark.parametrize("settings", [COURT, GOVERNOR], ids=["court", "governor"])
def test_no_quorum_is_tiny(settings: dict[str, int]) -> None:
    assert settings["minQuorum"] * 100 >= SUPPLY


def test_a_decision_waits_longer_than_a_withdrawal() -> None:
    assert LIVE["minDelay"] >= 8 * DAY
    assert LIVE["minDelay"] > LIVE["maxWithdrawalDelay"]
