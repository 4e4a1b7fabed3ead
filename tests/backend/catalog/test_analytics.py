"""A provider's analytics

percentiles: nearest rank; none of nothing
cohorts_of: who came back, by the week of the first call
Analytics.of
├── given no usage: nothing, and no error
├── given usage in several hours, days and plans: sums by each, other services and times left out
├── given failures: by route and outcome
├── given usage that was voided: apart, and not worth anything
└── given a period that is empty or too long: refused
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.catalog.analytics import DAY, HOUR, WEEK, Analytics, cohorts_of, percentiles
from backend.catalog.analytics_schemas import Cohort, Percentiles
from backend.core.clock import ManualClock
from backend.core.errors import MalformedRequest
from backend.core.settings import load_settings
from backend.core.units import ChainId, PlanId, PlanKind, ServiceId, keccak
from backend.db.session import Store
from backend.db.stores import open_chain_store, open_gateway_store
from backend.db.tables.chain import Purchase
from backend.db.tables.meter import Usage, UsageEvent
from tests.backend.market import (
    BUYER,
    CHAIN_ID,
    METER,
    SERVICE,
    START,
    STRANGER,
    Market,
    plan,
    plan_id,
    service,
)

METERED, SECOND = plan_id(PlanKind.METERED), plan_id(PlanKind.METERED, 2)
FOREIGN = ServiceId(2)
MIDNIGHT = START // DAY * DAY


def used(
    number: int,
    at: int,
    plan: PlanId = METERED,
    payer: bytes = BUYER,
    outcome: str = "completed",
    service: ServiceId = SERVICE,
    fault: str = "",
) -> Usage:
    blank = bytes(32)
    return Usage(
        request_id=f"r{number}",
        chain_id=CHAIN_ID,
        plan_id=plan,
        payer=payer,
        sequence=number,
        service_id=service,
        route="chat",
        outcome=outcome,
        fault=fault,
        units_in=10,
        units_out=20,
        charged=0 if outcome == "failed" else 700_000,
        cumulative=0,
        started_at=at,
        first_byte_ms=None if outcome == "failed" else number,
        duration_ms=10 * number,
        issued_at=at,
        model_digest=blank,
        request_hash=blank,
        response_hash=blank,
        previous_receipt=blank,
        receipt_digest=blank,
        meter=METER,
        signature=b"",
    )


def voided(number: int, deposit: int, micro_credits: int) -> UsageEvent:
    return UsageEvent(
        request_id=f"r{number}",
        chain_id=CHAIN_ID,
        block_hash=bytes(32),
        log_index=deposit,
        block_number=1,
        plan_id=METERED,
        payer=BUYER,
        kind="voided",
        reason="a fork",
        micro_credits=micro_credits,
        created_at=START,
    )


@pytest.fixture
async def store(tmp_path: Path, database_url: str) -> AsyncIterator[Store]:
    settings = load_settings(home=tmp_path, database_url=database_url, devnet=True)
    chain = await open_chain_store(settings)
    await Market(chain).mine(
        service(),
        plan(PlanKind.METERED),
        plan(PlanKind.METERED, 2, currency=1, unit_price=3),
        bought(1, START, 4),
        bought(2, MIDNIGHT - DAY, 5),
    )
    opened = await open_gateway_store(settings)
    yield opened
    await opened.close()
    await chain.close()


def bought(number: int, at: int, units: int) -> Purchase:
    return Purchase(
        chain_id=CHAIN_ID,
        block_number=number,
        log_index=0,
        tx_hash=keccak(b"%d" % number),
        timestamp=at,
        plan_id=METERED,
        payer=BUYER,
        recipient=BUYER,
        units=units,
        cost=units * 5_000_000,
        then=0,
    )


async def put(store: Store, *rows: Usage) -> Analytics:
    async with store.write() as session:
        session.add_all(rows)
    return Analytics(store, ChainId(CHAIN_ID), ManualClock(START))


class TestPercentiles:
    def test_are_nearest_ranks(self) -> None:
        assert percentiles([]) == Percentiles(p50=None, p90=None, p99=None)
        assert percentiles((n, 1) for n in range(1, 101)) == Percentiles(p50=50, p90=90, p99=99)
        assert percentiles([(5, 98), (7, 1), (9, 1)]) == Percentiles(p50=5, p90=5, p99=7)


class TestCohorts:
    def test_follow_buyers_from_their_first_week(self) -> None:
        seen = [(b"a", 10), (b"b", 10), (b"a", 12), (b"c", 12)]
        assert cohorts_of(seen) == [
            Cohort(week=10 * WEEK, buyers=2, active=[2, 0, 1]),
            Cohort(week=12 * WEEK, buyers=1, active=[1]),
        ]
        assert cohorts_of([]) == []


class TestOf:
    async def test_is_empty_without_usage(self, store: Store) -> None:
        found = await (await put(store)).of(SERVICE, None, None, "day")
        assert (found.rows, found.errors, found.retention, found.latency.p50) == ([], [], [], None)

    async def test_sums_by_hour_day_and_plan(self, store: Store) -> None:
        analytics = await put(
            store,
            used(1, MIDNIGHT),
            used(2, MIDNIGHT + HOUR - 1),
            used(3, MIDNIGHT + HOUR, SECOND, STRANGER),
            used(4, MIDNIGHT - 1),
            used(5, MIDNIGHT, service=FOREIGN),
        )
        hours = (await analytics.of(SERVICE, MIDNIGHT, None, "hour")).rows
        assert [(row.start, row.calls, row.used) for row in hours] == [
            (MIDNIGHT, 2, {0: "7000000"}),
            (MIDNIGHT + HOUR, 1, {1: "2"}),
        ]
        days = (await analytics.of(SERVICE, MIDNIGHT - DAY, None, "day")).rows
        assert [(row.start, row.calls, row.units_out) for row in days] == [
            (MIDNIGHT - DAY, 1, "20"),
            (MIDNIGHT, 3, "60"),
        ]
        plans = (await analytics.of(SERVICE, MIDNIGHT, None, "plan")).rows
        assert [(row.plan_id, row.calls, row.charged_micro_credits) for row in plans] == [
            (METERED, 2, "1400000"),
            (SECOND, 1, "700000"),
        ]

    async def test_leaves_out_what_was_voided(self, store: Store) -> None:
        analytics = await put(store, used(1, START), used(2, START), used(3, START, SECOND))
        async with store.write() as session:
            session.add_all([voided(2, 0, 500_000), voided(2, 1, 200_000), voided(3, 1, 100_000)])
        (day,) = (await analytics.of(SERVICE, MIDNIGHT, None, "day")).rows
        assert (day.charged_micro_credits, day.voided_micro_credits, day.calls) == ("1300000", "800000", 3)
        assert day.used == {0: "3500000", 1: "1"}
        plans = (await analytics.of(SERVICE, MIDNIGHT, None, "plan")).rows
        assert [(row.plan_id, row.charged_micro_credits, row.voided_micro_credits) for row in plans] == [
            (METERED, "700000", "700000"),
            (SECOND, "600000", "100000"),
        ]

    async def test_counts_failures_and_sales(self, store: Store) -> None:
        analytics = await put(
            store,
            used(1, START),
            used(2, START, outcome="failed", fault="upstream_timeout"),
            used(3, START, outcome="partial", fault="caller_left"),
        )
        found = await analytics.of(SERVICE, MIDNIGHT, None, "day")
        (ends,), (row,), (sold,) = found.errors, found.rows, found.sales
        assert (ends.route, ends.completed, ends.partial, ends.failed) == ("chat", 1, 1, 1)
        assert ends.faults == {"caller_left": 1, "upstream_timeout": 1}
        assert (row.calls, row.failed, row.partial) == (3, 1, 1)
        assert (found.latency.p50, found.latency.p99, found.first_byte.p90) == (10, 30, 3)
        assert (sold.units, sold.paid_base_units, sold.buyers) == ("4", "20000000", 1)
        assert [cohort.buyers for cohort in found.retention] == [1]

    @pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5), (0, 32 * DAY)])
    async def test_refuses_a_period_that_cannot_be(self, store: Store, start: int, end: int) -> None:
        with pytest.raises(MalformedRequest):
            await (await put(store)).of(SERVICE, start, end, "hour")
