"""The gateway's ASGI application: the model routes lean, FastAPI for the rest, tasks while it runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any, Final

from fastapi import APIRouter, FastAPI

from backend.accounts.nonces import forget_expired, forget_old
from backend.accounts.service import SECONDS_A_DAY
from backend.core.clock import Clock
from backend.core.errors import DatabaseError
from backend.core.logs import get_logger
from backend.gateway.asgi import App, Receive, Scope, Send
from backend.gateway.body_limit import BodyLimit
from backend.gateway.deps import GatewayDeps, Services, assemble
from backend.gateway.gauges import Gauges
from backend.gateway.handlers import add_handlers
from backend.gateway.metrics import GAUGES
from backend.gateway.named_block import NamedBlock
from backend.gateway.openapi import describe_model_routes
from backend.gateway.origins import with_cors
from backend.gateway.request_ids import RequestIds
from backend.gateway.routes import (
    account,
    alerts,
    analytics,
    auth,
    documents,
    feed,
    keys,
    listings,
    market,
    models,
    network,
    oauth,
    operations,
    pages,
    providers,
    receipts,
    revenue,
    statements,
    usage,
    vouchers,
)
from backend.metrics.page import MetricsPage, serve_metrics

TITLE = "Emporion gateway"
SUMMARY = "Paid access to machine-learning services, decided by what a wallet holds."

HOUSEKEEPING_SECONDS: Final = 600
TASK_RESTART_SECONDS: Final = 1
MEASURE_SECONDS: Final = 60
FORK_SECONDS: Final = 5


def create_app(deps: GatewayDeps) -> App:
    """The application. Its lifespan runs the tasks: following the index, holds, key use, metadata, health."""
    return app_of(assemble(deps))


def app_of(given: Services) -> App:
    """The application over services already built."""
    settings = given.deps.settings
    limited = BodyLimit(_rest(given), settings.max_body_bytes, settings.body_seconds)
    rest = RequestIds(NamedBlock(limited, given.watch, settings.index_wait_ms / 1000))
    return with_cors(Split(given, rest), settings)


class Split:
    """Sends metered routes down the lean path, everything else (and the lifespan) to FastAPI."""

    def __init__(self, given: Services, rest: App) -> None:
        self._inference = given.inference
        self._plain = given.plain
        self._media = given.media
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] == "http" and self._inference.serves(scope["path"]):
            await self._inference(scope, receive, send)
        elif scope["type"] == "http" and self._plain.serves(scope["path"]):
            await self._plain(scope, receive, send)
        elif scope["type"] == "http" and self._media.serves(scope["path"]):
            await self._media(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def _rest(given: Services) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running(given):
            yield

    api = FastAPI(
        title=TITLE,
        summary=SUMMARY,
        version="1",
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    api.state.services = given
    add_handlers(api)
    # `include_router` would make every route anew, at each application's first request.
    for router in _routers():
        api.router.routes.extend(router.routes)
    describe_model_routes(api)
    pages.mount_files(api)
    return api


@cache
def _routers() -> tuple[APIRouter, ...]:
    """The routes, made at the first use: they hold nothing of an application's, and take long to make."""
    described = (
        auth,
        account,
        keys,
        oauth,
        models,
        market,
        network,
        listings,
        documents,
        receipts,
        usage,
        vouchers,
        providers,
        revenue,
        feed,
        operations,
        pages,
        statements,
        alerts,
        analytics,
    )
    return tuple(routes.router() for routes in described)


@asynccontextmanager
async def running(given: Services) -> AsyncIterator[None]:
    """The gateway's tasks; on the way out new requests are refused and the tasks end."""
    await given.watch.refresh()
    if given.deps.settings.earlier_master_secrets():
        await _reseal(given)
    clock = given.deps.clock
    tasks = [asyncio.create_task(_kept_up(name, work, clock)) for name, work in _tasks(given).items()]
    try:
        yield
    finally:
        given.inference.drain()
        given.plain.drain()
        given.media.drain()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _reseal(given: Services) -> None:
    """The master key was changed: whatever an earlier one sealed is sealed anew."""
    upstreams, channels = given.deps.upstreams, given.alerting.alerts.channels
    counts = {"upstreams": await upstreams.reseal(), "channels": await channels.reseal()}
    if given.webhooks is not None:
        counts["webhooks"] = await given.webhooks.reseal()
    get_logger("gateway").info("gateway.secrets.resealed", **counts)


def _tasks(given: Services) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
    shared = given.deps.store.dialect == "postgresql"  # an SQLite store has one writing process: this one
    replicas = {"credentials": partial(_forget_revoked, given)} if shared else {}
    sending = {} if given.sender is None else {"webhooks": partial(given.sender.run, given.moves)}
    watched = {} if given.metrics is None else {"metrics": _metrics_server(given)}
    limits = given.deps.limits
    return {
        **replicas,
        **({} if limits is None else {"limits": limits.run}),
        **sending,
        **watched,
        "index": given.watch.run,
        "key-use": given.key_use.run,
        "holds": given.holds.run,
        "forks": partial(_follow_forks, given),
        "metadata": given.metadata.run,
        "alerts": given.alerting.worker.run,
        "housekeeping": partial(_keep_house, given),
        "measurements": partial(_measure, given),
        "upstreams": partial(given.deps.upstreams.watch, given.router),
    }


async def _kept_up(name: str, start: Callable[[], Coroutine[Any, Any, None]], clock: Clock) -> None:
    """A task that should never end: one that fails is said so and started again."""
    while True:
        try:
            await start()
        except Exception as error:  # noqa: BLE001 - the gateway outlives a task's fault; staleness closes the gate
            get_logger("gateway").error("gateway.task.failed", task=name, exc_info=error)
        await clock.sleep(TASK_RESTART_SECONDS)


def _metrics_server(given: Services) -> Callable[[], Coroutine[Any, Any, None]]:
    gauges = Gauges(given.watch, given.holds, given.catalog)
    page, settings = MetricsPage(given.deps.registry, GAUGES, gauges.gauges), given.deps.settings
    return partial(serve_metrics, page, settings.metrics_host, settings.metrics_port)


async def _keep_house(given: Services) -> None:
    """Forget nonces, what apps were given, and measurements, once they are over."""
    clock = given.deps.clock
    while True:
        await clock.sleep(HOUSEKEEPING_SECONDS)
        await forget_expired(given.deps.store, clock.now())
        await given.oauth.tokens.forget_expired()
        await given.measurements.forget()
        await _forget_old(given, clock.now())


async def _follow_forks(given: Services) -> None:
    """Void what was served against deposits that forks took back."""
    while True:
        await given.deps.clock.sleep(FORK_SECONDS)
        try:
            await given.deps.meter.follow_forks()
        except DatabaseError as error:
            get_logger("gateway").warning("gateway.forks.not-followed", error=error.code)


async def _measure(given: Services) -> None:
    """Count up what was served lately: how often it was answered, how quickly, how fast."""
    while True:
        await given.measurements.refresh_served(given.meter)
        await given.deps.clock.sleep(MEASURE_SECONDS)


async def _forget_old(given: Services, now: int) -> None:
    """Keep audit and usage no longer than the settings say; what money or a proof needs stays."""
    settings = given.deps.settings
    use_before = now - settings.usage_days * SECONDS_A_DAY
    gone = await forget_old(given.deps.store, now - settings.audit_days * SECONDS_A_DAY, use_before)
    if used := await given.deps.meter.forget(use_before):
        gone += used
    if gone:
        get_logger("gateway").info("gateway.retention.forgotten", rows=gone)


async def _forget_revoked(given: Services) -> None:
    """Another process may have revoked a key: what was remembered is read again."""

    async def forget() -> None:
        given.resolver.forget()

    await given.own_changes.follow(forget)
