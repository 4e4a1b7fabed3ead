"""JSON-RPC over HTTP.

HttpTransport.post
├── when nothing listens: retryable, naming the host and not the secret path
├── when the node throttles (429): said so, with its Retry-After
├── when it answers an error page: retryable, with the status
├── when the answer is too large: fewer logs should be asked for
└── given JSON with any status: passed on
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from backend.chain.transport import HttpTransport
from backend.core.errors import LogsRefused, NodeThrottled, NodeUnreachable
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY


@asynccontextmanager
async def answering(head: str, body: bytes) -> AsyncIterator[str]:
    """A server that answers every request alike; gives its URL, with a secret path."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/secret-key"


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient(LOOPBACK_ONLY) as client:
        yield client


class TestPost:
    async def test_names_the_host_when_nothing_listens(self, http: HttpClient) -> None:
        async with answering("200 OK", b"{}") as url:
            pass
        with pytest.raises(NodeUnreachable, match=r"127\.0\.0\.1") as caught:
            await HttpTransport(http).post(url, b"{}")
        assert "secret-key" not in caught.value.message

    @pytest.mark.parametrize(("wait", "seconds"), [("7", 7), ("soon", 0)])
    async def test_says_when_it_is_throttled(self, http: HttpClient, wait: str, seconds: int) -> None:
        async with answering(f"429 Too Many\r\nRetry-After: {wait}", b"") as url:
            with pytest.raises(NodeThrottled) as caught:
                await HttpTransport(http).post(url, b"{}")
        assert caught.value.retry_after == seconds

    async def test_refuses_an_error_page(self, http: HttpClient) -> None:
        async with answering("502 Bad Gateway", b"<html>") as url:
            with pytest.raises(NodeUnreachable, match="answered 502"):
                await HttpTransport(http).post(url, b"{}")

    async def test_says_when_an_answer_is_too_large(self, http: HttpClient) -> None:
        async with answering("200 OK", b"[" + b" " * 100 + b"]") as url:
            with pytest.raises(LogsRefused):
                await HttpTransport(http, most_bytes=50).post(url, b"{}")

    @pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Internal Server Error"])
    async def test_passes_json_on_whatever_its_status(self, http: HttpClient, status: str) -> None:
        async with answering(status, b'{"id":0}') as url:
            assert await HttpTransport(http).post(url, b"{}") == b'{"id":0}'
