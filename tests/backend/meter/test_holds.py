"""Keeping holds, with a clock that is moved.

HoldKeeper
├── renews the holds of running requests every third of their life, before it reaps
├── reaps more often than that: a replica that died holds nothing for long
└── given a store that does not answer: it goes on
HoldKeeper on a meter
├── keeps the holds of requests under way, however long, and frees those of the gone
└── given a database that fails for a while: it goes on
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backend.core.clock import ManualClock
from backend.core.errors import DatabaseUnreachable
from backend.core.units import MICRO, Address, ChainId, MicroCredits, PlanId
from backend.db.group_commit import GroupCommit
from backend.db.session import Store
from backend.meter.holds import REAP_SECONDS, RENEW_SECONDS, HoldKeeper
from backend.meter.schemas import HoldRequest, TabKey
from backend.meter.service import HOLD_SECONDS, Meter
from tests.backend.meter.conftest import TAB, DigestSigner, hold

HOLD = HoldRequest("req_1", TabKey(ChainId(1), PlanId(1), Address(bytes(20))), MicroCredits(5))


class Noted:
    """Notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False

    async def renew(self, request_ids: list[str]) -> int:
        self.asked += [f"renew {name}" for name in request_ids]
        return len(request_ids)

    async def reap(self) -> int:
        self.asked.append("reap")
        if self.down:
            raise DatabaseUnreachable("gone")
        return 0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def moved(clock: ManualClock, times: int) -> None:
    for _ in range(times):
        await clock.advance(REAP_SECONDS)
        await asyncio.sleep(0)


class TestHoldKeeper:
    async def test_renews_and_reaps(self, clock: ManualClock) -> None:
        meter = Noted()
        keeper = HoldKeeper(meter, clock)
        running = asyncio.create_task(keeper.run())
        await asyncio.sleep(0)
        every = RENEW_SECONDS // REAP_SECONDS
        with keeper.keeping(HOLD):
            await moved(clock, every)
        assert meter.asked == ["reap"] * (every - 1) + ["renew req_1", "reap"]
        meter.down = True
        await moved(clock, every)
        assert meter.asked[-every:] == ["reap"] * every
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class Failing:
    """A writer that fails so many times first."""

    def __init__(self, writer: GroupCommit, times: int) -> None:
        self._writer = writer
        self.times = times

    async def submit(self, work: Any) -> Any:
        self.times -= 1
        if self.times >= 0:
            raise DatabaseUnreachable("down")
        return await self._writer.submit(work)


class Rounds:
    """A meter, and when a round of its keeper has ended."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._ended = asyncio.Event()

    async def renew(self, request_ids: list[str]) -> int:
        return await self._meter.renew(request_ids)

    async def reap(self) -> int:
        try:
            return await self._meter.reap()
        finally:
            self._ended.set()

    async def pass_by(self, clock: ManualClock, seconds: int) -> None:
        """Let so much time pass, every round of the keeper to its end."""
        for _ in range(0, seconds, REAP_SECONDS):
            self._ended.clear()
            await clock.advance(REAP_SECONDS)
            await self._ended.wait()


@asynccontextmanager
async def kept_by(meter: Meter, clock: ManualClock) -> AsyncIterator[tuple[HoldKeeper, Rounds]]:
    rounds = Rounds(meter)
    keeper = HoldKeeper(rounds, clock)
    running = asyncio.create_task(keeper.run())
    await asyncio.sleep(0)
    yield keeper, rounds
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def free(meter: Meter) -> float:
    """Whole credits."""
    return (await meter.available(TAB)).available / MICRO


class TestOnAMeter:
    async def test_keeps_holds_of_requests_under_way(self, meter: Meter, clock: ManualClock) -> None:
        async with kept_by(meter, clock) as (keeper, rounds):
            with keeper.keeping(hold("kept", 1)):
                assert await meter.reserve(hold("kept", 1))
                assert await meter.reserve(hold("gone", 2))
                await rounds.pass_by(clock, 2 * HOLD_SECONDS)
                assert await free(meter) == 9
            await rounds.pass_by(clock, HOLD_SECONDS + REAP_SECONDS)
            assert await free(meter) == 10

    async def test_goes_on_after_a_failure(
        self, store: Store, writer: GroupCommit, clock: ManualClock
    ) -> None:
        failing = Failing(writer, times=0)
        meter = Meter(store, failing, DigestSigner(), clock)
        async with kept_by(meter, clock) as (_, rounds):
            assert await meter.reserve(hold("r", 10))
            await rounds.pass_by(clock, HOLD_SECONDS - REAP_SECONDS)
            failing.times = 2
            await rounds.pass_by(clock, 2 * REAP_SECONDS)
            assert await free(meter) == 0
            await rounds.pass_by(clock, REAP_SECONDS)
            assert await free(meter) == 10
