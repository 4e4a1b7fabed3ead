"""Answering while somebody watches whether the client is still there.

until_gone, amid a stream
├── given a silence that is long enough: a comment, counted from the last byte, not from when it looked
├── given a stream that speaks, or whose head is not out yet: none
├── given an answer that takes no comments: none, however long
└── given a client that leaves: the answer is given up
"""

import asyncio

import pytest

from backend.core.clock import SystemClock
from backend.gateway.asgi import ClientGone, Message
from backend.gateway.metered_app import KEEP_ALIVE, KEEP_ALIVE_SECONDS, until_gone
from backend.gateway.relay import Delivery

ANSWERING = 0.6
"""Seconds that an answer takes here: less than a silence."""


class Client:
    """What was sent to it; it leaves when told to."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.gone = asyncio.Event()

    async def send(self, message: Message) -> None:
        self.got.append(message.get("body", b""))

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    def delivery(self, silent_for: float, *, begun: bool = True) -> Delivery:
        clock = SystemClock()
        return Delivery(self.send, clock, begun=begun, last=clock.monotonic() - silent_for)


async def answer() -> None:
    await asyncio.sleep(ANSWERING)


class TestUntilGone:
    async def test_tells_of_life_after_a_silence(self) -> None:
        client = Client()
        delivery = client.delivery(KEEP_ALIVE_SECONDS - ANSWERING / 2)
        await until_gone(answer(), client.receive, delivery)
        assert client.got == [KEEP_ALIVE]
        assert delivery.delivered == b""

    @pytest.mark.parametrize("begun", [True, False])
    async def test_is_quiet_where_there_is_no_silence(self, begun: bool) -> None:
        client = Client()
        await until_gone(answer(), client.receive, client.delivery(0.0, begun=begun))
        assert client.got == []

    async def test_is_quiet_where_comments_have_no_place(self) -> None:
        client = Client()
        delivery = client.delivery(2 * KEEP_ALIVE_SECONDS)
        await until_gone(answer(), client.receive, delivery, comments=False)
        assert client.got == []

    async def test_gives_up_where_the_client_leaves(self) -> None:
        client = Client()
        asyncio.get_running_loop().call_later(ANSWERING / 2, client.gone.set)
        with pytest.raises(ClientGone):
            await until_gone(asyncio.sleep(60), client.receive, client.delivery(0.0))
