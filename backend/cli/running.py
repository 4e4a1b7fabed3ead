"""`emporion up`, `serve`: the processes that answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import typer

from backend.cli.children import Child
from backend.cli.gateway_parts import gateway_deps
from backend.cli.serving import listening, served, spare_collector
from backend.cli.settling import settled
from backend.cli.signers import meter_signer
from backend.cli.wiring import chain, on_fast_loop, prepared, until_signal
from backend.core.errors import EmporionError, Unavailable
from backend.core.logs import get_logger
from backend.core.settings import Settings, child_environment
from backend.gateway.app import create_app
from backend.settlement.metrics import SettlementMetrics

RESTART_SECONDS: Final = (0.2, 1.0, 5.0, 5.0)
"""Pauses before an indexer that ended by itself is started again; after the last it is given up."""
STEADY_SECONDS: Final = 60.0
"""An indexer that lived this long had begun well: its end counts as the first."""
log = get_logger("cli")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("up")(up)
    app.command("serve")(serve)


def up() -> None:
    """Run everything: indexer, gateway, embedded model, settlement. Ctrl-C ends all of it in order."""
    settings = prepared()
    on_fast_loop(_up(settings))


def serve() -> None:
    """Run the gateway alone; an indexer and a settlement worker run elsewhere."""
    settings = prepared()
    on_fast_loop(_serve_alone(settings))


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
                settled(settings, stop, deps.store, key, SettlementMetrics(deps.registry)),
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
