"""Keeping holds, with a clock that is moved.

HoldKeeper
├── renews the holds of running requests every third of their life, before it reaps
├── reaps more often than that: a replica that died holds nothing for long
└── given a store that does not answer: it goes on
"""

import asyncio

import pytest

from backend.core.clock import ManualClock
from backend.core.errors import DatabaseUnreachable
from backend.core.units import Address, ChainId, MicroCredits, PlanId
from backend.gateway.holds import HoldKeeper
from backend.meter.schemas import HoldRequest, TabKey
from backend.meter.service import REAP_SECONDS, RENEW_SECONDS

HOLD = HoldRequest("req_1", TabKey(ChainId(1), PlanId(1), Address(bytes(20))), MicroCredits(5))


class Meter:
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
        meter = Meter()
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
