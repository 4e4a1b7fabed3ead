"""DisputeCourt.vote, resolve

vote
├── when there is no such dispute, the vote is over, or the voter has none: it should revert
├── when it is the second of the same voter: it should revert
└── it should weigh by the votes a second before the dispute was opened
resolve
├── when the vote still runs, or it was resolved: it should revert
├── given two thirds and the quorum: half of the slash to the claimant, half burned, the bond back
├── given less than two thirds: half of the bond to the provider, half burned
├── given no quorum: nine tenths of the bond back
└── given several disputes: they should be paid from what is left, in order of resolution
"""

from __future__ import annotations

import pytest

from tests.contracts.dispute_court.conftest import CourtStage
from tests.contracts.governed import COURT_PERIOD, MAX_LOCK, VOTING_STAKE
from tests.contracts.protocol import EMP, MIN_BOND

WEIGHT = 4 * VOTING_STAKE
OPEN, UPHELD, REJECTED, NO_QUORUM = range(4)


class TestVote:
    def test_in_no_dispute(self, c: CourtStage) -> None:
        with c.g.stage.reverts("DisputeCourt_NotOpen", 1):
            c.vote(True, c.g.voter)

    def test_without_votes(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        c.open(EMP)
        with c.g.stage.reverts("DisputeCourt_NoVotes", 1, c.g.p.stranger):
            c.vote(True, c.g.p.stranger)

    def test_after_the_end(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        c.open(EMP)
        c.g.stage.advance(COURT_PERIOD)
        with c.g.stage.reverts("DisputeCourt_VotingEnded"):
            c.vote(True, c.g.voter)

    def test_twice(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        c.open(EMP)
        event = c.g.p.only(c.vote(True, c.g.voter), c.g.court, "VoteCast")
        assert (event["weight"], event["votesFor"], event["votesAgainst"]) == (WEIGHT, WEIGHT, 0)
        with c.g.stage.reverts("DisputeCourt_AlreadyVoted", 1, c.g.voter):
            c.vote(False, c.g.voter)

    def test_locked_after_the_opening_does_not_count(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        c.open(EMP)
        c.g.p.send(c.g.p.vault, "lock", 1000 * EMP, MAX_LOCK, sender=c.g.p.staker)
        with c.g.stage.reverts("DisputeCourt_NoVotes"):
            c.vote(True, c.g.p.staker)

    def test_voting_twice_through_a_delegate(self, c: CourtStage) -> None:
        """Votes that move after the opening stay with whoever had them."""
        c.g.p.buy(c.metered)
        c.open(EMP)
        c.vote(True, c.g.voter)
        c.g.p.send(c.g.p.vault, "delegate", c.g.p.stranger, sender=c.g.voter)
        c.g.settle_time()
        with c.g.stage.reverts("DisputeCourt_NoVotes"):
            c.vote(True, c.g.p.stranger)


class TestResolve:
    def test_while_the_vote_runs(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        c.open(EMP)
        with c.g.stage.reverts("DisputeCourt_VotingRuns"):
            c.g.send(c.g.court, "resolve", 1, sender=c.g.p.stranger)

    def test_slashing_twice(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        c.open(EMP)
        c.vote(True, c.g.voter)
        c.resolve()
        with c.g.stage.reverts("DisputeCourt_NotOpen", 1):
            c.resolve()

    def test_upheld(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        before, supply = c.emp(c.g.p.buyer), c.g.p.read(c.g.p.emp, "totalSupply")
        c.open(301)
        c.vote(True, c.g.voter)
        event = c.resolve()
        assert (event["outcome"], event["slashed"], event["burned"]) == (UPHELD, 301, 151)
        assert c.emp(c.g.p.buyer) == before + 150
        assert c.g.p.read(c.g.p.emp, "totalSupply") == supply - 151
        assert c.g.p.service()["bond"] == MIN_BOND - 301
        assert c.g.p.service()["openDisputes"] == 0

    def test_two_thirds_exactly(self, c: CourtStage) -> None:
        half = VOTING_STAKE // 2
        c.g.p.fund(c.g.p.stranger, c.g.p.emp, VOTING_STAKE)
        c.g.p.send(c.g.p.vault, "lock", VOTING_STAKE, MAX_LOCK, sender=c.g.p.stranger)
        c.g.settle_time()
        c.g.p.buy(c.metered)
        c.open(EMP)
        for voter, uphold in ((c.g.voter, True), (c.g.p.stranger, True), (c.g.dissenter, False)):
            c.vote(uphold, voter)
        assert c.resolve()["outcome"] == UPHELD
        assert half * 8 == WEIGHT

    def test_rejected(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        before, supply = c.emp(c.g.p.provider), c.g.p.read(c.g.p.emp, "totalSupply")
        c.open(EMP)
        c.vote(True, c.g.voter)
        c.vote(False, c.g.dissenter)
        event = c.resolve()
        assert (event["outcome"], event["slashed"]) == (REJECTED, 0)
        assert c.emp(c.g.p.provider) == before + 25 * EMP
        assert c.g.p.read(c.g.p.emp, "totalSupply") == supply - 25 * EMP
        assert c.g.p.service()["bond"] == MIN_BOND

    @pytest.mark.parametrize("votes", [0, 1])
    def test_no_quorum(self, c: CourtStage, votes: int) -> None:
        if votes:
            c.g.p.send(c.g.p.vault, "lock", 1000 * EMP, MAX_LOCK, sender=c.g.p.staker)
            c.g.settle_time()
        c.g.p.buy(c.metered)
        before = c.emp(c.g.p.buyer)
        c.open(EMP)
        if votes:
            c.vote(True, c.g.p.staker)
        assert c.resolve()["outcome"] == NO_QUORUM
        assert before - c.emp(c.g.p.buyer) == 5 * EMP

    def test_several_are_paid_from_what_is_left(self, c: CourtStage) -> None:
        p = c.g.p
        for account in (p.buyer, p.stranger):
            p.buy(c.metered, sender=account)
            c.open(700 * EMP, sender=account)
        for dispute in (1, 2):
            c.vote(True, c.g.voter, dispute)
        assert c.resolve(2)["slashed"] == 700 * EMP
        assert c.resolve(1)["slashed"] == 300 * EMP
        assert p.service()["bond"] == p.service()["openDisputes"] == 0
