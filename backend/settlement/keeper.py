"""Upkeep that anybody may do: moves protocol fees to the stakers once no stream of the currency runs."""

import asyncio
from typing import Any, Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import Clock
from backend.core.errors import EmporionError
from backend.core.units import ChainId, Hash32
from backend.db.session import Store
from backend.settlement import repository

RETRY_SECONDS: Final = 30

log = structlog.get_logger(__name__)


class FeeFlusher(Protocol):
    """Sends fee flushes; does not wait for them to be mined."""

    async def flush_fees(self, chain_id: ChainId, currency: int) -> Hash32:
        """Send `RevenueShares.flushFees`; returns the transaction's hash. Raises ChainError and its kind."""
        ...


def vault_clock(idle: int, updated_at: int, total_score: int, now: int) -> int:
    """What the vault's clock shows: unix time less idle seconds; it runs only while there is score."""
    return (max(now, updated_at) if total_score else updated_at) - idle


class Keeper:
    """Flushes the fees of every followed chain. Two keepers do no harm: the second flush finds nothing."""

    def __init__(self, store: Store, flusher: FeeFlusher, clock: Clock, least: int = 1) -> None:
        self._store = store
        self._flusher = flusher
        self._clock = clock
        self._least = least
        self._tried: dict[tuple[int, int], int] = {}

    async def run(self, stop: asyncio.Event, interval: float = 5.0) -> None:
        """Step until told to stop."""
        while not stop.is_set():
            await self.step()
            try:
                await asyncio.wait_for(stop.wait(), interval)
            except TimeoutError:
                continue

    async def step(self) -> int:
        """Flush what can be flushed; returns how many were sent. A refused one waits RETRY_SECONDS."""
        async with self._store.read_connection() as db:
            due = await self._due(db)
        sent = 0
        for chain_id, currency in due:
            self._tried[chain_id, currency] = self._clock.now()
            try:
                await self._flusher.flush_fees(chain_id, currency)
                sent += 1
            except EmporionError as error:
                log.warning("keeper.flush.failed", chain=chain_id, currency=currency, reason=str(error))
        return sent

    async def _due(self, db: AsyncConnection) -> list[tuple[ChainId, int]]:
        heads = await repository.chains(db)
        now = max(self._clock.now(), *(head.timestamp for head in heads), 0)
        pools, streams, vaults = await repository.fees_and_streams(db)
        due = [row for row in pools if row.pending >= self._least]
        return [
            (ChainId(pool.chain_id), pool.currency)
            for pool in due
            if not _runs(streams.get((pool.chain_id, pool.currency)), vaults.get(pool.chain_id), now)
            and self._clock.now() - self._tried.get((pool.chain_id, pool.currency), 0) >= RETRY_SECONDS
        ]


def _runs(stream: Any, vault: Any, now: int) -> bool:
    """Whether a stream of the currency still runs on the vault's clock."""
    if stream is None or vault is None:
        return False
    return bool(vault_clock(vault.idle, vault.updated_at, vault.total_score, now) < stream.stream_end)
