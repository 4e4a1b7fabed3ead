"""A node behind a counter of HTTP requests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from yarl import URL

from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY

_LARGEST = 512 * 1024 * 1024


@dataclass(slots=True)
class Counter:
    """Requests that went through, and where to send them."""

    url: str = ""
    requests: int = 0


@asynccontextmanager
async def counted(node_url: str) -> AsyncIterator[Counter]:
    """Pass requests on to a node and count them."""
    counter = Counter()
    async with HttpClient(LOOPBACK_ONLY) as http:

        async def pass_on(request: web.Request) -> web.Response:
            counter.requests += 1
            headers = {"Content-Type": "application/json"}
            body = await request.read()
            async with http.stream("POST", URL(node_url), headers=headers, body=body) as reply:
                answer = await reply.read(_LARGEST)
                return web.Response(body=answer, status=reply.status, content_type="application/json")

        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post("/", pass_on)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        counter.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield counter
        finally:
            await runner.cleanup()
