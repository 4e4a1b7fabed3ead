"""EmporionGovernor and EmporionTimelock

a decision
├── when the quorum is missed, the proposer has too little, or it is queued before it won: it should revert
├── given it won: anybody should queue it, and execute it after the delay, not before
└── it should reach every parameter: fee, minimum bond, delays, currencies, treasury, quorum
the quorum
├── given an empty or small vault: its first locker should decide nothing (the absolute quorum)
├── given a large total: it should be the fraction of it
└── when its fraction is out of bounds: it should revert
the timelock
├── when anybody but the governor schedules: it should revert
├── when its delay is lowered: it should keep the one it was born with
└── it should have no administrator but itself
the periods
└── it should count in seconds
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from web3.contract.contract import Contract

from tests.contracts.governed import (
    DELAY,
    MAX_LOCK,
    MIN_QUORUM,
    VOTING_DELAY,
    VOTING_PERIOD,
    Governed,
    deploy_governed,
)
from tests.contracts.protocol import DAY, EMP, HOUR
from tests.contracts.stage import ZERO, Stage

DEFEATED, SUCCEEDED, QUEUED = 3, 4, 5


@pytest.fixture(scope="module")
def built() -> Governed:
    return deploy_governed(Stage())


@pytest.fixture
def g(built: Governed) -> Iterator[Governed]:
    point = built.stage.snapshot()
    yield built
    built.stage.revert(point)


def state(g: Governed, call: tuple[Any, ...]) -> int:
    identifier = g.governor.functions.hashProposal(*call).call()
    return int(g.governor.functions.state(identifier).call(block_identifier="pending"))


class TestDecision:
    def test_proposed_by_somebody_without_a_score(self, g: Governed) -> None:
        with g.stage.reverts("GovernorInsufficientProposerVotes", g.p.stranger, 0, 1_000 * EMP):
            call = ([g.p.access.address], [0], [b""], "because")
            g.send(g.governor, "propose", *call, sender=g.p.stranger)

    def test_queued_before_it_won(self, g: Governed) -> None:
        call = g.propose(g.p.access, "setFeeBps", 300)
        g.vote(call)
        with g.stage.reverts("GovernorUnexpectedProposalState"):
            g.send(g.governor, "queue", *call, sender=g.p.stranger)

    def test_split_vote_is_no_majority(self, g: Governed) -> None:
        call = g.propose(g.p.access, "setFeeBps", 300)
        g.vote(call)
        g.vote(call, support=0, voter=g.dissenter)
        g.stage.advance(VOTING_PERIOD + 1)
        assert state(g, call) == DEFEATED

    def test_executed_before_the_delay(self, g: Governed) -> None:
        call = g.propose(g.p.access, "setFeeBps", 300)
        g.vote(call)
        g.stage.advance(VOTING_PERIOD + 1)
        g.send(g.governor, "queue", *call, sender=g.p.stranger)
        assert state(g, call) == QUEUED
        g.stage.advance(DELAY - 60)
        with g.stage.reverts("TimelockUnexpectedOperationState"):
            g.send(g.governor, "execute", *call, sender=g.p.stranger)

    @pytest.mark.parametrize(
        ("contract", "setter", "value", "getter"),
        [
            ("access", "setFeeBps", 300, "feeBps"),
            ("registry", "setMinBond", 2_000 * EMP, "minBond"),
            ("registry", "setUnbondCooldown", 60 * DAY, "unbondCooldown"),
            ("escrow", "setWithdrawalDelay", 2 * HOUR, "withdrawalDelay"),
            ("shares", "setTreasury", "0x" + "11" * 20, "treasury"),
        ],
    )
    def test_reaches_every_parameter(
        self, g: Governed, contract: str, setter: str, value: Any, getter: str
    ) -> None:
        target: Contract = getattr(g.p, contract)
        with g.stage.reverts(f"{self.name(contract)}_NotGovernance"):
            g.send(target, setter, value, sender=g.p.operator)
        g.stage.advance(DAY * 30)  # `minBond` may double every 30 days
        g.decide(target, setter, value)
        assert g.p.read(target, getter) == value

    def name(self, contract: str) -> str:
        names = {"access": "AccessToken", "registry": "ServiceRegistry", "escrow": "UsageEscrow"}
        return names.get(contract, "RevenueShares")

    def test_reaches_the_currencies(self, g: Governed) -> None:
        token = g.stage.deploy("TestDollar")
        g.decide(g.p.access, "addCurrency", token.address)
        assert g.p.read(g.p.access, "currencyOf", 2)[0] == token.address


class TestQuorum:
    def empty(self, g: Governed) -> None:
        g.stage.advance(MAX_LOCK)
        expired = ([g.voter, g.dissenter], [0, 0])
        g.send(g.p.vault, "expire", *expired, sender=g.p.stranger)
        assert g.p.read(g.p.vault, "totalScore") == 0

    def test_a_proposal_in_an_empty_vault(self, g: Governed) -> None:
        self.empty(g)
        g.send(g.p.vault, "lock", 90_000 * EMP, MAX_LOCK, sender=g.p.staker)
        g.settle_time()
        call = ([g.p.access.address], [0], [g.p.access.encode_abi("setFeeBps", [1000])])
        g.send(g.governor, "propose", *call, "because", sender=g.p.staker)
        full = (*call, g.stage.web3.keccak(text="because"))
        g.vote(full, voter=g.p.staker)
        g.stage.advance(VOTING_PERIOD + 1)
        assert state(g, full) == DEFEATED

    def test_is_the_larger_of_fraction_and_minimum(self, g: Governed) -> None:
        moment = g.stage.now - 30
        assert g.governor.functions.quorum(moment).call() == MIN_QUORUM
        g.p.fund(g.p.operator, g.p.emp, 1)
        g.send(g.p.vault, "lock", 30_000_000 * EMP, MAX_LOCK, sender=g.p.operator)
        g.settle_time()
        moment = g.stage.now - 30
        g.stage.advance(1)
        total = g.p.read(g.p.vault, "totalScore")
        assert g.governor.functions.quorum(moment).call() == total * 400 // 10_000 > MIN_QUORUM

    @pytest.mark.parametrize("bps", [0, 199, 2_001])
    def test_fraction_out_of_bounds(self, g: Governed, bps: int) -> None:
        with g.stage.reverts("EmporionGovernor_QuorumOutOfBounds", bps, 200, 2_000):
            g.decide(g.governor, "updateQuorumNumerator", bps)

    def test_fraction_by_decision(self, g: Governed) -> None:
        with g.stage.reverts("GovernorOnlyExecutor"):
            g.send(g.governor, "updateQuorumNumerator", 500, sender=g.voter)
        g.decide(g.governor, "updateQuorumNumerator", 500)
        assert g.p.read(g.governor, "quorumNumerator") == 500


class TestTimelock:
    @pytest.mark.parametrize("role", ["PROPOSER_ROLE", "CANCELLER_ROLE"])
    def test_only_the_governor_proposes(self, g: Governed, role: str) -> None:
        identifier = g.p.read(g.timelock, role)
        assert g.p.read(g.timelock, "hasRole", identifier, g.governor.address) is True
        for account in (g.p.operator, g.p.guardian, ZERO, g.voter):
            assert g.p.read(g.timelock, "hasRole", identifier, account) is False

    def test_a_stranger_schedules(self, g: Governed) -> None:
        arguments = (g.p.access.address, 0, b"", b"\0" * 32, b"\0" * 32, DELAY)
        with g.stage.reverts("AccessControlUnauthorizedAccount"):
            g.send(g.timelock, "schedule", *arguments, sender=g.p.operator)

    def test_nobody_administers_it_but_itself(self, g: Governed) -> None:
        admin = g.p.read(g.timelock, "DEFAULT_ADMIN_ROLE")
        for account in (g.p.operator, g.governor.address, ZERO):
            assert g.p.read(g.timelock, "hasRole", admin, account) is False
        assert g.p.read(g.timelock, "hasRole", admin, g.timelock.address) is True

    def test_anybody_executes(self, g: Governed) -> None:
        role = g.p.read(g.timelock, "EXECUTOR_ROLE")
        assert g.p.read(g.timelock, "hasRole", role, ZERO) is True

    def test_its_delay_never_falls(self, g: Governed) -> None:
        g.decide(g.timelock, "updateDelay", 0)
        assert g.p.read(g.timelock, "getMinDelay") == DELAY
        g.decide(g.timelock, "updateDelay", 20 * DAY)
        assert g.p.read(g.timelock, "getMinDelay") == 20 * DAY


class TestPeriods:
    def test_are_seconds(self, g: Governed) -> None:
        assert g.p.read(g.governor, "CLOCK_MODE") == "mode=timestamp"
        assert g.p.read(g.governor, "votingDelay") == VOTING_DELAY
        assert g.p.read(g.governor, "votingPeriod") == VOTING_PERIOD
        moment = g.stage.now
        call = g.propose(g.p.access, "setFeeBps", 300)
        identifier = g.governor.functions.hashProposal(*call).call()
        assert g.p.read(g.governor, "proposalSnapshot", identifier) == moment + VOTING_DELAY
        assert g.p.read(g.governor, "proposalDeadline", identifier) == moment + VOTING_DELAY + VOTING_PERIOD
