"""The HTTP server under the gateway, with bounds that uvicorn leaves to a proxy: what a connection may send
before it has asked for anything, and for how long.

What is no request gets a short answer and the connection is closed: after it nobody can say where the next
one begins.
"""

import socket
from asyncio import TimerHandle
from contextlib import suppress
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES: Final = 64 * 1024
"""Of a request line and headers; also of anything else that is no body: chunk extensions, trailers."""
MOST_HEADERS: Final = 100
HEAD_SECONDS: Final = 15.0
"""Longest time from a connection, or a request's first byte, to the end of its headers."""
LINGER_SECONDS: Final = 5.0
"""How long the rest of a body is taken in after its answer was sent, so that the answer is read."""
_OF_A_BODY: Final = frozenset({b"content-length", b"transfer-encoding"})


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Its bounds are the class's, for tests to change."""

    head_seconds = HEAD_SECONDS
    linger_seconds = LINGER_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._unspent = 0
        self._deaf = False
        self._deadline: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for a request, not for ever. Answers are not held back until earlier bytes are acknowledged.

        uvloop sees to the latter itself; asyncio's own loop does only for sockets that name their protocol.
        """
        super().connection_made(transport)
        with suppress(OSError):  # macOS refuses it for a client that has left already
            if (opened := transport.get_extra_info("socket")) is not None:
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._within(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more to wait for."""
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if self._deaf:
            return
        if self._in_head and self._deadline is None:
            self._within(self.head_seconds)
        self._unspent += len(data)
        super().data_received(data)
        if self._unspent > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The request's headers are too large.")

    def on_message_begin(self) -> None:
        """A request's first byte."""
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; of trailers none is taken, as they would pass for headers."""
        if not self._in_head:
            return
        if len(self.headers) >= MOST_HEADERS or len(name) + len(value) > MOST_HEAD_BYTES:
            raise ValueError("too many headers")  # the parser turns it into a refusal
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The headers are there; a body may follow at its own pace, which the application bounds.

        No other protocol is spoken here. To the parser, what follows a wish for one is no body, and would be
        read as the next request: so with a body it is refused, and without one it is the connection's last.
        """
        self._deaf = self.parser.should_upgrade()
        if self._deaf and any(name in _OF_A_BODY for name, _ in self.headers):
            raise ValueError("a body beside an upgrade")
        self._in_head = False
        self._unspent = 0
        self._in_time()
        super().on_headers_complete()
        if self._deaf:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        self._unspent = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_head = True
        self._unspent = 0
        self._in_time()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Answered: a body that still comes is taken in for a while, then the connection is closed."""
        super().on_response_complete()
        if not self._in_head and not self.transport.is_closing():
            self._within(self.linger_seconds)

    def _within(self, seconds: float) -> None:
        self._in_time()
        self._deadline = self.loop.call_later(seconds, self._too_late)

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        self.transport.close()


def server_config(app: Any, **more: Any) -> uvicorn.Config:
    """How the gateway is served, by the command line and in tests."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        server_header=False,
        access_log=False,
        proxy_headers=False,
        **more,
    )
