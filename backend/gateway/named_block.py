"""Reads beside the models: the block they are answered from, and a block that is waited for."""

from typing import Final

from backend.core.errors import EmporionError
from backend.core.units import hex_of
from backend.entitlement.head import HeadWatch
from backend.gateway.asgi import App, Message, Receive, Scope, Send, header_number
from backend.gateway.error_replies import send_error
from backend.gateway.request_ids import request_id_of

_READS: Final = frozenset({"GET", "HEAD"})


class NamedBlock:
    """Pure ASGI middleware: `Emporion-Block` on every read, at least as new as `Emporion-Min-Block`.

    The head is taken before the rows are read, so that they are of this block or a later one. A block that
    does not come within `seconds` is not waited for longer: the answer names the older one it is of.
    """

    def __init__(self, app: App, watch: HeadWatch, seconds: float) -> None:
        self._app = app
        self._watch = watch
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != "http" or scope["method"] not in _READS or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        try:
            wanted = header_number(scope, b"emporion-min-block")
        except EmporionError as error:
            await send_error(send, error, scope["path"], request_id_of(scope))
            return
        if wanted is not None:
            await self._watch.wait_for(wanted, self._seconds)
        await self._app(scope, receive, self._named(send))

    def _named(self, send: Send) -> Send:
        if (head := self._watch.known) is None:
            return send
        named = (b"emporion-block", f"{head.number} {hex_of(head.hash)}".encode())

        async def with_block(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), named]}
            await send(message)

        return with_block
