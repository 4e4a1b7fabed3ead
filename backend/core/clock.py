"""Time as a collaborator: real, or moved by hand in tests."""

import asyncio
import time
from typing import Protocol

from backend.core.units import UnixTime


class Clock(Protocol):
    """What tells the time and waits."""

    def now(self) -> UnixTime:
        """Wall clock, whole seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> UnixTime:
        """Wall clock, whole seconds."""
        return UnixTime(int(time.time()))

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the loop."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until moved; sleepers wake when it passes their time."""

    def __init__(self, start: int = 1_700_000_000) -> None:
        self._elapsed = 0.0
        self._start = start
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> UnixTime:
        """The time it was set to, whole seconds."""
        return UnixTime(self._start + int(self._elapsed))

    def monotonic(self) -> float:
        """Seconds moved since it was made."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait until ``advance`` has moved this far."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + seconds, waiter))
        if seconds <= 0:
            await self.advance(0)
        await waiter

    async def advance(self, seconds: float) -> None:
        """Move on and let every sleeper that is due run."""
        self._elapsed += seconds
        due = [waiter for when, waiter in self._sleepers if when <= self._elapsed]
        self._sleepers = [entry for entry in self._sleepers if entry[0] > self._elapsed]
        for waiter in due:
            if not waiter.done():
                waiter.set_result(None)
        await asyncio.sleep(0)
