"""A prober over both databases, with a caller that plays its part

probe
├── an answer and a fault of the service are measurements; a call not paid or refused is none
├── given a budget: buys the cheapest it can pay, once, and never spends more in all
├── counts a purchase whose end it did not learn of
└── without a budget: buys nothing, free units neither
figures
├── are each prober's own, of thirty days, and are forgotten after
└── of what the gateway served: made anew where it served since
"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.clock import ManualClock
from backend.core.settings import load_settings
from backend.core.units import Address, ChainId, ServiceId
from backend.db.session import Store
from backend.db.stores import open_gateway_store
from backend.probing.figures import Sample
from backend.probing.prober import Budget, Down, Prober, Refused, Target, Timed, Unpaid
from backend.probing.service import WINDOW_SECONDS, Measurements
from tests.backend.alerts.test_kinds import usage
from tests.backend.market import CHAIN_ID, METER, SERVICE, START, STRANGER

PROBER = Address(b"\x70" * 20)
TARGET = Target(SERVICE, f"{CHAIN_ID}/{SERVICE}")
FAST = Timed(120, 9_000)


def offer(cost: int, action: str = "buy", symbol: str = "tUSD") -> dict[str, Any]:
    return {
        "action": action,
        "plan_id": cost,
        "cost": str(cost),
        "units": "1",
        "currency": {"symbol": symbol},
    }


class Played:
    """Answers calls by script; notes what it bought."""

    def __init__(self, *answers: Timed | Exception, fault: Exception | None = None) -> None:
        self._answers = list(answers)
        self._fault = fault
        self.bought: list[int] = []

    async def call(self, target: Target) -> Timed:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def buy(self, target: Target, offer: Mapping[str, Any]) -> None:
        self.bought.append(int(offer["cost"]))
        if self._fault is not None:
            raise self._fault


@pytest.fixture
async def store(stores_home: Path, database_url: str) -> AsyncIterator[Store]:
    opened = await open_gateway_store(load_settings(home=stores_home, database_url=database_url, devnet=True))
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def measurements(store: Store, clock: ManualClock) -> Measurements:
    return Measurements(store, ChainId(CHAIN_ID), clock)


class TestProbe:
    async def test_keeps_answers_and_faults_alone(
        self, measurements: Measurements, clock: ManualClock
    ) -> None:
        caller = Played(
            FAST, Down("503 upstream_unavailable"), Unpaid("no access"), Refused("429 rate_limited")
        )
        prober = Prober(caller, measurements, PROBER, Budget(), clock)
        told = [await prober.probe(TARGET) for _ in range(4)]
        assert [one.state for one in told] == ["up", "down", "unpaid", "refused"]
        assert told[1].figures == (START, START, 2, 500_000, 120, 9_000)
        assert [one.figures for one in told[2:]] == [None, None]

    async def test_buys_the_cheapest_it_can_pay(self, measurements: Measurements, clock: ManualClock) -> None:
        offers = [offer(9), offer(4), offer(1, symbol="EMP"), offer(1, "deposit")]
        caller, budget = Played(Unpaid("none", offers=offers), FAST), Budget("TUSD", 5)
        assert (await Prober(caller, measurements, PROBER, budget, clock).probe(TARGET)).state == "up"
        assert (caller.bought, budget.spent, budget.left) == ([4], 4, 1)

    async def test_buys_once_a_probe(self, measurements: Measurements, clock: ManualClock) -> None:
        refusal = Unpaid("none", offers=[offer(1)])
        caller, budget = Played(refusal, refusal), Budget("tUSD", 9)
        assert (await Prober(caller, measurements, PROBER, budget, clock).probe(TARGET)).state == "unpaid"
        assert caller.bought == [1]

    async def test_counts_what_may_have_been_paid(
        self, measurements: Measurements, clock: ManualClock
    ) -> None:
        caller = Played(Unpaid("none", offers=[offer(4)]), fault=Unpaid("not mined yet"))
        budget = Budget("tUSD", 5)
        assert (await Prober(caller, measurements, PROBER, budget, clock).probe(TARGET)).state == "unpaid"
        assert budget.left == 1

    async def test_buys_nothing_without_a_budget(
        self, measurements: Measurements, clock: ManualClock
    ) -> None:
        caller = Played(Unpaid("none", offers=[offer(0)]))
        assert (await Prober(caller, measurements, PROBER, Budget(), clock).probe(TARGET)).state == "unpaid"
        assert caller.bought == []


class TestBudget:
    @given(st.integers(0, 50), st.lists(st.lists(st.integers(0, 20), max_size=4), max_size=12))
    def test_is_never_passed(self, amount: int, rounds: list[list[int]]) -> None:
        budget = Budget("tUSD", amount)
        for costs in rounds:
            taken = budget.cheapest([offer(cost) for cost in costs])
            if taken is not None:
                budget.take(int(taken["cost"]))
            assert budget.left >= 0
            assert budget.spent + budget.left == amount


class TestFigures:
    async def test_are_each_probers_own_for_thirty_days(
        self, measurements: Measurements, clock: ManualClock
    ) -> None:
        await measurements.note(SERVICE, PROBER, Sample(START, False))
        await measurements.note(SERVICE, STRANGER, Sample(START, True))
        await clock.advance(WINDOW_SECONDS)
        figures = await measurements.note(SERVICE, PROBER, Sample(clock.now(), True, 50, 1))
        assert (figures.samples, figures.uptime_ppm) == (2, 500_000)
        await clock.advance(1)
        await measurements.forget()
        figures = await measurements.note(SERVICE, PROBER, Sample(clock.now(), True, 60, 1))
        assert (figures.samples, figures.uptime_ppm, figures.first_token_ms) == (2, 1_000_000, 55)

    async def test_of_what_was_served_follow_the_usage(
        self, store: Store, measurements: Measurements, clock: ManualClock
    ) -> None:
        async def serve(number: int, at: int) -> None:
            async with store.write() as session:
                session.add(usage(number, at))

        await serve(1, START)
        assert await measurements.refresh_served(METER) == 1
        await clock.advance(600)
        # What was issued shortly before the last look may have reached the store after it.
        assert [await measurements.refresh_served(METER) for _ in range(2)] == [1, 0]
        await serve(2, START + 600)
        assert await measurements.refresh_served(METER) == 1

    async def test_of_another_service_stand_apart(self, measurements: Measurements) -> None:
        await measurements.note(SERVICE, PROBER, Sample(START, False))
        figures = await measurements.note(ServiceId(2), PROBER, Sample(START, True))
        assert figures.uptime_ppm == 1_000_000
