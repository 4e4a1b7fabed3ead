"""Ways to break DisputeCourt and EmporionGovernor."""

from __future__ import annotations

from typing import Final

from tests.contracts.mutants.mutant import Mutant

ATTACKS = "dispute_court/test_attacks.py"
VOTE = "dispute_court/test_vote.py"

DISPUTE_COURT: Final = (
    Mutant(
        "one dispute keeps others away",
        "DisputeCourt",
        "        if (amount == 0) revert Errors.DisputeCourt_ZeroAmount();\n",
        "        if (amount == 0 || _registry.serviceOf(serviceId).openDisputes != 0) {\n"
        "            revert Errors.DisputeCourt_ZeroAmount();\n        }\n",
        ATTACKS,
    ),
    Mutant(
        "a dispute slashes again",
        "DisputeCourt",
        "        _disputes[disputeId].outcome = outcome;\n",
        "",
        VOTE,
    ),
    Mutant(
        "votes count as they are now",
        "DisputeCourt",
        "_vault.getPastVotes(msg.sender, dispute.opened - 1);",
        "_vault.getVotes(msg.sender);",
        VOTE,
    ),
    Mutant(
        "a voter votes again",
        "DisputeCourt",
        "        hasVoted[disputeId][msg.sender] = true;\n",
        "",
        VOTE,
    ),
    Mutant(
        "an empty vault judges",
        "DisputeCourt",
        "Math.max(Math.ceilDiv(total * quorumBps, BPS), minQuorum).toUint112();",
        "Math.ceilDiv(total * quorumBps, BPS).toUint112();",
        ATTACKS,
    ),
    Mutant(
        "a bond leaves under a dispute of the court",
        "DisputeCourt",
        "        _registry.countDispute(serviceId, true);\n",
        "",
        ATTACKS,
    ),
)

EMPORION_GOVERNOR: Final = (
    Mutant(
        "an empty vault decides",
        "EmporionGovernor",
        "return Math.max(GovernorVotesQuorumFraction.quorum(timepoint), minQuorum);",
        "return GovernorVotesQuorumFraction.quorum(timepoint);",
        "emporion_governor/test_emporion_governor.py",
    ),
)
