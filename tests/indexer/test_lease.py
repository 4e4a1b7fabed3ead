"""sole_writer

given a store that nobody holds
    it should be had at once, and be free again afterwards, also where the work failed
given one that another holds
    it should wait until that one leaves, or until told to stop
    when the holder was a process of this machine that is gone, it should not wait for the lease
    when a lease ran out, it should be taken, and the one who was late should hear that it lost
"""

import asyncio
import sys
import time
from contextlib import suppress

import pytest
from sqlalchemy import text

from backend.core.errors import DatabaseUnreachable
from backend.db.session import Store
from indexer.lease import LEASE_MS, RENEW_SECONDS, sole_writer


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def seconds_to_take(store: Store) -> float:
    began = time.monotonic()
    async with sole_writer(store, asyncio.Event(), now_ms):
        return time.monotonic() - began


async def held_by(store: Store, holder: str, lasting_ms: int) -> None:
    async with store.write_connection() as connection:
        query = text("INSERT INTO chain.leases (name, holder, expires_at_ms) VALUES ('indexer', :h, :e)")
        await connection.execute(query, {"h": holder, "e": now_ms() + lasting_ms})


class TestSoleWriter:
    async def test_is_had_at_once_and_freed(self, store: Store) -> None:
        for _ in range(2):
            assert await seconds_to_take(store) < LEASE_MS / 1_000

    async def test_is_free_after_work_that_failed(self, store: Store) -> None:
        def stands_still() -> int:
            return 1_000  # so that no lease ever runs out

        with pytest.raises(DatabaseUnreachable):
            async with sole_writer(store, asyncio.Event(), stands_still):
                raise DatabaseUnreachable("lost")
        async with asyncio.timeout(20), sole_writer(store, asyncio.Event(), stands_still):
            pass

    async def test_waits_for_the_holder(self, store: Store) -> None:
        async with sole_writer(store, asyncio.Event(), now_ms):
            waiting = asyncio.create_task(seconds_to_take(store))
            await asyncio.sleep(2 * LEASE_MS / 1_000)
            assert not waiting.done()
        assert await asyncio.wait_for(waiting, 10) > LEASE_MS / 1_000

    async def test_stops_waiting_when_told(self, store: Store) -> None:
        stop = asyncio.Event()
        async with sole_writer(store, asyncio.Event(), now_ms):
            asyncio.get_running_loop().call_later(0.2, stop.set)
            async with sole_writer(store, stop, now_ms):
                assert stop.is_set()


class TestLease:
    """SQLite's; PostgreSQL frees its lock by itself."""

    async def test_of_a_process_that_is_gone_is_taken_at_once(self, store: Store) -> None:
        if store.dialect == "postgresql":
            return
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
        await process.wait()
        async with sole_writer(store, asyncio.Event(), now_ms), store.read_connection() as connection:
            mine = (await connection.execute(text("SELECT holder FROM chain.leases"))).scalar()
        place, _, token = str(mine).rsplit("/", 2)
        await held_by(store, f"{place}/{process.pid}/{token}", lasting_ms=3_600_000)
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                assert await seconds_to_take(store) < 20
                return
        raise AssertionError("the lease of a dead process was waited for")

    async def test_of_a_living_stranger_runs_out(self, store: Store) -> None:
        if store.dialect == "postgresql":
            return
        await held_by(store, "elsewhere/pid:[1]/1/aa", lasting_ms=LEASE_MS)
        assert await seconds_to_take(store) > RENEW_SECONDS

    async def test_that_was_taken_is_told_as_lost(self, store: Store) -> None:
        if store.dialect == "postgresql":
            return
        async with sole_writer(store, asyncio.Event(), now_ms) as lost:
            async with store.write_connection() as connection:
                await connection.execute(text("DELETE FROM chain.leases"))
            await held_by(store, "elsewhere/pid:[1]/1/aa", lasting_ms=3_600_000)
            await asyncio.wait_for(lost.wait(), 10)
