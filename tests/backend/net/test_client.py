"""The HTTP client against a server on loopback.

HttpClient.send
  when the server redirects -> blocked, the second place is never asked
  when a name resolves to a private address -> blocked, nothing is connected
  when a name resolves to a private address on the second look-up -> blocked then
  when nothing listens -> unavailable
  when the server stays silent, or falls silent amid its answer -> timeout; not where its reader is slow
  when the server breaks off -> upstream error
  when it does so before the head -> asked again, once, if repeatable
  when it closes every kept connection under the next request -> answered if repeatable, or sent fresh
  when the answer is compressed -> upstream error
Reply
  chunks -> bytes as sent; close -> the server sees it within a second
  read -> refuses more than its limit
fetch
  when the status is not 200 -> upstream error
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from backend.core.errors import (
    AddressBlocked,
    BodyTooLarge,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from backend.net.client import HttpClient, Timeouts
from backend.net.guard import DEVNET, LOOPBACK_ONLY, PUBLIC_ONLY

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ScriptedResolver(AbstractResolver):
    """Answers each look-up with the next address of its script."""

    def __init__(self, *addresses: str) -> None:
        self.script = list(addresses)

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        address = self.script.pop(0)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=2, proto=0, flags=0),
        ]

    async def close(self) -> None:
        """Nothing to close."""


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[URL]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield URL.build(scheme="http", host=host, port=port)
    await runner.cleanup()


@asynccontextmanager
async def stale_server(answers: int) -> AsyncIterator[tuple[URL, list[int]]]:
    """Answers the first request of a connection, once `answers` have come; closes it under the second.
    Counts the requests it answered.
    """
    taken, all_there = [0], asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        taken[0] += 1
        if taken[0] >= answers:
            all_there.set()
        await all_there.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server:
        yield URL.build(scheme="http", host=host, port=port), taken


class TestSend:
    async def test_redirect_is_not_followed(self) -> None:
        asked: list[str] = []

        async def redirect(request: web.Request) -> web.Response:
            asked.append(request.path)
            return web.Response(status=307, headers={"Location": "/second"})

        async with server(redirect) as url, HttpClient(LOOPBACK_ONLY) as client:
            with pytest.raises(AddressBlocked, match="redirects"):
                await client.send("POST", url / "first", body=b"{}")
        assert asked == ["/first"]

    async def test_name_of_a_private_address(self) -> None:
        async with HttpClient(PUBLIC_ONLY, resolver=ScriptedResolver("10.0.0.1")) as client:
            with pytest.raises(AddressBlocked):
                await client.send("GET", URL("https://provider.example/"))

    async def test_name_that_turns_private_on_the_second_look_up(self) -> None:
        resolver = ScriptedResolver("1.1.1.1", "127.0.0.1")
        async with HttpClient(DEVNET, resolver=resolver, timeouts=Timeouts(connect=0.2)) as client:
            with pytest.raises(UpstreamUnavailable):
                await client.send("GET", URL("https://rebind.example/"))
            with pytest.raises(AddressBlocked, match="resolves to"):
                await client.send("GET", URL("https://rebind.example/"))
        assert resolver.script == []

    async def test_nothing_listens(self) -> None:
        async with server(_ok) as url:
            pass
        async with HttpClient(LOOPBACK_ONLY) as client:
            with pytest.raises(UpstreamUnavailable, match="cannot connect"):
                await client.send("GET", url / "x")

    async def test_silent_server(self) -> None:
        async def silent(_: web.Request) -> web.Response:
            await asyncio.sleep(5)
            return web.Response()

        async with server(silent) as url, HttpClient(LOOPBACK_ONLY, timeouts=Timeouts(read=0.1)) as client:
            with pytest.raises(UpstreamTimeout):
                await client.send("GET", url / "x")

    async def test_server_that_falls_silent_amid_its_answer(self) -> None:
        async def stuck(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"a part")
            await asyncio.sleep(5)
            return response

        async with (
            server(stuck) as url,
            HttpClient(LOOPBACK_ONLY, timeouts=Timeouts(read=0.2)) as client,
            client.stream("GET", url / "x") as reply,
        ):
            parts = reply.chunks()
            assert await anext(parts) == b"a part"
            with pytest.raises(UpstreamTimeout):
                await anext(parts)

    async def test_slow_reader_is_no_silent_server(self) -> None:
        more = asyncio.Event()

        async def steady(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(6):
                await response.write(b"x")
                await asyncio.sleep(0.1)
            await more.wait()
            await response.write(b"y")
            return response

        async with server(steady) as url, HttpClient(LOOPBACK_ONLY, timeouts=Timeouts(read=0.3)) as client:
            got = b""
            async with client.stream("GET", url / "x") as reply:
                async for part in reply.chunks():
                    if not got:
                        await asyncio.sleep(0.8)
                        more.set()
                    got += part
            assert got == b"xxxxxxy"

    async def test_broken_off_answer(self) -> None:
        async def half(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": "100"})
            await response.prepare(request)
            await response.write(b"half")
            assert request.transport is not None
            request.transport.close()
            return response

        async with server(half) as url, HttpClient(LOOPBACK_ONLY) as client:
            with pytest.raises(UpstreamError, match="broke off"):
                async with client.stream("GET", url / "x") as reply:
                    await reply.read(1000)

    @pytest.mark.parametrize(("repeatable", "times"), [(False, 1), (True, 2)])
    async def test_connection_lost_before_the_head(self, repeatable: bool, times: int) -> None:
        asked = 0

        async def lost(request: web.Request) -> web.Response:
            nonlocal asked
            asked += 1
            assert request.transport is not None
            request.transport.close()
            return web.Response()

        async with server(lost) as url, HttpClient(LOOPBACK_ONLY) as client:
            with pytest.raises(UpstreamError, match="broke off"):
                await client.send("POST", url / "x", body=b"{}", repeatable=repeatable)
        assert asked == times

    async def test_every_kept_connection_has_gone_stale(self) -> None:
        """A server whose patience ends as the next request is on its way: by then all we kept are dead."""
        async with stale_server(answers=6) as (url, taken), HttpClient(LOOPBACK_ONLY) as client:

            async def ask(*, fresh: bool = False, repeatable: bool = False) -> bytes:
                reply = await client.send("POST", url / "x", body=b"{}", fresh=fresh, repeatable=repeatable)
                try:
                    return await reply.read(10)
                finally:
                    reply.close()

            assert await asyncio.gather(*(ask() for _ in range(6))) == [b"ok"] * 6
            with pytest.raises(UpstreamError, match="broke off"):
                await ask()
            before = taken[0]
            assert await ask(fresh=True) == b"ok"
            assert taken[0] == before + 1
            assert await ask(repeatable=True) == b"ok"

    async def test_compressed_answer(self) -> None:
        async def packed(_: web.Request) -> web.Response:
            return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

        async with server(packed) as url, HttpClient(LOOPBACK_ONLY) as client:
            with pytest.raises(UpstreamError, match="compressed"):
                await client.send("GET", url / "x")

    async def test_closed_client(self) -> None:
        with pytest.raises(UpstreamUnavailable, match="closed"):
            await HttpClient(LOOPBACK_ONLY).send("GET", URL("http://127.0.0.1:1/"))

    async def test_sends_no_more_than_it_was_given(self) -> None:
        seen: dict[str, str] = {}

        async def note(request: web.Request) -> web.Response:
            seen.update(request.headers)
            return web.Response(body=await request.read())

        async with (
            server(note) as url,
            HttpClient(LOOPBACK_ONLY) as client,
            client.stream("POST", url / "x", headers={"X-One": "1"}, body=b"abc") as reply,
        ):
            assert await reply.read(10) == b"abc"
        assert set(seen) - {"Host", "Content-Length", "Content-Type", "Accept"} == {
            "X-One",
            "Accept-Encoding",
            "User-Agent",
        }
        assert seen["Accept-Encoding"] == "identity"


class TestReply:
    async def test_leaving_is_seen_by_the_server(self) -> None:
        left = asyncio.Event()

        async def endless(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            try:
                while True:
                    await response.write(b"data: x\n\n")
                    await asyncio.sleep(0.01)
            finally:
                left.set()

        async with server(endless) as url, HttpClient(LOOPBACK_ONLY) as client:
            async with client.stream("GET", url / "x") as reply:
                async for chunk in reply.chunks():
                    assert chunk.startswith(b"data: x")
                    break
            async with asyncio.timeout(1):
                await left.wait()

    async def test_read_refuses_more_than_its_limit(self) -> None:
        async with (
            server(_ok) as url,
            HttpClient(LOOPBACK_ONLY) as client,
            client.stream("GET", url / "x") as reply,
        ):
            with pytest.raises(BodyTooLarge):
                await reply.read(1)


class TestFetch:
    async def test_not_found(self) -> None:
        async def missing(_: web.Request) -> web.Response:
            return web.Response(status=404)

        async with server(missing) as url, HttpClient(LOOPBACK_ONLY) as client:
            with pytest.raises(UpstreamError, match="404"):
                await client.fetch(url / "x", limit=10)

    async def test_document(self) -> None:
        async with server(_ok) as url, HttpClient(LOOPBACK_ONLY) as client:
            assert await client.fetch(url / "x", limit=10) == b"ok"


async def _ok(_: web.Request) -> web.Response:
    return web.Response(body=b"ok")
