"""MetadataService.fetch_missing, on SQLite and PostgreSQL, with the real HTTP client

given a service whose document is what its hash says
    it should be had, from a data: URI and over HTTP
given a document of another hash, or none
    it should be marked with the reason, and tried again only after a while
given a document of a gigabyte
    it should be refused after a bounded part of it, and nothing kept
given a redirect to a private address, or a private address itself
    it should not be followed
given two services that name one hash, one of them a place without it
    it should be had from the other
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
import pytest
from aiohttp import web
from sqlalchemy import text

from backend.core.clock import ManualClock
from backend.core.settings import Settings
from backend.core.units import Hash32, keccak
from backend.db.session import Store
from backend.db.stores import open_gateway_store
from backend.metadata.service import FIRST_PAUSE, MetadataService
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY, PUBLIC_ONLY, NetworkPolicy
from backend.storage.blobs import MemoryBlobs
from tests.backend.market import Market, service
from tests.backend.shared_stores import opened_chain_store, settings

__all__ = ["settings"]

DOCUMENT = orjson.dumps(
    {"emporion": "service/1", "name": "Good One", "slug": "good-one", "summary": "Does it"}
)
HASH = Hash32(keccak(DOCUMENT))
GIGABYTE = 2**30
PIECE = bytes(2**16)


class Place:
    """A server with a document, a wrong one, one of a gigabyte, and a way to a private address."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.sent = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path == "/good":
            return web.Response(body=DOCUMENT)
        if request.path == "/huge":
            return await self._huge(request)
        if request.path == "/moved":
            raise web.HTTPFound("http://169.254.169.254/latest/meta-data")
        if request.path == "/inside":
            raise web.HTTPFound(f"{self.url}/good")
        return web.Response(body=b"something else") if request.path == "/wrong" else web.Response(status=404)

    async def _huge(self, request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Length": str(GIGABYTE)})
        await reply.prepare(request)
        while self.sent < GIGABYTE:
            await reply.write(PIECE)
            self.sent += len(PIECE)
        return reply


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    made, app = Place(), web.Application()
    app.router.add_get("/{tail:.*}", made.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = "http://{}:{}".format(*runner.addresses[0][:2])
    yield made
    await runner.cleanup()


@dataclass
class Library:
    """The service under test, its clock, and what it has noted."""

    store: Store
    market: Market
    clock: ManualClock
    service: MetadataService

    async def names(self, *uris: str) -> None:
        """Services of one hash with these URIs."""
        for number, uri in enumerate(uris, 1):
            await self.market.put(service(service_id=number, uri=uri, content_hash=HASH))

    async def problems(self) -> list[str]:
        async with self.store.read_connection() as db:
            return list((await db.execute(text("SELECT problem FROM gateway.metadata_fetches"))).scalars())

    async def kept(self) -> int:
        async with self.store.read_connection() as db:
            return int(
                (await db.execute(text("SELECT count(*) FROM gateway.metadata_documents"))).scalar() or 0
            )


@asynccontextmanager
async def library(settings: Settings, policy: NetworkPolicy = LOOPBACK_ONLY) -> AsyncIterator[Library]:
    store, clock = await open_gateway_store(settings), ManualClock()
    try:
        async with opened_chain_store(settings) as chain, HttpClient(policy) as http:
            yield Library(store, Market(chain), clock, MetadataService(store, MemoryBlobs(), clock, http))
    finally:
        await store.close()


class TestFetchMissing:
    @pytest.mark.parametrize("scheme", ["data", "http"])
    async def test_has_what_the_hash_says(self, settings: Settings, place: Place, scheme: str) -> None:
        async with library(settings) as books:
            await books.names(f"{place.url}/good" if scheme == "http" else "data:," + DOCUMENT.decode())
            assert await books.service.fetch_missing() == 1
            assert await books.service.get(HASH) == DOCUMENT
            assert await books.service.fetch_missing() == 0

    @pytest.mark.parametrize(("path", "reason"), [("wrong", "keccak256"), ("absent", "404")])
    async def test_marks_and_tries_again_later(
        self, settings: Settings, place: Place, path: str, reason: str
    ) -> None:
        async with library(settings) as books:
            await books.names(f"{place.url}/{path}")
            assert await books.service.fetch_missing() == 0
            (problem,) = await books.problems()
            assert reason in problem
            await books.service.fetch_missing()
            assert len(place.asked) == 1
            await books.clock.advance(2 * FIRST_PAUSE + 1)
            await books.service.fetch_missing()
            assert len(place.asked) == 2
            assert await books.kept() == 0

    async def test_refuses_a_gigabyte_early(self, settings: Settings, place: Place) -> None:
        async with library(settings) as books:
            await books.names(f"{place.url}/huge")
            async with asyncio.timeout(60):
                assert await books.service.fetch_missing() == 0
            assert len(await books.problems()) == 1
            assert await books.kept() == 0
            assert place.sent < GIGABYTE // 8

    @pytest.mark.parametrize("path", ["moved", "inside"])
    async def test_follows_no_redirect(self, settings: Settings, place: Place, path: str) -> None:
        async with library(settings) as books:
            await books.names(f"{place.url}/{path}")
            assert await books.service.fetch_missing() == 0
            assert len(await books.problems()) == 1
            assert place.asked == [f"/{path}"]

    async def test_asks_no_private_address(self, settings: Settings, place: Place) -> None:
        async with library(settings, PUBLIC_ONLY) as books:
            await books.names(f"{place.url}/good")
            assert await books.service.fetch_missing() == 0
            assert len(await books.problems()) == 1
            assert place.asked == []

    async def test_asks_every_place_that_is_named(self, settings: Settings, place: Place) -> None:
        async with library(settings) as books:
            await books.names(f"{place.url}/good", f"{place.url}/absent")
            had = 0
            for _ in range(2):
                had += await books.service.fetch_missing()
                await books.clock.advance(10 * FIRST_PAUSE)
            assert had == 1
