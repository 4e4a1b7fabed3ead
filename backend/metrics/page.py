"""One registry's figures as Prometheus text, and the server that shows them."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import nullcontext
from typing import Any, Final

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from backend.core.errors import DatabaseError

Reading = Callable[[], Awaitable[Mapping[str, float]]]
"""Reads the values of the moment, by the names that were told. Raises DatabaseError."""

STORE_UP: Final = "emporion_store_up"
_TEXT: Final = CONTENT_TYPE_LATEST.encode()


class MetricsPage:
    """`GET /metrics`, nothing else: what a registry counted, and what is read at each scrape.

    `told` are the names and descriptions of what `reading` reads.
    """

    def __init__(self, registry: CollectorRegistry, told: Mapping[str, str], reading: Reading) -> None:
        self._registry = registry
        self._reading = reading
        described = {**told, STORE_UP: "Whether the store answered this scrape."}
        self._gauges = {name: Gauge(name, text, registry=registry) for name, text in described.items()}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """One scrape."""
        if scope["type"] != "http" or scope["path"] != "/metrics" or scope["method"] != "GET":
            await _answer(send, 404, b"")
            return
        try:
            values = {**await self._reading(), STORE_UP: 1.0}
        except DatabaseError:
            values = {STORE_UP: 0.0}
        for name, value in values.items():
            self._gauges[name].set(value)
        await _answer(send, 200, generate_latest(self._registry))


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", _TEXT), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Server(uvicorn.Server):
    """A server whose signals belong to its process."""

    def capture_signals(self) -> Any:
        """Leave them alone."""
        return nullcontext()


async def serve_metrics(page: MetricsPage, host: str, port: int) -> None:
    """Answer scrapes until cancelled. Raises OSError where the port is taken."""
    config = uvicorn.Config(page, lifespan="off", log_config=None, access_log=False, server_header=False)
    server = _Server(config)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as opened:
        serving = asyncio.ensure_future(server.serve(sockets=[opened]))
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True  # it closes its connections within a tick
            await serving
