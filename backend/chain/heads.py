"""New heads as a node announces them: `eth_subscribe` over a WebSocket, as go-ethereum has it."""

from collections.abc import AsyncIterator
from typing import Final, Protocol

import orjson
from yarl import URL

from backend.chain.client import parse_header
from backend.chain.events import Header
from backend.core.errors import NodeError, NodeUnreachable, UpstreamError
from backend.net.client import HttpClient

_SUBSCRIBE: Final = '{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}'


class HeadFeed(Protocol):
    """What announces new heads."""

    def heads(self) -> AsyncIterator[Header]:
        """Headers as they become the chain's head, those of a new branch too.

        Raises NodeUnreachable when the connection is lost, NodeError when the node has no subscriptions.
        """
        ...


class SocketHeads:
    """One node behind a ws:// or wss:// URL."""

    def __init__(self, http: HttpClient, url: str) -> None:
        self._http = http
        self._url = URL(url)

    async def heads(self) -> AsyncIterator[Header]:
        """Headers as they become the chain's head."""
        try:
            async with self._http.socket(self._url) as socket:
                await socket.send(_SUBSCRIBE)
                async for text in socket.messages():
                    if header := self._read(text):
                        yield header
        except UpstreamError as error:
            raise NodeUnreachable(f"no heads from {self._url.host}: {error.message}") from error
        raise NodeUnreachable(f"{self._url.host} closed the subscription of heads")

    def _read(self, text: str) -> Header | None:
        message = orjson.loads(text)
        if "error" in message:
            raise NodeError(f"{self._url.host} takes no subscription of heads; leave EMPORION_WS_URL empty")
        return parse_header(message["params"]["result"]) if "params" in message else None
