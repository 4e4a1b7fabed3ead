"""ServiceReviews.review

├── when the rating is not 1 to 5: it should revert
├── when the plan is free, or the account never used a paid unit: it should revert
├── given a unit held and not used, or a tab not settled yet: it should revert
├── given a Pass bought, a unit activated, credits consumed or settled, ever: it should be accepted
└── it should store nothing
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contracts.artifacts import load
from tests.contracts.governed import Governed, deploy_governed
from tests.contracts.protocol import ACTIVATE, DAY, HASH, METERED, PASS, TIMED
from tests.contracts.stage import MAX_UINT256, Stage


@pytest.fixture(scope="module")
def built() -> Governed:
    return deploy_governed(Stage())


@pytest.fixture
def g(built: Governed) -> Iterator[Governed]:
    point = built.stage.snapshot()
    yield built
    built.stage.revert(point)


def review(g: Governed, plan: int, rating: int = 5) -> dict[str, object]:
    return g.send(g.reviews, "review", plan, rating, HASH, sender=g.p.buyer)


class TestReview:
    @pytest.mark.parametrize("rating", [0, 6, MAX_UINT256])
    def test_rating_out_of_bounds(self, g: Governed, rating: int) -> None:
        plan = g.p.create_plan(PASS)
        g.p.buy(plan)
        with g.stage.reverts("ServiceReviews_RatingOutOfBounds", rating):
            review(g, plan, rating)

    def test_a_free_trial(self, g: Governed) -> None:
        plan = g.p.create_plan(METERED, unitPrice=0)
        g.p.deposit(plan, 3)
        g.p.settle(plan, (g.p.buyer, 3))
        with g.stage.reverts("ServiceReviews_NoPaidUse", plan, g.p.buyer):
            review(g, plan)

    @pytest.mark.parametrize("kind", [TIMED, METERED])
    def test_held_and_not_used(self, g: Governed, kind: int) -> None:
        plan = g.p.create_plan(kind)
        g.p.buy(plan)
        if kind == METERED:
            g.p.deposit(plan, 5)
        with g.stage.reverts("ServiceReviews_NoPaidUse", plan, g.p.buyer):
            review(g, plan)

    def test_a_pass(self, g: Governed) -> None:
        plan = g.p.create_plan(PASS)
        g.p.buy(plan)
        event = g.p.only(review(g, plan, 4), g.reviews, "Reviewed")
        assert event == {
            "serviceId": 1, "account": g.p.buyer, "planId": plan, "rating": 4, "contentHash": HASH
        }  # fmt: skip

    def test_a_unit_activated_years_ago(self, g: Governed) -> None:
        plan = g.p.create_plan(TIMED)
        g.p.buy(plan, then=ACTIVATE)
        g.stage.advance(1000 * DAY)
        assert g.p.only(review(g, plan, 1), g.reviews, "Reviewed")["rating"] == 1

    def test_credits_settled(self, g: Governed) -> None:
        plan = g.p.create_plan(METERED)
        g.p.deposit(plan, 3)
        g.p.settle(plan, (g.p.buyer, 1))
        assert g.p.only(review(g, plan), g.reviews, "Reviewed")["planId"] == plan

    def test_credits_consumed(self, g: Governed) -> None:
        plan = g.p.create_plan(METERED)
        g.p.buy(plan, 2)
        g.send(g.p.access, "consume", plan, 1, sender=g.p.buyer)
        review(g, plan, 3)
        assert g.p.only(review(g, plan, 2), g.reviews, "Reviewed")["rating"] == 2

    def test_stores_nothing(self) -> None:
        assert load("ServiceReviews").storage == []
