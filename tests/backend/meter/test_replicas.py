"""Three meters, each with pools and a writer of its own, on one PostgreSQL: they share nothing else.

reserve
    given K credits and 4K callers over all of them: exactly K are served
    given a deposit that falls while they wait for its row: it counts as it is afterwards
    given many tabs in any order: nobody waits in a circle, nothing is lost
capture
    given one tab: the receipts of all are one chain
    given the same request everywhere: one row, charged once
reap
    given all of them reaping while requests end: every hold is freed exactly once
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.core.clock import ManualClock
from backend.core.settings import Settings, load_settings
from backend.core.units import MICRO, Address
from backend.db.group_commit import GroupCommit
from backend.db.session import Store
from backend.db.stores import open_gateway_store
from backend.meter.schemas import HoldRequest, Served, TabKey
from backend.meter.service import HOLD_SECONDS, Meter
from tests.backend.meter.conftest import TAB, DigestSigner, Mirror, hold, served

MANY = [replace(TAB, payer=Address(bytes([number]) * 20)) for number in range(1, 9)]


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str) -> Settings:
    return load_settings(home=tmp_path, database_url=postgres_url, database_pool=4, devnet=True)


@pytest.fixture
async def meters(settings: Settings, mirror: Mirror, clock: ManualClock) -> AsyncIterator[list[Meter]]:
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(3):
            store = await open_gateway_store(settings)
            stack.push_async_callback(store.close)
            writer = await stack.enter_async_context(GroupCommit(store))
            found.append(Meter(store, writer, DigestSigner(), clock))
        yield found


def on(tab: TabKey, name: str) -> tuple[HoldRequest, Served]:
    return replace(hold(name, 1), tab=tab), replace(served(name, MICRO), tab=tab)


async def serve(meter: Meter, tab: TabKey, name: str) -> bool:
    request, used = on(tab, name)
    if not await meter.reserve(request):
        return False
    await meter.capture(used)
    return True


async def waits_for_a_row(store: Store) -> bool:
    """Whether a statement of this database waits for another transaction."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    async with store.read_connection() as db:
        found = await db.execute(text(f"{waiting} AND wait_event_type = 'Lock'"))
        return bool(found.scalar_one())


def spread(count: int, meters: list[Meter]) -> Iterator[tuple[Meter, int]]:
    return ((meters[number % len(meters)], number) for number in range(count))


class TestReserve:
    async def test_serves_exactly_the_credits(self, meters: list[Meter], mirror: Mirror) -> None:
        await mirror.put(balance=50)
        calls = [serve(meter, TAB, f"r{number}") for meter, number in spread(200, meters)]
        assert sum(await asyncio.gather(*calls)) == 50
        assert (await meters[0].available(TAB)).available == 0

    @pytest.mark.parametrize("count", [1, 4])
    async def test_counts_a_deposit_that_falls_meanwhile(
        self, meters: list[Meter], mirror: Mirror, store: Store, count: int
    ) -> None:
        """The indexer's transaction is open when the holds are asked for, and ends while they wait for it."""
        assert await serve(meters[0], TAB, "before")
        async with mirror.changing(balance=1):
            asked = [asyncio.ensure_future(meters[0].reserve(hold(f"r{n}", 1))) for n in range(count)]
            async with asyncio.timeout(10):
                while not await waits_for_a_row(store):
                    await asyncio.sleep(0.01)
        assert not any(await asyncio.gather(*asked))
        assert (await meters[0].available(TAB)).available == 0

    async def test_many_tabs_in_any_order(self, meters: list[Meter], mirror: Mirror) -> None:
        for tab in MANY:
            await mirror.put(tab, balance=10)
        calls = [
            serve(meter, MANY[(number * 5 + number // 7) % len(MANY)], f"r{number}")
            for meter, number in spread(240, meters)
        ]
        async with asyncio.timeout(30):
            assert sum(await asyncio.gather(*calls)) == 80


class TestCapture:
    async def test_one_chain_of_receipts(self, meters: list[Meter], mirror: Mirror) -> None:
        await mirror.put(balance=60)
        captures = [meter.capture(served(f"r{number}", 0)) for meter, number in spread(60, meters)]
        chain = sorted(await asyncio.gather(*captures), key=lambda receipt: receipt.sequence)
        assert [one.body.previous_receipt for one in chain[1:]] == [one.digest for one in chain[:-1]]
        assert chain[-1].sequence == 60

    async def test_same_request_everywhere_is_charged_once(self, meters: list[Meter]) -> None:
        assert all(await asyncio.gather(*(meter.reserve(hold("r", 2)) for meter in meters)))
        receipts = await asyncio.gather(*(meter.capture(served("r", MICRO)) for meter in meters))
        assert len({receipt.digest for receipt in receipts}) == 1
        assert (await meters[2].available(TAB)).available == 9 * MICRO


class TestReap:
    async def test_frees_each_hold_once(
        self, meters: list[Meter], mirror: Mirror, clock: ManualClock
    ) -> None:
        await mirror.put(balance=100)
        names = [f"r{number}" for number in range(90)]
        await asyncio.gather(*(meters[0].reserve(hold(name, 1)) for name in names))
        await clock.advance(HOLD_SECONDS + 1)
        voids = [meter.void(hold(names[number], 1)) for meter, number in spread(30, meters)]
        captures = [meter.capture(served(names[number + 30], MICRO)) for meter, number in spread(30, meters)]
        reaps = [meter.reap() for meter in meters * 2]
        reaped, _, _ = await asyncio.gather(
            asyncio.gather(*reaps), asyncio.gather(*voids), asyncio.gather(*captures)
        )
        assert 30 <= sum(reaped) <= 90
        assert (await meters[1].available(TAB)).available == 70 * MICRO
