"""Cost basis of units

FifoBook, AverageBook
├── when more leave than ever came: the basis should be unknown
├── when an unknown cost is among what leaves: the basis should be unknown, that of others not
├── when some leave: what they cost and what is left should add up, to the unit
├── when lots of several currencies leave together: each currency's part should be told
└── when units came on several days: the first and the last should be told
"""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.statements.basis import NOTHING, UNKNOWN, AverageBook, Basis, Cost, FifoBook, Method, new_book
from backend.statements.entries import Asset

PLAN: Final = Asset("plan", 1)
METHODS: Final[tuple[Method, ...]] = ("fifo", "average")


def paid(amount: int, currency: int = 0) -> Cost:
    return Cost({currency: amount}, amount * 100)


class TestRelease:
    @pytest.mark.parametrize("method", METHODS)
    def test_knows_nothing_of_units_that_never_came(self, method: Method) -> None:
        book = new_book(method)
        assert book.release(PLAN, 1).cost == UNKNOWN
        book.acquire(PLAN, 1, paid(5), 10)
        assert book.release(PLAN, 2).cost == UNKNOWN

    def test_takes_the_oldest_first(self) -> None:
        book = FifoBook()
        book.acquire(PLAN, 2, UNKNOWN, 10)
        book.acquire(PLAN, 2, paid(9), 20)
        assert book.release(PLAN, 2) == Basis(UNKNOWN, 10, 10)
        assert book.release(PLAN, 1) == Basis(Cost({0: 4}, 450), 20, 20)
        assert book.release(PLAN, 1) == Basis(Cost({0: 5}, 450), 20, 20)

    def test_takes_the_average(self) -> None:
        book = AverageBook()
        book.acquire(PLAN, 1, paid(10), 10)
        book.acquire(PLAN, 3, paid(50), 20)
        assert book.release(PLAN, 2) == Basis(Cost({0: 30}, 3_000), 10, 20)

    def test_begins_anew_after_the_last_unit(self) -> None:
        book = AverageBook()
        book.acquire(PLAN, 1, UNKNOWN, 10)
        assert book.release(PLAN, 1).cost == UNKNOWN
        book.acquire(PLAN, 1, paid(7), 30)
        assert book.release(PLAN, 1) == Basis(paid(7), 30, 30)

    @pytest.mark.parametrize("method", METHODS)
    def test_tells_currencies_apart(self, method: Method) -> None:
        book = new_book(method)
        book.acquire(PLAN, 1, paid(3), 10)
        book.acquire(PLAN, 1, paid(4, currency=1), 20)
        assert book.release(PLAN, 2) == Basis(Cost({0: 3, 1: 4}, 700), 10, 20)

    @pytest.mark.parametrize("method", METHODS)
    def test_keeps_free_units_apart_from_unknown_ones(self, method: Method) -> None:
        book = new_book(method)
        book.acquire(PLAN, 5, NOTHING, 10)
        assert book.release(PLAN, 5).cost == NOTHING

    @pytest.mark.parametrize("method", METHODS)
    @given(
        lots=st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10**20)), min_size=1, max_size=8),
        cuts=st.lists(st.integers(1, 60), max_size=20),
    )
    def test_adds_up_to_what_was_paid(
        self, method: Method, lots: list[tuple[int, int]], cuts: list[int]
    ) -> None:
        book, held, spent, valued = new_book(method), sum(units for units, _ in lots), 0, 0
        for time, (units, cost) in enumerate(lots):
            book.acquire(PLAN, units, paid(cost), time)
        for cut in [*cuts, held]:
            part = min(cut, held)
            if not part:
                break
            cost_then = book.release(PLAN, part).cost
            assert cost_then.money is not None
            held, spent = held - part, spent + cost_then.money.get(0, 0)
            valued += cost_then.value or 0
        if not held:
            assert spent == sum(cost for _, cost in lots)
            assert valued == 100 * spent
