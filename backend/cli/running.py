"""`emporion up`, `serve`, `settle`: the processes that stay."""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import Annotated, Any, Final

import typer
import uvicorn

from backend.cli.children import Child
from backend.cli.gateway_parts import gateway_deps
from backend.cli.output import say
from backend.cli.wiring import chain, gateway_store, prepared, until_signal
from backend.core.clock import SystemClock
from backend.core.logs import get_logger
from backend.core.settings import Settings, child_environment
from backend.core.units import ChainId
from backend.db.session import Store
from backend.gateway.app import create_app
from backend.settlement.batch import Policy
from backend.settlement.chain_sender import ChainSettlement
from backend.settlement.keeper import Keeper
from backend.settlement.service import SettlementWorker
from backend.signing.keys import LocalKey, meter_key

RESTART_SECONDS: Final = (0.2, 1.0, 5.0)
DRAIN_SECONDS: Final = 15
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
    once: Annotated[bool, typer.Option(help="Do one round and stop.")] = False,
) -> None:
    """Settle metered usage on chain and flush fees, until stopped."""
    settings = prepared()
    on_fast_loop(_settle_alone(settings, once))


def on_fast_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where the system has it; Ctrl-C ends with status 130."""
    factory = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _up(settings: Settings) -> None:
    async with until_signal() as stop, indexing(settings), gateway_deps(settings) as deps:
        await asyncio.gather(
            _served(settings, stop, create_app(deps)),
            _settled(settings, stop, deps.store, meter_key(settings)),
        )


async def _serve_alone(settings: Settings) -> None:
    async with until_signal() as stop, gateway_deps(settings) as deps:
        await _served(settings, stop, create_app(deps))


async def _settle_alone(settings: Settings, once: bool) -> None:
    key = meter_key(settings)
    async with until_signal() as stop, gateway_store(settings) as store:
        if once:
            async with settlement(settings, store, key) as (worker, keeper):
                report = await worker.step()
                flushed = await keeper.step()
            told = f"prepared {report.prepared}, sent {report.sent}, confirmed {report.confirmed}"
            say(f"{told}, flushed {flushed}")
            return
        await _settled(settings, stop, store, key)


@asynccontextmanager
async def settlement(
    settings: Settings, store: Store, key: LocalKey
) -> AsyncIterator[tuple[SettlementWorker, Keeper]]:
    """The settlement worker and the keeper, with one sender for the meter's key."""
    async with chain(settings) as found:
        chain_id, contracts = ChainId(found.deployment.chain_id), found.contracts
        port = ChainSettlement(
            {chain_id: found.sender(key)}, {chain_id: contracts.escrow}, {chain_id: contracts.shares}
        )
        policy = Policy(min_units=settings.settle_min_units, max_age=settings.settle_interval_seconds)
        clock = SystemClock()
        yield SettlementWorker(store, port, key.address, clock, policy), Keeper(store, port, clock)


async def _settled(settings: Settings, stop: asyncio.Event, store: Store, key: LocalKey) -> None:
    async with settlement(settings, store, key) as (worker, keeper):
        await asyncio.gather(worker.run(stop), keeper.run(stop))


class _Server(uvicorn.Server):
    """A server whose signals are ours to answer."""

    def capture_signals(self) -> Any:
        """Leave them alone."""
        return nullcontext()


async def _served(settings: Settings, stop: asyncio.Event, app: Any) -> None:
    config = uvicorn.Config(
        app,
        host=settings.gateway_host,
        port=settings.gateway_port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,  # the gateway reads them itself, from EMPORION_TRUSTED_PROXIES alone
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(config)

    async def end() -> None:
        await stop.wait()
        server.should_exit = True

    ending = asyncio.create_task(end())
    try:
        await server.serve()
    finally:
        stop.set()
        await ending


@asynccontextmanager
async def indexing(settings: Settings) -> AsyncIterator[None]:
    """The indexer as a child process, started again when it ends by itself."""
    async with AsyncExitStack() as stack:
        watcher = asyncio.create_task(_keep_indexing(settings))
        stack.push_async_callback(_cancelled, watcher)
        yield


async def _keep_indexing(settings: Settings) -> None:
    failures = 0
    while True:
        child = await Child.start("index", env=child_environment(settings))
        try:
            code = await child.wait()
        finally:
            await child.stop()
        pause = RESTART_SECONDS[min(failures, len(RESTART_SECONDS) - 1)]
        log.error("up.indexer.ended", exit_code=code, again_in=pause)
        await asyncio.sleep(pause)
        failures += 1


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
