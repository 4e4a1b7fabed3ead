"""Reading a body.

read_body
├── joins what comes in parts
├── refuses one that is too large, and one that does not arrive in time
├── gives up where the client left
└── lets a cancellation from outside through, in time or late
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from backend.core.errors import BodyTooLarge, RequestTimeout
from backend.gateway.asgi import ClientGone, Receive, read_body

LIMIT = 10


def receiving(*messages: dict[str, Any]) -> Receive:
    """Gives these messages, then nothing any more."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


def parts(bodies: Sequence[bytes]) -> list[dict[str, Any]]:
    last = len(bodies) - 1
    return [
        {"type": "http.request", "body": body, "more_body": place < last} for place, body in enumerate(bodies)
    ]


async def read(receive: Receive, seconds: float = 60.0) -> bytes:
    return await read_body({"headers": []}, receive, LIMIT, seconds)


class TestReadBody:
    @pytest.mark.parametrize("bodies", [[b""], [b"abc"], [b"abc", b"", b"defg"], [b"x" * LIMIT]])
    async def test_joins_parts(self, bodies: list[bytes]) -> None:
        assert await read(receiving(*parts(bodies))) == b"".join(bodies)

    async def test_refuses_a_large_one(self) -> None:
        with pytest.raises(BodyTooLarge):
            await read(receiving(*parts([b"x" * LIMIT, b"x"])))

    async def test_refuses_a_late_one(self) -> None:
        with pytest.raises(RequestTimeout, match="did not arrive within"):
            await read(receiving({"type": "http.request", "body": b"a", "more_body": True}), seconds=0.01)
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]

    async def test_gives_up_where_the_client_left(self) -> None:
        with pytest.raises(ClientGone):
            await read(receiving({"type": "http.disconnect"}))

    async def test_lets_a_cancellation_through(self) -> None:
        reading = asyncio.create_task(read(receiving()))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
