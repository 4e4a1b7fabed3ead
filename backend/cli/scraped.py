"""/metrics of the processes that settle and keep."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from prometheus_client import CollectorRegistry

from backend.catalog.repository import unsettled
from backend.core.deployment import read_deployment
from backend.core.logs import get_logger
from backend.core.settings import Settings
from backend.core.units import MICRO, ChainId
from backend.db.session import Store
from backend.metrics.page import MetricsPage, Reading, serve_metrics
from backend.settlement.metrics import GAUGES

AGAIN_SECONDS: Final = 10.0
log = get_logger("cli")


@asynccontextmanager
async def scraped(
    settings: Settings,
    registry: CollectorRegistry,
    reading: Reading,
    port: int | None = None,
    again: float = AGAIN_SECONDS,
) -> AsyncIterator[None]:
    """Answer scrapes while the block runs, on this port, else the settings'; 0: nowhere.

    A taken port is said, and tried again after `again` seconds: the work goes on without being watched.
    """
    port = settings.metrics_port if port is None else port
    if not port:
        yield
        return
    page = MetricsPage(registry, GAUGES, reading)
    serving = asyncio.create_task(_kept_open(page, settings.metrics_host, port, again))
    try:
        yield
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


class Backlog:
    """Reads what is to be settled in a store."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._chain_id = ChainId(read_deployment(settings.deployment_path).chain_id)
        self._store = store

    async def read(self) -> Mapping[str, float]:
        """By the names of `GAUGES`. Raises DatabaseError."""
        async with self._store.read_connection() as db:
            return {"emporion_settlement_backlog_credits": await unsettled(db, self._chain_id) / MICRO}


async def _kept_open(page: MetricsPage, host: str, port: int, again: float) -> None:
    while True:
        try:
            await serve_metrics(page, host, port)
        except OSError as error:
            log.warning("metrics.not-served", host=host, port=port, reason=error.strerror, advice=_ADVICE)
        await asyncio.sleep(again)


_ADVICE: Final = "give each process of a machine a --metrics-port of its own"
