"""Clocks.

ManualClock
├── sleep: it should not wake before its time, and wake when it is passed
└── now: it should stand still until moved
"""

import asyncio

from backend.core.clock import ManualClock, SystemClock


class TestManualClock:
    async def test_sleepers_wake_when_their_time_is_passed(self) -> None:
        clock = ManualClock(start=100)
        sleeper = asyncio.create_task(clock.sleep(10))
        await asyncio.sleep(0)
        await clock.advance(9)
        assert not sleeper.done()
        await clock.advance(1)
        await sleeper
        assert (clock.now(), clock.monotonic()) == (110, 10.0)

    async def test_sleep_of_nothing_returns(self) -> None:
        await ManualClock().sleep(0)


class TestSystemClock:
    async def test_goes_on(self) -> None:
        clock = SystemClock()
        before = clock.monotonic()
        await clock.sleep(0.001)
        assert clock.monotonic() > before
        assert clock.now() > 1_700_000_000
