"""The one HTTP client. It owns its session, follows no redirect, and connects only where its policy lets
it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from backend.core.errors import (
    AddressBlocked,
    BodyTooLarge,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from backend.net.guard import BlockedAtConnectError, NetworkPolicy, check_resolved, check_url, guarded_socket

KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than llama.cpp's own five: a connection the other side closes under our request is an error."""

SOCKET_HEARTBEAT_SECONDS: Final = 20.0
"""A WebSocket whose other side answers no ping for half of this again is broken."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer (and to the first), for all of it (None: no
    end).
    """

    connect: float = 5.0
    read: float = 120.0
    total: float | None = 600.0


class GuardedResolver(AbstractResolver):
    """The system's resolver; an answer with one forbidden address is refused whole."""

    def __init__(self, policy: NetworkPolicy, inner: AbstractResolver) -> None:
        self._policy = policy
        self._inner = inner

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Raises AddressBlocked, or OSError when the name is unknown."""
        found = await self._inner.resolve(host, port, family)  # type: ignore[arg-type]
        check_resolved(host, [row["host"] for row in found], self._policy)
        return found

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


class Reply:
    """An answer whose head has arrived; its bytes come as they were sent."""

    def __init__(self, response: aiohttp.ClientResponse, silence: float) -> None:
        self._response = response
        self._silence = silence
        self.status = response.status
        self.content_type = response.headers.get("Content-Type", "application/octet-stream")

    def header(self, name: str) -> str | None:
        """One header of the answer, by any spelling of its name."""
        return self._response.headers.get(name)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Bytes as they arrive, unmodified. Raises UpstreamError when the answer breaks off."""
        content = self._response.content
        with translated(self._response.url):
            if content.is_eof():
                if data := await content.readany():
                    yield data
                return
            watch = _Silence(self._response, self._silence)
            try:
                while data := await watch.over(content):
                    yield data
            finally:
                watch.end()

    async def read(self, limit: int) -> bytes:
        """The whole body, at most `limit` bytes. Raises BodyTooLarge, UpstreamError."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                raise BodyTooLarge(f"the answer is larger than {limit} bytes", limit=limit)
        return bytes(body)

    def close(self) -> None:
        """Drop the connection at once: the other side sees it within a round trip. Harmless after the end."""
        self._response.close()


class _Silence:
    """Ends an answer that has been silent for too long: with one timer for all of it, where the library's own
    is moved at every piece. Time in which nobody waits for a piece is no silence.
    """

    __slots__ = ("_loop", "_response", "_seconds", "_since", "_timer")

    def __init__(self, response: aiohttp.ClientResponse, seconds: float) -> None:
        self._response = response
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        self._timer = self._loop.call_later(seconds, self._look)
        if response.connection is not None and response.connection.protocol is not None:
            response.connection.protocol.read_timeout = None  # its timer ends at the next piece, or here

    async def over(self, content: aiohttp.StreamReader) -> bytes:
        """The next piece; nothing at the end."""
        self._since = self._loop.time()
        try:
            return await content.readany()
        finally:
            self._since = None

    def end(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        due = (now if self._since is None else self._since) + self._seconds
        if due > now:
            self._timer = self._loop.call_at(due, self._look)
            return
        self._response.content.set_exception(aiohttp.SocketTimeoutError("silent for too long"))
        self._response.close()


class TextSocket:
    """An open WebSocket that carries text."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        """Send one message."""
        await self._socket.send_str(text)

    async def messages(self) -> AsyncIterator[str]:
        """Messages as they arrive; ends when the other side closes or falls silent."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                yield message.data


class translated:  # noqa: N801 - reads as a verb at its `with`
    """Turn the library's errors into ours. Names the host, never the path's secrets or the other side's
    words.
    """

    __slots__ = ("_host",)

    def __init__(self, url: URL) -> None:
        self._host = url.host or "?"

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, TimeoutError):
            raise UpstreamTimeout(f"{self._host} did not answer in time", host=self._host) from error
        if isinstance(error, aiohttp.ClientConnectorError):
            if isinstance(error.os_error, BlockedAtConnectError):
                raise AddressBlocked(str(error.os_error), host=self._host) from error
            raise UpstreamUnavailable(f"cannot connect to {self._host}", host=self._host) from error
        if isinstance(error, aiohttp.InvalidURL):
            raise AddressBlocked(f"{self._host} is not a host to connect to", host=self._host) from error
        if isinstance(error, aiohttp.ClientError | OSError):
            raise UpstreamError(f"the connection to {self._host} broke off", host=self._host) from error


class HttpClient:
    """Outgoing HTTP under one policy. Open it with `async with`, or `open` and `close`."""

    def __init__(
        self,
        policy: NetworkPolicy,
        *,
        timeouts: Timeouts | None = None,
        connections: int = 512,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.policy = policy
        self._timeouts = timeouts or Timeouts()
        self._connections = connections
        self._resolver = resolver
        self._kept: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None

    async def open(self) -> Self:
        """Make the sessions in the running loop; a second call does nothing."""
        if self._kept is None:
            self._kept, self._fresh = self._session(keep=True), self._session(keep=False)
        return self

    async def close(self) -> None:
        """Close every connection."""
        kept, self._kept = self._kept, None
        fresh, self._fresh = self._fresh, None
        for session in (kept, fresh):
            if session is not None:
                await session.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeouts: Timeouts | None = None,
    ) -> AsyncIterator[Reply]:
        """Send a request; the reply's bytes follow while the block runs, the connection is given back after
        it.
        """
        reply = await self.send(method, url, headers=headers, body=body, timeouts=timeouts)
        try:
            yield reply
        finally:
            reply.close()

    async def send(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeouts: Timeouts | None = None,
        repeatable: bool = False,
        fresh: bool = False,
    ) -> Reply:
        """Send a request and wait for the answer's head; the caller must call `Reply.close`.

        A kept connection may be one that the other side is just closing, and nothing tells whether it took
        the request. `repeatable`: it is then sent again, once, on a connection of its own. `fresh`: it goes
        out on a connection of its own at once; for what must arrive at most once.
        Raises AddressBlocked (policy, redirect), UpstreamUnavailable (no connection), UpstreamTimeout,
        UpstreamError.
        """
        check_url(url, self.policy)
        kept, own = self._opened()
        session = own if fresh else kept
        wanted = timeouts or self._timeouts
        limits = _limits(wanted)

        async def asked(session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
            return await session.request(
                method, url, headers=headers, data=body, allow_redirects=False, timeout=limits
            )

        with translated(url):
            try:
                response = await asked(session)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if not repeatable or isinstance(error, aiohttp.ClientConnectorError):
                    raise
                response = await asked(own)
        return _checked(response, wanted.read)

    @asynccontextmanager
    async def socket(self, url: URL) -> AsyncIterator["TextSocket"]:
        """Open a WebSocket (ws:// or wss://) under the same policy; it is closed with the block.

        Raises AddressBlocked, UpstreamUnavailable, UpstreamTimeout, UpstreamError.
        """
        check_url(url.with_scheme({"ws": "http", "wss": "https"}.get(url.scheme, url.scheme)), self.policy)
        with translated(url):
            async with self._opened()[0].ws_connect(url, heartbeat=SOCKET_HEARTBEAT_SECONDS) as socket:
                yield TextSocket(socket)

    async def fetch(self, url: URL, *, limit: int, timeouts: Timeouts | None = None) -> bytes:
        """GET a document of at most `limit` bytes. Raises as `send` does, UpstreamError for any status but
        200.
        """
        async with self.stream("GET", url, timeouts=timeouts) as reply:
            if reply.status != 200:
                raise UpstreamError(f"{url.host} answered {reply.status}", host=url.host, status=reply.status)
            return await reply.read(limit)

    def _opened(self) -> tuple[aiohttp.ClientSession, aiohttp.ClientSession]:
        if self._kept is None or self._fresh is None:
            raise UpstreamUnavailable("the HTTP client is closed: open it in the composition root")
        return self._kept, self._fresh

    def _session(self, *, keep: bool) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=self._connector(keep),
            timeout=_limits(self._timeouts),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            # Said here, so that none is added for us; skipping them by name costs a copy for every request.
            headers={"Accept-Encoding": "identity", "User-Agent": "emporion"},
        )

    def _connector(self, keep: bool) -> aiohttp.TCPConnector:
        resolver = GuardedResolver(self.policy, self._resolver or aiohttp.ThreadedResolver())
        return aiohttp.TCPConnector(
            resolver=resolver,
            use_dns_cache=False,  # connections are kept; a cache would widen the gap from check to use
            limit=self._connections,
            force_close=not keep,
            keepalive_timeout=KEEP_ALIVE_SECONDS if keep else None,
            socket_factory=lambda row: guarded_socket(row, self.policy),
        )


@lru_cache(maxsize=256)
def _limits(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=timeouts.total, sock_connect=timeouts.connect, sock_read=timeouts.read, connect=None
    )


def _checked(response: aiohttp.ClientResponse, silence: float) -> Reply:
    """Refuse answers that lead elsewhere or whose bytes are not the content's own."""
    host = response.url.host
    if 300 <= response.status < 400 and response.status != 304:
        response.close()
        raise AddressBlocked(f"{host} redirects, which is not followed", host=host, status=response.status)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        response.close()
        raise UpstreamError(f"{host} sent a compressed answer that was not asked for", host=host)
    return Reply(response, silence)
