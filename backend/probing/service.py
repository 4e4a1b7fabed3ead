"""Figures of one chain's services: kept probe by probe, and from what this gateway served."""

from collections.abc import Sequence
from typing import Any, Final, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import Clock
from backend.core.units import Address, ChainId, ServiceId
from backend.db.session import Store
from backend.probing import repository
from backend.probing.figures import Figures, Sample, figures_of, speed_down

WINDOW_SECONDS: Final = 30 * 86_400
MOST_SAMPLES: Final = 1_000
"""The newest calls that figures are made of."""
_OVERLAP: Final = 120
"""Seconds a usage row may reach the store after it was issued."""
Source = Literal["gateway", "prober"]


class Measurements:
    """Writes measurements and what they add up to."""

    def __init__(self, store: Store, chain_id: ChainId, clock: Clock) -> None:
        self._store = store
        self._chain_id = chain_id
        self._clock = clock
        self._refreshed = 0

    async def note(self, service: ServiceId, prober: Address, sample: Sample, reason: str = "") -> Figures:
        """Keep a probe; the prober's figures with it counted."""
        row = {
            "chain_id": self._chain_id,
            "service_id": service,
            "prober": prober,
            "at": sample.at,
            "up": sample.up,
            "first_token_ms": sample.first_token_ms,
            "speed": sample.speed,
            "reason": reason[:100],
        }
        since = self._clock.now() - WINDOW_SECONDS
        async with self._store.write_connection() as db:
            await repository.add(db, row)
            rows = await repository.probes(db, self._chain_id, service, prober, since, MOST_SAMPLES)
            samples = [Sample(one.at, one.up, one.first_token_ms, one.speed) for one in rows]
            figures = figures_of(samples or [sample]) or Figures(sample.at, sample.at, 0, 0, None, None)
            await self._put(db, service, prober, "prober", figures)
        return figures

    async def refresh_served(self, meter: Address) -> int:
        """Make the figures of what this gateway served anew, where it served since it did so last; of how
        many services.
        """
        now = self._clock.now()
        since = now - WINDOW_SECONDS
        async with self._store.read_connection() as db:
            services = await repository.services_served(db, self._chain_id, max(since, self._refreshed))
        self._refreshed = now - _OVERLAP
        for service in services:
            async with self._store.write_connection() as db:
                rows = await repository.served(db, self._chain_id, service, since, MOST_SAMPLES)
                if figures := figures_of(served_samples(rows)):
                    await self._put(db, service, meter, "gateway", figures)
        return len(services)

    async def forget(self) -> None:
        """Drop what is out of the window."""
        async with self._store.write_connection() as db:
            await repository.forget(db, self._chain_id, self._clock.now() - WINDOW_SECONDS)

    async def _put(
        self, db: AsyncConnection, service: ServiceId, by: Address, source: Source, figures: Figures
    ) -> None:
        row = {"chain_id": self._chain_id, "service_id": service, "measured_by": by, "source": source}
        await repository.put(db, {**row, **figures._asdict()})


def served_samples(rows: Sequence[Any]) -> list[Sample]:
    """Served requests as samples: one that delivered nothing was not up."""
    return [
        Sample(
            at=row.issued_at,
            up=row.outcome != "failed",
            first_token_ms=None if row.outcome == "failed" else row.first_byte_ms,
            speed=None
            if row.outcome == "failed" or row.first_byte_ms is None
            else speed_down(row.units_out, row.first_byte_ms, row.duration_ms),
        )
        for row in rows
    ]
