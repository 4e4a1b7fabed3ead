"""The gateway's ASGI application: the model routes lean, FastAPI for the rest, tasks while it runs."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from backend.core.errors import DatabaseError
from backend.core.logs import get_logger
from backend.gateway.asgi import App, Receive, Scope, Send
from backend.gateway.body_limit import BodyLimit
from backend.gateway.deps import GatewayDeps, Services, assemble
from backend.gateway.handlers import add_handlers
from backend.gateway.openapi import describe_model_routes
from backend.gateway.origins import with_cors
from backend.gateway.request_ids import RequestIds
from backend.gateway.routes import auth, documents, keys, market, models, operations, providers, receipts

TITLE = "Emporion gateway"
SUMMARY = "Paid access to machine-learning services, decided by what a wallet holds."


def create_app(deps: GatewayDeps) -> App:
    """The application. Its lifespan runs the tasks: following the index, holds, key use, metadata, health."""
    given = assemble(deps)
    rest = _rest(given)
    guarded = RequestIds(BodyLimit(rest, deps.settings.max_body_bytes))
    return with_cors(Split(given, guarded), deps.settings)


class Split:
    """Sends model routes down the lean path, everything else (and the lifespan) to FastAPI."""

    def __init__(self, given: Services, rest: App) -> None:
        self.services = given
        self._inference = given.inference
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] == "http" and self._inference.serves(scope["path"]):
            await self._inference(scope, receive, send)
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
    for routes in (auth, keys, models, market, documents, receipts, providers, operations):
        api.include_router(routes.router())
    describe_model_routes(api)
    return api


@asynccontextmanager
async def running(given: Services) -> AsyncIterator[None]:
    """The gateway's tasks; on the way out new requests are refused and the tasks end."""
    await given.watch.refresh()
    tasks = [asyncio.create_task(_kept_up(name, work)) for name, work in _tasks(given).items()]
    try:
        yield
    finally:
        given.inference.drain()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _tasks(given: Services) -> dict[str, Coroutine[Any, Any, None]]:
    shared = given.deps.store.dialect == "postgresql"  # an SQLite store has one writing process: this one
    replicas = {"credentials": _forget_revoked(given)} if shared else {}
    return {
        **replicas,
        "index": given.watch.run(),
        "key-use": given.key_use.run(),
        "holds": given.holds.run(),
        "metadata": given.metadata.run(),
        "upstreams": given.deps.upstreams.watch(given.router),
    }


async def _kept_up(name: str, work: Coroutine[Any, Any, None]) -> None:
    """A task that should never end; if it does, the log says so."""
    try:
        await work
    except DatabaseError as error:
        get_logger("gateway").error("gateway.task.ended", task=name, code=error.code)
        raise


async def _forget_revoked(given: Services) -> None:
    """Another process may have revoked a key: what was remembered is read again."""
    async for _ in given.own_changes:
        given.resolver.forget()
