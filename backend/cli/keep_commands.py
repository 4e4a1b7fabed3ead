"""`emporion keep`: upkeep by any wallet, where nobody settles."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry

from backend.cli.options import KeyName, MetricsPort
from backend.cli.output import say
from backend.cli.scraped import Backlog, scraped
from backend.cli.signers import wallet_signer
from backend.cli.stores import gateway_store
from backend.cli.wiring import chain, prepared, run, until_signal
from backend.core.clock import SystemClock
from backend.core.settings import Settings
from backend.core.units import ChainId
from backend.db.session import Store
from backend.settlement.chain_sender import ChainSettlement, Line
from backend.settlement.keeper import Keeper
from backend.settlement.lead import Lead
from backend.settlement.metrics import SettlementMetrics
from backend.settlement.ports import SettlementObserver
from backend.settlement.sent_repository import SentTransactions
from backend.signing.keys import Signer


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("keep")(keep)


def keep(
    key: KeyName = None,
    once: Annotated[bool, typer.Option("--once", help="Do one round and stop.")] = False,
    metrics_port: MetricsPort = None,
) -> None:
    """Flush fees, expire positions, retire services, as `settle` does too; any wallet may. Until stopped."""
    settings = prepared(quiet=once)
    with wallet_signer(settings, key) as signer:
        run(_once(settings, signer) if once else _keep(settings, signer, metrics_port))


async def _once(settings: Settings, key: Signer) -> None:
    async with (
        until_signal(),
        gateway_store(settings) as store,
        keeping(settings, store, key) as (lead, keeper),
    ):
        if not await lead.take():
            say("another process sends with this key; there is nothing to do here")
        else:
            say(f"upkeep sent {await keeper.step()}")


async def _keep(settings: Settings, key: Signer, metrics_port: int | None) -> None:
    registry = CollectorRegistry()
    observer = SettlementMetrics(registry)
    async with (
        until_signal() as stop,
        gateway_store(settings) as store,
        scraped(settings, registry, Backlog(settings, store).read, metrics_port),
        keeping(settings, store, key, observer) as (lead, keeper),
    ):
        await asyncio.gather(lead.run(stop), keeper.run(stop))


@asynccontextmanager
async def keeping(
    settings: Settings, store: Store, key: Signer, observer: SettlementObserver | None = None
) -> AsyncIterator[tuple[Lead, Keeper]]:
    """The lease of a wallet's key, and the keeper that sends with it."""
    clock = SystemClock()
    async with chain(settings) as found:
        chain_id = ChainId(found.deployment.chain_id)
        sender = found.sender(key, SentTransactions(store, chain_id, key.address))
        lead = Lead(store, clock, key.address)
        port = ChainSettlement({chain_id: Line(sender, found.contracts)})
        yield lead, Keeper(store, port, clock, leads=lead.held, observer=observer)
        await lead.leave()  # not after a fault: the lease ends by itself
