"""DisputeCourt.open, respond, mayOpen

open
├── when nothing is claimed, or more than the bond: it should revert
├── when the plan is free, or the account neither used nor holds a unit: it should revert
├── given a unit in the wallet, in the tab, activated, settled or bought as a Pass: it should open
├── given the last use is longer ago than 30 days: it should revert
└── it should take the larger of the minimum and a tenth, count the dispute, fix snapshot and quorum
respond
├── when the caller is not the provider, or the vote is over: it should revert
└── it should say what the provider said
"""

from __future__ import annotations

import pytest

from tests.contracts.dispute_court.conftest import CourtStage
from tests.contracts.governed import COURT_PERIOD, MIN_DISPUTE_BOND, MIN_QUORUM, USE_PERIOD
from tests.contracts.protocol import ACTIVATE, DAY, EMP, HASH, MIN_BOND, URI


class TestOpen:
    def test_of_nothing(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        with c.g.stage.reverts("DisputeCourt_ZeroAmount"):
            c.open(0)

    @pytest.mark.parametrize("amount", [MIN_BOND + 1, 2**96, 2**256 - 1])
    def test_more_than_the_bond(self, c: CourtStage, amount: int) -> None:
        c.g.p.buy(c.metered)
        with c.g.stage.reverts("DisputeCourt_AmountAboveBond", amount, MIN_BOND):
            c.open(amount)

    def test_without_any_use(self, c: CourtStage) -> None:
        with c.g.stage.reverts("DisputeCourt_NoPaidUse", c.metered, c.g.p.buyer):
            c.open(EMP)

    def test_a_plan_that_never_was(self, c: CourtStage) -> None:
        with c.g.stage.reverts("AccessToken_UnknownPlan"):
            c.open(EMP, plan=c.metered + (1 << 30))

    def test_a_free_trial_gives_no_say(self, c: CourtStage) -> None:
        c.g.p.buy(c.free)
        with c.g.stage.reverts("DisputeCourt_NoPaidUse"):
            c.open(EMP, plan=c.free)

    @pytest.mark.parametrize(("amount", "bond"), [(EMP, MIN_DISPUTE_BOND), (MIN_BOND, 100 * EMP)])
    def test_takes_its_bond(self, c: CourtStage, amount: int, bond: int) -> None:
        c.g.p.buy(c.metered)
        before, opened = c.emp(c.g.p.buyer), c.g.stage.now
        event = c.g.p.only(c.open(amount), c.g.court, "DisputeOpened")
        assert before - c.emp(c.g.p.buyer) == c.emp(c.g.court.address) == bond
        assert event == {
            "disputeId": 1, "serviceId": 1, "claimant": c.g.p.buyer, "planId": c.metered, "amount": amount,
            "bond": bond, "snapshot": opened - 1, "votingEnds": opened + COURT_PERIOD, "quorum": MIN_QUORUM,
            "evidenceHash": HASH, "uri": URI,
        }  # fmt: skip
        assert c.g.p.service()["openDisputes"] == 1

    def test_a_tenth_is_rounded_up(self, c: CourtStage) -> None:
        assert c.g.court.functions.bondUp(900 * EMP + 1).call() == 90 * EMP + 1

    def test_quorum_grows_with_the_total_score(self, c: CourtStage) -> None:
        p = c.g.p
        p.fund(p.operator, p.emp, 1)
        p.send(p.vault, "lock", 20_000_000 * EMP, 365 * DAY, sender=p.operator)
        c.g.settle_time()
        p.buy(c.metered)
        event = p.only(c.open(EMP), c.g.court, "DisputeOpened")
        assert event["quorum"] == 84_000_000 * EMP * 400 // 10_000


class TestMayOpen:
    def test_a_unit_in_the_wallet_whoever_bought_it(self, c: CourtStage) -> None:
        p = c.g.p
        p.buy(c.pass_plan, recipient=p.stranger)
        assert c.may_open(c.pass_plan, p.stranger) is True

    def test_credits_in_the_tab(self, c: CourtStage) -> None:
        c.g.p.deposit(c.metered, 5)
        assert c.may_open(c.metered, c.g.p.buyer) is True

    def test_an_activated_unit_for_thirty_days(self, c: CourtStage) -> None:
        c.g.p.buy(c.timed, then=ACTIVATE)
        c.g.stage.advance(USE_PERIOD - 10)
        assert c.may_open(c.timed, c.g.p.buyer) is True
        c.g.stage.advance(20)
        assert c.may_open(c.timed, c.g.p.buyer) is False

    def test_settled_credits_for_thirty_days(self, c: CourtStage) -> None:
        c.g.p.deposit(c.metered, 5)
        c.g.p.settle(c.metered, (c.g.p.buyer, 5))
        assert c.g.p.tab(c.metered)["balance"] == 0
        c.g.stage.advance(USE_PERIOD - DAY)
        assert c.may_open(c.metered, c.g.p.buyer) is True
        c.g.stage.advance(2 * DAY)
        assert c.may_open(c.metered, c.g.p.buyer) is False

    def test_units_sold_on_and_never_used(self, c: CourtStage) -> None:
        p = c.g.p
        p.buy(c.timed)
        p.send(p.access, "safeTransferFrom", p.buyer, p.stranger, c.timed, 1, b"", sender=p.buyer)
        assert c.may_open(c.timed, p.buyer) is False
        assert c.may_open(c.timed, p.stranger) is True


class TestRespond:
    def test_by_a_stranger(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        c.open(EMP)
        with c.g.stage.reverts("DisputeCourt_NotProvider", 1, c.g.p.stranger, c.g.p.provider):
            c.g.send(c.g.court, "respond", 1, HASH, URI, sender=c.g.p.stranger)

    def test_after_the_vote(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        c.open(EMP)
        c.g.stage.advance(COURT_PERIOD)
        with c.g.stage.reverts("DisputeCourt_VotingEnded"):
            c.g.send(c.g.court, "respond", 1, HASH, URI, sender=c.g.p.provider)

    def test_says_what_was_said(self, c: CourtStage) -> None:
        c.g.p.buy(c.metered)
        c.open(EMP)
        receipt = c.g.send(c.g.court, "respond", 1, HASH, URI, sender=c.g.p.provider)
        assert c.g.p.only(receipt, c.g.court, "DisputeAnswered")["provider"] == c.g.p.provider
