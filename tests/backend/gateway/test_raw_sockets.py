"""Bytes that are no proper HTTP, on bare sockets against the gateway's own server.

smuggling
├── a length twice, a length beside chunks, chunks by another name, folded headers, bare line ends, spaces
│   before colons, control characters: no request of theirs is served, and what follows them is none
├── Authorization twice, in any spelling: refused, neither is believed
├── trailers: never taken for headers
└── a second request behind a first: each is judged by itself
size and time
├── a head too large, too many headers, one without end, chunk extensions without end: refused
├── a head that does not come: the connection is closed
└── a body that goes on after its refusal: read for a while, then closed
delay
└── an answer's body does not wait for its head to be acknowledged, on any event loop
oddities
├── a wish for another protocol: what follows it is neither its body nor a request
└── absolute and empty targets, unknown methods, old versions, any bytes at all: an answer or a close, never
    a crash; the gateway goes on
"""

import asyncio
import json
import re
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.gateway.connections import MOST_HEAD_BYTES, MOST_HEADERS, BoundedProtocol
from tests.backend.gateway.conftest import MODEL, House

CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
BODY = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}).encode()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
SECOND = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


async def said(house: House, *parts: bytes, end: bool = True) -> bytes:
    """Everything that comes back until the gateway closes, or, where `end`, we have closed our half."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(house.url.rpartition(":")[2]))
    got = b""
    try:
        async with asyncio.timeout(30):
            for part in parts:
                writer.write(part)
                await writer.drain()
            if end:
                writer.write_eof()
            while piece := await reader.read(65_536):
                got += piece
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
    return got


def statuses(got: bytes) -> list[int]:
    return [int(found) for found in STATUS.findall(got)]


class TestSmuggling:
    async def test_of_requests_whose_end_is_not_sure(self, house: House, pass_key: str) -> None:
        """In each, one reader's body is another's second request."""
        key = b"Authorization: Bearer " + pass_key.encode() + b"\r\n"
        unsure = [
            LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED,
            b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNKED,
            LENGTH + b"Content-Length: 0\r\n\r\n" + BODY,
            LENGTH + LENGTH + b"\r\n" + BODY,
            b"Content-Length: +%d\r\n\r\n" % len(BODY) + BODY,
            b"Content-Length: %d, %d\r\n\r\n" % (len(BODY), len(BODY)) + BODY,
            b"Content-Length: 0x%x\r\n\r\n" % len(BODY) + BODY,
            b"Content-Length: -1\r\n\r\n" + BODY,
            b"Content-Length: 99999999999999999999999\r\n\r\n" + BODY,
            b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKED,
            b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED,
            b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKED,
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + CHUNKED,
            b"Transfer-Encoding:\x0bchunked\r\n\r\n" + CHUNKED,
            b"X-Folded: a\r\n " + LENGTH + b"\r\n" + BODY,
            b"Content-Length: 5\n\n" + BODY,
            b"X: a\rContent-Length: 5\r\n\r\n" + BODY,
            b"X\x00: a\r\n" + LENGTH + b"\r\n" + BODY,
            b"X: a\x00b\r\n" + LENGTH + b"\r\n" + BODY,
            b" X: a\r\n" + LENGTH + b"\r\n" + BODY,
            b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + BODY,
            b"Transfer-Encoding: chunked\r\n\r\n%x\n%b\n0\n\n" % (len(BODY), BODY),
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%bXX0\r\n\r\n" % (len(BODY), BODY),
            b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + BODY,
        ]
        for rest in unsure:
            found = statuses(await said(house, CHAT + key + rest + SECOND))
            assert len(found) <= 1, (rest[:80], found)
            assert found in ([], [400]), (rest[:80], found)
        assert not house.model.asked

    async def test_of_a_second_credential(self, house: House, pass_key: str) -> None:
        good, bad = b"Authorization: Bearer " + pass_key.encode(), b"Authorization: Bearer other"
        for pair in (
            (good, bad),
            (bad, good),
            (good, good),
            (good, bad.upper()),
            (good, b"x-api-key: other"),
        ):
            head = CHAT + b"\r\n".join(pair) + b"\r\nConnection: close\r\n" + LENGTH + b"\r\n"
            (status,) = statuses(await said(house, head + BODY, end=False))
            assert status in (400, 401)
        assert not house.model.asked

    async def test_of_headers_behind_the_body(self, house: House, pass_key: str) -> None:
        """A proxy has judged the head; what comes behind the body was not among it."""
        head = b"POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        trailer = b"Authorization: Bearer " + pass_key.encode()
        rest = (
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n" + trailer + b"\r\n\r\n"
        )
        assert statuses(await said(house, head + rest, end=False)) == [401]

    async def test_of_a_second_request(self, house: House, pass_key: str) -> None:
        key = b"Authorization: Bearer " + pass_key.encode() + b"\r\n"
        stranger = CHAT + LENGTH + b"Connection: close\r\n\r\n" + BODY
        got = await said(house, CHAT + key + LENGTH + b"\r\n" + BODY + stranger, end=False)
        assert statuses(got) == [200, 401]
        assert len(house.model.asked) == 1


class TestBounds:
    async def test_of_a_head(self, house: House) -> None:
        get = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
        large = [
            get + b"X: " + b"a" * 16 * MOST_HEAD_BYTES + b"\r\n\r\n",
            get + b"X: " + b"a" * 16 * MOST_HEAD_BYTES,
            get + b"".join(b"X-%d: a\r\n" % at for at in range(MOST_HEADERS + 1)) + b"\r\n",
            b"GET /" + b"a" * 16 * MOST_HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
            b"POST /v1/keys HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;x="
            + b"a" * 16 * MOST_HEAD_BYTES,
            b"POST /v1/keys HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: "
            + b"a" * 16 * MOST_HEAD_BYTES,
        ]
        for head in large:
            got = await said(
                house, *(head[at : at + 16_384] for at in range(0, len(head), 16_384)), end=False
            )
            assert set(statuses(got)) <= {400, 401, 404, 414, 431}, got[:200]

    async def test_of_waiting(self, house: House) -> None:
        before = BoundedProtocol.head_seconds
        BoundedProtocol.head_seconds = 0.3
        try:
            for part in (b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow"):
                assert await said(house, part, end=False) == b""
        finally:
            BoundedProtocol.head_seconds = before

    async def test_of_a_body_behind_its_refusal(self, house: House, pass_key: str) -> None:
        before = BoundedProtocol.linger_seconds
        BoundedProtocol.linger_seconds = 0.3
        try:
            size = house.settings.max_body_bytes + 1
            head = CHAT + b"Authorization: Bearer " + pass_key.encode() + b"\r\n"
            got = await said(house, head + b"Content-Length: %d\r\n\r\n" % size, b"x" * 1_000, end=False)
            assert statuses(got) == [413]
        finally:
            BoundedProtocol.linger_seconds = before


class TestDelay:
    async def test_is_not_of_the_socket(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """asyncio's own loop leaves Nagle's algorithm on where the listening socket names no protocol."""
        found = []
        connected = BoundedProtocol.connection_made

        def noted(self: BoundedProtocol, transport: Any) -> None:
            connected(self, transport)
            opened = transport.get_extra_info("socket")
            found.append(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        monkeypatch.setattr(BoundedProtocol, "connection_made", noted)
        assert STATUS.match(await said(house, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
        assert found == [1]


class TestOddities:
    async def test_of_an_upgrade(self, house: House, pass_key: str) -> None:
        """Some clients offer HTTP/2 so. Behind such a head the parser takes a body for the next request."""
        for wish in (b"h2c", b"websocket"):
            offer = b"Connection: Upgrade\r\nUpgrade: " + wish + b"\r\n"
            inner = b"Content-Length: %d\r\n\r\n" % len(SECOND) + SECOND
            assert statuses(await said(house, CHAT + offer + inner, SECOND)) == [400]
            get = b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + offer + b"\r\n"
            assert statuses(await said(house, get, SECOND)) == [200]

    async def test_of_lines_and_targets(self, house: House) -> None:
        lines = [
            b"GET http://elsewhere.example/healthz HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
            b"GET //elsewhere.example/%2e%2e/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
            b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
            b"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
            b"BREW /coffee HTTP/1.1\r\nHost: x\r\n\r\n",
            b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /healthz HTTP/9.9\r\n\r\n",
            b"GET /healthz HTTP/1.0\r\n\r\n",
            b"GET /healthz\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\r\n" * 1_000 + SECOND,
            b"GET /v1/services HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        ]
        for line in lines:
            got = await said(house, line)
            assert all(status < 500 for status in statuses(got)), (line, got[:200])
        assert statuses(await said(house, SECOND))[0] == 200

    async def test_of_any_bytes(self, house: House) -> None:
        """Pieces of requests in any order, and anything between them."""
        pieces = st.sampled_from(
            [
                CHAT,
                LENGTH,
                BODY,
                CHUNKED,
                SECOND,
                b"\r\n",
                b"\n",
                b":",
                b" ",
                b"Transfer-Encoding: chunked\r\n",
            ]
        )
        streams: list[bytes] = []

        @settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(st.one_of(pieces, st.binary(max_size=20)), min_size=1, max_size=8))
        def collect(parts: list[bytes]) -> None:
            streams.append(b"".join(parts))

        collect()
        for stream in streams:
            got = await said(house, stream)
            assert all(status < 500 for status in statuses(got)), (stream, got[:200])
        assert not house.model.asked
        assert statuses(await said(house, SECOND))[0] == 200
