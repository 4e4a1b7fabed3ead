"""What settlement and upkeep tell a scrape.

a worker
├── counts batches by state, closes and lost lines, and tells when the oldest open batch was prepared
├── tells whether it leads, and when it stepped last
└── given a node that is down: counts what failed by code
a keeper
├── counts what it sent, what was refused and what failed
└── tells how many settlements its gas pays for
every line
└── names no wallet, key or plan
"""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from backend.core.clock import ManualClock
from backend.db.session import Store
from backend.db.tables import chain as tables
from backend.meter.service import Meter
from backend.settlement.batch import Policy
from backend.settlement.keeper import Keeper
from backend.settlement.metrics import SettlementMetrics
from backend.settlement.service import SettlementWorker
from tests.backend.settlement.conftest import BUYER, CHAIN, METER, PLAN, Escrow, Mirror, serve
from tests.backend.settlement.test_keeper import Flushes, put


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> SettlementMetrics:
    return SettlementMetrics(registry)


@pytest.fixture
def observed(
    store: Store, escrow: Escrow, clock: ManualClock, metrics: SettlementMetrics
) -> SettlementWorker:
    return SettlementWorker(store, escrow, METER, clock, Policy(max_age=0), metrics)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"emporion_{name}", labels)


class TestAWorker:
    async def test_counts_batches_and_tells_the_oldest(
        self,
        registry: CollectorRegistry,
        observed: SettlementWorker,
        escrow: Escrow,
        meter: Meter,
        clock: ManualClock,
    ) -> None:
        await serve(meter, "r", 3)
        prepared_at = clock.now()
        await observed.step()
        await clock.advance(5)
        await observed.step()
        assert value(registry, "settlement_batches_total", state="prepared") == 1
        assert value(registry, "settlement_batches_total", state="sent") == 1
        assert value(registry, "settlement_oldest_batch_timestamp_seconds") == prepared_at
        await escrow.mine()
        await observed.step()
        assert value(registry, "settlement_batches_total", state="confirmed") == 1
        assert value(registry, "settlement_oldest_batch_timestamp_seconds") == 0

    async def test_counts_closes_and_lost_lines(
        self,
        registry: CollectorRegistry,
        observed: SettlementWorker,
        mirror: Mirror,
        meter: Meter,
        clock: ManualClock,
    ) -> None:
        await serve(meter, "r", 3)
        await observed.step()
        assert value(registry, "settlement_lost_total", outcome="skipped") == 0
        await mirror.skip(reason=7, cumulative=3)
        await observed.step()
        assert value(registry, "settlement_lost_total", outcome="skipped") == 1
        await mirror.tab(balance=7, settled=3, withdraw_at=clock.now() + 1_000)
        await observed.step()
        assert value(registry, "settlement_closes_total") == 1

    async def test_tells_whether_it_leads(
        self,
        registry: CollectorRegistry,
        observed: SettlementWorker,
        store: Store,
        escrow: Escrow,
        clock: ManualClock,
    ) -> None:
        other = CollectorRegistry()
        second = SettlementWorker(store, escrow, METER, clock, Policy(max_age=0), SettlementMetrics(other))
        await observed.step()
        await second.step()
        assert value(registry, "settlement_leads", part="settle") == 1
        assert value(other, "settlement_leads", part="settle") == 0
        assert value(other, "settlement_step_timestamp_seconds", part="settle") == clock.now()

    async def test_counts_what_failed(
        self, registry: CollectorRegistry, observed: SettlementWorker, escrow: Escrow, meter: Meter
    ) -> None:
        await serve(meter, "r", 3)
        escrow.down.add(CHAIN)
        await observed.step()
        failures = value(registry, "settlement_failures_total", what="send", code="node_unreachable")
        assert failures == 1
        assert value(registry, "settlement_batches_total", state="sent") == 0


class TestAKeeper:
    async def test_counts_jobs_and_tells_the_gas(
        self,
        registry: CollectorRegistry,
        metrics: SettlementMetrics,
        store: Store,
        mirror: Mirror,
        clock: ManualClock,
    ) -> None:
        flushes = Flushes()
        keeper = Keeper(store, flushes, clock, observer=metrics)
        await mirror.change(tables.Service, (CHAIN, 1), bond=50, underbonded_since=1)
        await put(mirror, tables.FeePool(chain_id=CHAIN, currency=1, pending=7))
        flushes.ripe = False
        await keeper.step()
        assert value(registry, "upkeep_total", job="flush", outcome="sent") == 1
        assert value(registry, "upkeep_total", job="retire", outcome="refused") == 1
        assert value(registry, "settlements_affordable", chain_id=str(CHAIN)) == 10
        assert value(registry, "settlement_leads", part="keep") == 1

    async def test_that_does_not_lead_says_so(
        self,
        registry: CollectorRegistry,
        metrics: SettlementMetrics,
        store: Store,
        mirror: Mirror,
        clock: ManualClock,
    ) -> None:
        await Keeper(store, Flushes(), clock, leads=lambda: False, observer=metrics).step()
        assert value(registry, "settlement_leads", part="keep") == 0
        assert value(registry, "settlements_affordable", chain_id=str(CHAIN)) is None


class TestEveryLine:
    async def test_names_nobody(
        self, registry: CollectorRegistry, observed: SettlementWorker, meter: Meter
    ) -> None:
        await serve(meter, "r", 3)
        await observed.step()
        said = generate_latest(registry).decode().lower()
        assert BUYER.hex() not in said
        assert METER.hex() not in said
        assert str(PLAN) not in said
