"""Keeping the holds of running requests alive, and freeing those of requests that died."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from backend.core.clock import Clock
from backend.core.errors import DatabaseError
from backend.core.logs import get_logger
from backend.meter.schemas import HoldRequest

RENEW_SECONDS: Final = 20
"""A third of a hold's life."""
REAP_SECONDS: Final = 5


class Renewing(Protocol):
    """What keeping needs of the meter."""

    async def renew(self, request_ids: list[str]) -> int:
        """Let holds live on; returns how many still stood."""
        ...

    async def reap(self) -> int:
        """Free expired holds; returns how many."""
        ...


class HoldKeeper:
    """Renews the holds of this process's running requests. `run` until cancelled."""

    def __init__(self, meter: Renewing, clock: Clock) -> None:
        self._meter = meter
        self._clock = clock
        self._running: dict[str, float] = {}
        self._log = get_logger("meter")

    @property
    def open(self) -> int:
        """Holds of running requests."""
        return len(self._running)

    def oldest(self) -> float:
        """Seconds since the oldest of them began; 0 where there is none."""
        return self._clock.monotonic() - min(self._running.values()) if self._running else 0.0

    @contextmanager
    def keeping(self, hold: HoldRequest | None) -> Iterator[None]:
        """Keep a hold alive while the block runs."""
        if hold is None:
            yield
            return
        self._running[hold.request_id] = self._clock.monotonic()
        try:
            yield
        finally:
            self._running.pop(hold.request_id, None)

    async def run(self) -> None:
        """Renew every RENEW_SECONDS; reap more often: replicas may have died.

        Renewals come first: after a pause of this process the holds of living requests are the oldest.
        """
        renewed = self._clock.monotonic()
        while True:
            await self._clock.sleep(REAP_SECONDS)
            try:
                if self._clock.monotonic() - renewed >= RENEW_SECONDS:
                    await self._renew()
                    renewed = self._clock.monotonic()
                await self._meter.reap()
            except DatabaseError as error:
                self._log.warning("meter.holds.not-renewed", error=error.code)

    async def _renew(self) -> None:
        if self._running:
            await self._meter.renew(sorted(self._running))
