"""The plain values contracts are deployed with: on a live chain, and shortened for a devnet. Data only."""

from collections.abc import Mapping
from typing import Any, Final

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
EMP: Final = 10**18

LIVE: Final[Mapping[str, Any]] = {
    "distributorAmount": 40_000_000 * EMP,
    "treasuryAmount": 60_000_000 * EMP,
    "initialFeeBps": 250,
    "initialWithdrawalDelay": DAY,
    "minWithdrawalDelay": HOUR,
    "maxWithdrawalDelay": 7 * DAY,
    "ServiceRegistry.settings": {
        "minBond": 1_000 * EMP,
        "unbondCooldown": 45 * DAY,
        "minUnbondCooldown": 45 * DAY,
        "maxUnbondCooldown": 90 * DAY,
        "flagPeriod": 30 * DAY,
        "challengePeriod": 30 * DAY,
        "challengeDeposit": 100 * EMP,
    },
    "StakingVault.settings": {
        "minDuration": 7 * DAY,
        "maxDuration": 365 * DAY,
        "streamDuration": 7 * DAY,
    },
    "DisputeCourt.settings": {
        "minBond": 50 * EMP,
        "votingPeriod": 5 * DAY,
        "minVotingPeriod": 2 * DAY,
        "maxVotingPeriod": 14 * DAY,
        "usePeriod": 30 * DAY,
        "quorumBps": 400,
        "minQuorum": 1_000_000 * EMP,
    },
    "minDelay": 8 * DAY,
    "EmporionGovernor.settings": {
        "votingDelay": DAY,
        "votingPeriod": 5 * DAY,
        "proposalThreshold": 1_000 * EMP,
        "quorumBps": 400,
        "minQuorum": 1_000_000 * EMP,
    },
}
"""Values by parameter, or by contract and parameter where several contracts use the name.

`root` and `airdropAmount` have none: without an airdrop nobody could ever vote or bond, so who deploys it
says them.
"""

AIRDROP_SECONDS: Final = 365 * DAY
VESTING_SECONDS: Final = 4 * 365 * DAY

SHORTENED: Final[Mapping[str, Any]] = {
    "initialWithdrawalDelay": MINUTE,
    "minWithdrawalDelay": 1,
    "ServiceRegistry.settings": {
        **LIVE["ServiceRegistry.settings"],
        "unbondCooldown": 10 * MINUTE,
        "minUnbondCooldown": MINUTE,
        "flagPeriod": 10 * MINUTE,
        "challengePeriod": 10 * MINUTE,
    },
    "StakingVault.settings": {"minDuration": MINUTE, "maxDuration": 365 * DAY, "streamDuration": MINUTE},
    "DisputeCourt.settings": {
        **LIVE["DisputeCourt.settings"],
        "votingPeriod": MINUTE,
        "minVotingPeriod": MINUTE,
        "minQuorum": 1_000 * EMP,
    },
    "minDelay": MINUTE,
    "EmporionGovernor.settings": {
        **LIVE["EmporionGovernor.settings"],
        "votingDelay": 1,
        "votingPeriod": MINUTE,
        "minQuorum": 1_000 * EMP,
    },
    "root": bytes(32),
    "airdropAmount": 0,
}
"""What a devnet has otherwise, so that a demonstration waits for no days and needs no million EMP."""
