"""DisputeCourt under attack

├── self-dispute to shield a bond: it should shield nothing from a later dispute
├── a bond leaving while a dispute is open: it should stay
├── a bond on its way out: it should still be slashed
├── an empty vault: its first locker should not take a bond
├── parameters changed while a dispute runs: they should not reach it
└── parameters by a stranger, or out of bounds: it should revert
"""

from __future__ import annotations

import pytest

from tests.contracts.dispute_court.conftest import CourtStage
from tests.contracts.governed import COURT_PERIOD, MAX_LOCK
from tests.contracts.protocol import DAY, EMP, MIN_BOND

UPHELD, NO_QUORUM = 1, 3


class TestBond:
    def test_self_dispute_to_shield_a_bond(self, c: CourtStage) -> None:
        p = c.g.p
        p.buy(c.metered, sender=p.provider)
        p.buy(c.metered)
        c.open(MIN_BOND, sender=p.provider)
        c.open(MIN_BOND)
        c.vote(True, c.g.voter, 2)
        assert c.resolve(2)["slashed"] == MIN_BOND
        c.g.send(c.g.court, "resolve", 1, sender=p.stranger)
        assert p.service()["bond"] == 0

    def test_no_bond_leaves_while_a_dispute_is_open(self, c: CourtStage) -> None:
        p = c.g.p
        p.buy(c.metered)
        p.send(p.registry, "requestUnbond", 1, MIN_BOND, sender=p.provider)
        c.g.stage.advance(46 * DAY)
        c.open(MIN_BOND)
        with c.g.stage.reverts("ServiceRegistry_DisputesOpen", 1, 1):
            p.send(p.registry, "unbond", 1, p.provider, sender=p.provider)
        c.vote(True, c.g.voter)
        assert c.resolve()["slashed"] == MIN_BOND
        assert p.service()["unbonding"] == 0

    def test_an_empty_vault_takes_no_bond(self, c: CourtStage) -> None:
        p = c.g.p
        c.g.stage.advance(MAX_LOCK)
        p.send(p.vault, "expire", [c.g.voter, c.g.dissenter], [0, 0], sender=p.stranger)
        p.send(p.vault, "lock", 90_000 * EMP, MAX_LOCK, sender=p.staker)
        c.g.settle_time()
        p.buy(c.metered)
        c.open(MIN_BOND)
        c.vote(True, p.staker)
        assert c.resolve()["outcome"] == NO_QUORUM
        assert p.service()["bond"] == MIN_BOND


class TestParameters:
    @pytest.mark.parametrize(("function", "value"), [("setVotingPeriod", 3 * DAY), ("setQuorumBps", 500)])
    def test_by_a_stranger(self, c: CourtStage, function: str, value: int) -> None:
        with c.g.stage.reverts("DisputeCourt_NotGovernance"):
            c.g.send(c.g.court, function, value, sender=c.g.p.operator)

    def test_do_not_reach_a_dispute_that_runs(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        call = c.g.propose(c.g.court, "setVotingPeriod", 14 * DAY)
        c.g.vote(call)
        c.g.stage.advance(5 * DAY + 1)
        c.g.send(c.g.governor, "queue", *call, sender=c.g.p.stranger)
        c.g.stage.advance(8 * DAY + 1)
        c.open(EMP)
        ends = c.dispute(1)[2]
        c.g.send(c.g.governor, "execute", *call, sender=c.g.p.stranger)
        assert c.g.court.functions.votingPeriod().call() == 14 * DAY
        assert c.dispute(1)[2] == ends
        c.vote(True, c.g.voter)
        c.g.stage.advance(COURT_PERIOD)
        c.g.send(c.g.court, "resolve", 1, sender=c.g.p.stranger)
        assert c.dispute(1)[3] == UPHELD

    @pytest.mark.parametrize(
        ("function", "value", "bounds"),
        [
            ("setVotingPeriod", 2 * DAY - 1, (2 * DAY, 14 * DAY)),
            ("setVotingPeriod", 14 * DAY + 1, (2 * DAY, 14 * DAY)),
            ("setQuorumBps", 199, (200, 2_000)),
            ("setQuorumBps", 2_001, (200, 2_000)),
        ],
    )
    def test_out_of_bounds(self, c: CourtStage, function: str, value: int, bounds: tuple[int, int]) -> None:
        with c.g.stage.reverts("DisputeCourt_OutOfBounds", value, *bounds):
            c.g.decide(c.g.court, function, value)
