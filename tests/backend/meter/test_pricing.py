"""Rate-card arithmetic.

cost_exact
    when a measure is negative: it refuses
    it is linear in requests and measures
units_down / units_up
    they enclose the amount within one credit
available_down
    given a withdrawal asked for: nothing
    given a daily limit: no more than what is left of the day
    it never exceeds what the tab backs
returnable_down
    what was not served, rounded for the provider; the same while a withdrawal runs or a daily limit holds
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.units import MICRO
from backend.meter.pricing import (
    RateCard,
    TabState,
    available_down,
    cost_exact,
    kib_up,
    returnable_down,
    units_down,
    units_up,
)

amounts = st.integers(min_value=0, max_value=10**15)
counts = st.integers(min_value=0, max_value=10**6)
rates = st.integers(min_value=0, max_value=10**9)
TODAY = 20_000


def tab(**changes: int) -> TabState:
    base = {"balance": 10, "settled": 0, "withdraw_at": 0, "daily_limit": 0, "spent_on_day": 0, "day": TODAY}
    return TabState(**(base | changes))


class TestCostExact:
    @pytest.mark.parametrize(("units_in", "units_out"), [(-1, 0), (0, -1)])
    def test_refuses_a_negative_measure(self, units_in: int, units_out: int) -> None:
        with pytest.raises(ValueError, match="negative"):
            cost_exact(RateCard(1, 1, 1), units_in, units_out)

    def test_adds_request_in_and_out(self) -> None:
        assert cost_exact(RateCard(1_000, 20, 30), 7, 5) == 1_000 + 140 + 150

    @given(rates, rates, rates, counts, counts)
    def test_two_requests_cost_the_sum(self, a: int, b: int, c: int, x: int, y: int) -> None:
        card = RateCard(a, b, c)
        assert cost_exact(card, x, y) == cost_exact(card, x, 0) + cost_exact(card, 0, y) - a

    def test_free_card_costs_nothing(self) -> None:
        assert RateCard(0, 0, 0).free
        assert cost_exact(RateCard(0, 0, 0), 9, 9) == 0


class TestWholeCredits:
    @given(amounts)
    def test_down_and_up_enclose_the_amount(self, amount: int) -> None:
        low, high = units_down(amount), units_up(amount)
        assert low * MICRO <= amount <= high * MICRO
        assert high - low == (1 if amount % MICRO else 0)

    @pytest.mark.parametrize(("size", "kib"), [(0, 0), (1, 1), (1024, 1), (1025, 2)])
    def test_kib_round_up(self, size: int, kib: int) -> None:
        assert kib_up(size) == kib


class TestReturnableDown:
    @pytest.mark.parametrize(
        "changes", [{}, {"withdraw_at": 1}, {"daily_limit": 1, "spent_on_day": 1}], ids=str
    )
    def test_is_what_was_not_served_rounded_for_the_provider(self, changes: dict[str, int]) -> None:
        """Of ten credits: four served of which three are settled, a half one more, a half is held."""
        served = 4 * MICRO + MICRO // 2
        assert returnable_down(tab(settled=3, **changes), served, 0) == 8
        assert returnable_down(tab(settled=3, **changes), served, MICRO // 2) == 8
        assert returnable_down(tab(settled=3, **changes), served, MICRO // 2 + 1) == 7

    def test_a_fraction_that_was_settled_in_advance_brings_none_back(self) -> None:
        assert returnable_down(tab(balance=7, settled=3), 2 * MICRO + 1, 0) == 7

    @given(st.integers(0, 2**63 - 1), amounts, amounts)
    def test_is_never_more_than_the_balance(self, balance: int, spent: int, held: int) -> None:
        assert 0 <= returnable_down(tab(balance=balance), spent, held) <= balance

    @given(st.integers(0, 1_000), st.integers(0, 2_000 * MICRO), st.integers(0, 10 * MICRO))
    def test_is_the_whole_part_of_what_is_available(self, balance: int, spent: int, held: int) -> None:
        left = available_down(tab(balance=balance), spent, held, TODAY)
        assert returnable_down(tab(balance=balance), spent, held) == units_down(left)


class TestAvailableDown:
    def test_withdrawal_asked_for_leaves_nothing(self) -> None:
        assert available_down(tab(withdraw_at=1), 0, 0, TODAY) == 0

    def test_served_and_held_credits_are_gone(self) -> None:
        assert available_down(tab(settled=3), 5 * MICRO, MICRO, TODAY) == 7 * MICRO

    def test_daily_limit_counts_what_settled_today(self) -> None:
        assert available_down(tab(daily_limit=4, spent_on_day=3), 0, 0, TODAY) == MICRO

    def test_daily_limit_starts_anew_on_another_day(self) -> None:
        assert available_down(tab(daily_limit=4, spent_on_day=3), 0, 0, TODAY + 1) == 4 * MICRO

    @given(st.integers(0, 2**63 - 1), amounts, amounts)
    def test_never_above_what_is_backed_and_fits_64_bits(self, balance: int, spent: int, held: int) -> None:
        left = available_down(tab(balance=balance), spent, held, TODAY)
        assert 0 <= left <= min(balance * MICRO, 2**63 - 1)
