"""StreamedResponse: nothing stays open behind a reader who left.

├── read to the end: every piece, then it is ended
├── given a reader who left before the first piece: it is ended all the same
└── cancelled while a piece is on its way: closed and ended when the call returns
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from backend.gateway.streamed import StreamedResponse

SCOPE: dict[str, Any] = {"type": "http", "asgi": {"spec_version": "2.4"}}


class Source:
    """Pieces, and what has been done about them."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"one"
            yield b"two"
        finally:
            self.done.append("closed")

    async def ended(self) -> None:
        self.done.append("ended")

    def response(self) -> StreamedResponse:
        return StreamedResponse(self.pieces(), "text/plain", {}, self.ended)


async def receive() -> Any:
    return await asyncio.Event().wait()


class TestStreamedResponse:
    async def test_read_to_the_end(self) -> None:
        source, sent = Source(), list[Any]()

        async def send(message: Any) -> None:
            sent.append(message)

        await source.response()(SCOPE, receive, send)
        assert b"".join(one.get("body", b"") for one in sent) == b"onetwo"
        assert source.done == ["closed", "ended"]

    async def test_left_before_the_first_piece(self) -> None:
        async def send(message: Any) -> None:
            raise OSError("gone")

        source = Source()
        with pytest.raises(ClientDisconnect):
            await source.response()(SCOPE, receive, send)
        assert source.done == ["ended"]

    async def test_cancelled_amid_a_piece(self) -> None:
        reached = asyncio.Event()

        async def send(message: Any) -> None:
            if message.get("body"):
                reached.set()
                await asyncio.Event().wait()

        source = Source()
        response = source.response()
        task = asyncio.create_task(response(SCOPE, receive, send))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert source.done == ["closed", "ended"]
