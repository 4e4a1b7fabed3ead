"""Answers that come piece by piece and leave nothing open."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class StreamedResponse(StreamingResponse):
    """Starlette's, with what it reads from closed and ``ended`` called before the call returns.

    A reader who leaves would otherwise keep a connection until the garbage collector comes, and a place under
    the limits for ever where the first piece was never asked for.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        media_type: str,
        headers: dict[str, str],
        ended: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._pieces = pieces
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; an ASGI application."""
        try:
            async with aclosing(self._pieces):
                await super().__call__(scope, receive, send)
        finally:
            if self._ended is not None:
                await self._ended()
