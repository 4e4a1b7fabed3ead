"""`emporion settle`, and the settlement that `emporion up` runs beside its gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

import typer
from prometheus_client import CollectorRegistry

from backend.cli.options import MetricsPort
from backend.cli.output import say
from backend.cli.scraped import Backlog, scraped
from backend.cli.signers import meter_signer
from backend.cli.stores import gateway_store
from backend.cli.wiring import chain, on_fast_loop, prepared, until_signal
from backend.core.clock import SystemClock
from backend.core.settings import Settings
from backend.core.units import ChainId
from backend.db.session import Store
from backend.settlement.batch import Policy
from backend.settlement.chain_sender import ChainSettlement, Line
from backend.settlement.keeper import Keeper
from backend.settlement.metrics import SettlementMetrics
from backend.settlement.ports import SettlementObserver
from backend.settlement.sent_repository import SentTransactions
from backend.settlement.service import SettlementWorker
from backend.signing.keys import Signer

LEAST_PACE: Final = 1.0
MOST_PACE: Final = 5.0
"""Seconds between two looks at what is to be settled: a tenth of the age it may reach, within these bounds.
Well under the leader's lease.
"""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("settle")(settle)


def settle(
    once: Annotated[bool, typer.Option("--once", help="Do one round and stop.")] = False,
    metrics_port: MetricsPort = None,
) -> None:
    """Settle metered usage on chain, flush fees, expire positions and retire services, until stopped."""
    settings = prepared(quiet=once)
    on_fast_loop(_once(settings) if once else _alone(settings, metrics_port))


async def _once(settings: Settings) -> None:
    with meter_signer(settings) as key:
        async with (
            until_signal(),
            gateway_store(settings) as store,
            settlement(settings, store, key) as (worker, keeper),
        ):
            report = await worker.step()
            if not report.leader:
                return say("another process settles for this store; there is nothing to do here")
            kept = await keeper.step()
    said = f"settlements prepared {report.prepared}, sent {report.sent}, confirmed {report.confirmed}"
    return say(f"{said}; upkeep sent {kept}")


async def _alone(settings: Settings, metrics_port: int | None) -> None:
    registry = CollectorRegistry()
    observer = SettlementMetrics(registry)
    with meter_signer(settings) as key:
        async with (
            until_signal() as stop,
            gateway_store(settings) as store,
            scraped(settings, registry, Backlog(settings, store).read, metrics_port),
        ):
            await settled(settings, stop, store, key, observer)


async def settled(
    settings: Settings, stop: asyncio.Event, store: Store, key: Signer, observer: SettlementObserver
) -> None:
    """Settle and keep until told to stop."""
    async with settlement(settings, store, key, observer) as (worker, keeper):
        pace = min(max(settings.settle_interval_seconds / 10, LEAST_PACE), MOST_PACE)
        await asyncio.gather(worker.run(stop, pace), keeper.run(stop))


@asynccontextmanager
async def settlement(
    settings: Settings, store: Store, key: Signer, observer: SettlementObserver | None = None
) -> AsyncIterator[tuple[SettlementWorker, Keeper]]:
    """The settlement worker and the keeper, with one sender for the meter's key."""
    async with chain(settings) as found:
        chain_id = ChainId(found.deployment.chain_id)
        sender = found.sender(key, SentTransactions(store, chain_id, key.address))
        port = ChainSettlement({chain_id: Line(sender, found.contracts)})
        policy = Policy(min_units=settings.settle_min_units, max_age=settings.settle_interval_seconds)
        clock = SystemClock()
        worker = SettlementWorker(store, port, key.address, clock, policy, observer)
        yield worker, Keeper(store, port, clock, leads=worker.leads, observer=observer)
        # Not after a fault: something may still be sending, and the lease ends by itself.
        await worker.leave()
