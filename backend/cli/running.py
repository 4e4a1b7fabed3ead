"""`emporion up`, `serve`, `settle`: the processes that stay."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, Final

import typer

from backend.cli.children import Child
from backend.cli.gateway_parts import gateway_deps
from backend.cli.output import say
from backend.cli.serving import listening, served, spare_collector
from backend.cli.stores import gateway_store
from backend.cli.wiring import chain, meter_signer, on_fast_loop, prepared, until_signal
from backend.core.clock import SystemClock
from backend.core.errors import EmporionError, Unavailable
from backend.core.logs import get_logger
from backend.core.settings import Settings, child_environment
from backend.core.units import ChainId
from backend.db.session import Store
from backend.gateway.app import create_app
from backend.settlement.batch import Policy
from backend.settlement.chain_sender import ChainSettlement, Line
from backend.settlement.keeper import Keeper
from backend.settlement.sent_repository import SentTransactions
from backend.settlement.service import SettlementWorker
from backend.signing.keys import Signer

RESTART_SECONDS: Final = (0.2, 1.0, 5.0, 5.0)
"""Pauses before an indexer that ended by itself is started again; after the last it is given up."""
STEADY_SECONDS: Final = 60.0
"""An indexer that lived this long had begun well: its end counts as the first."""
LEAST_PACE: Final = 1.0
MOST_PACE: Final = 5.0
"""Seconds between two looks at what is to be settled: a tenth of the age it may reach, within these bounds.
Well under the leader's lease.
"""
log = get_logger("cli")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("up")(up)
    app.command("serve")(serve)
    app.command("settle")(settle)


def up() -> None:
    """Run everything: indexer, gateway, embedded model, settlement. Ctrl-C ends all of it in order."""
    settings = prepared()
    on_fast_loop(_up(settings))


def serve() -> None:
    """Run the gateway alone; an indexer and a settlement worker run elsewhere."""
    settings = prepared()
    on_fast_loop(_serve_alone(settings))


def settle(
    once: Annotated[bool, typer.Option("--once", help="Do one round and stop.")] = False,
) -> None:
    """Settle metered usage on chain, flush fees, expire positions and retire services, until stopped."""
    settings = prepared(quiet=once)
    on_fast_loop(_settle_alone(settings, once))


async def _up(settings: Settings) -> None:
    with meter_signer(settings) as key, listening(settings) as (opened, settings):
        async with chain(settings):
            pass  # a node that is not there, or of another chain, is said before anything starts
        async with until_signal() as stop, indexing(settings, stop), gateway_deps(settings) as deps:
            app = create_app(deps)
            spare_collector()
            await _together(
                stop,
                served(settings, stop, app, opened),
                _settled(settings, stop, deps.store, key),
            )


async def _serve_alone(settings: Settings) -> None:
    with listening(settings) as (opened, settings):
        async with until_signal() as stop, gateway_deps(settings) as deps:
            app = create_app(deps)
            spare_collector()
            await served(settings, stop, app, opened)


async def _together(stop: asyncio.Event, *works: Coroutine[Any, Any, None]) -> None:
    """Run side by side; when one fails, the others end in order and its error is raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    except EmporionError:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def _settle_alone(settings: Settings, once: bool) -> None:
    with meter_signer(settings) as key:
        async with until_signal() as stop, gateway_store(settings) as store:
            if not once:
                return await _settled(settings, stop, store, key)
            async with settlement(settings, store, key) as (worker, keeper):
                report = await worker.step()
                if not report.leader:
                    return say("another process settles for this store; there is nothing to do here")
                kept = await keeper.step()
    said = f"settlements prepared {report.prepared}, sent {report.sent}, confirmed {report.confirmed}"
    return say(f"{said}; upkeep sent {kept}")


@asynccontextmanager
async def settlement(
    settings: Settings, store: Store, key: Signer
) -> AsyncIterator[tuple[SettlementWorker, Keeper]]:
    """The settlement worker and the keeper, with one sender for the meter's key."""
    async with chain(settings) as found:
        chain_id = ChainId(found.deployment.chain_id)
        sender = found.sender(key, SentTransactions(store, chain_id, key.address))
        port = ChainSettlement({chain_id: Line(sender, found.contracts)})
        policy = Policy(min_units=settings.settle_min_units, max_age=settings.settle_interval_seconds)
        clock = SystemClock()
        worker = SettlementWorker(store, port, key.address, clock, policy)
        yield worker, Keeper(store, port, clock, leads=worker.leads)


async def _settled(settings: Settings, stop: asyncio.Event, store: Store, key: Signer) -> None:
    async with settlement(settings, store, key) as (worker, keeper):
        pace = min(max(settings.settle_interval_seconds / 10, LEAST_PACE), MOST_PACE)
        await asyncio.gather(worker.run(stop, pace), keeper.run(stop))


@asynccontextmanager
async def indexing(
    settings: Settings, stop: asyncio.Event, pauses: Sequence[float] = RESTART_SECONDS
) -> AsyncIterator[None]:
    """The indexer as a child process, started again when it ends by itself.

    Raises Unavailable at the end where it had to be given up; that also sets `stop`.
    """
    watcher = asyncio.create_task(_keep_indexing(settings, pauses))
    watcher.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher


async def _keep_indexing(settings: Settings, pauses: Sequence[float]) -> None:
    failures = 0
    while True:
        begun = time.monotonic()
        child = await Child.start("index", "--plain", env=child_environment(settings))
        try:
            code = await child.wait()
        finally:
            await child.stop()
        failures = 1 if time.monotonic() - begun > STEADY_SECONDS else failures + 1
        if failures > len(pauses):
            raise Unavailable(
                f"the indexer ended {failures} times in a row, with status {code}; its reason is in the log"
            )
        pause = pauses[failures - 1]
        log.error("up.indexer.ended", exit_code=code, again_in=pause)
        await asyncio.sleep(pause)
