"""A request's id: made here, never taken from the caller, in every answer and log line."""

import re
import secrets
import time
from typing import Final

from backend.gateway.asgi import App, Message, Receive, Scope, Send

_KEY: Final = "emporion.request_id"
_SHAPE: Final = re.compile(r"req_[0-9a-f]{32}")


def new_request_id() -> str:
    """A fresh id: 48 bits of the wall clock's milliseconds, 80 of chance.

    Holds and usage rows are stored by it. With chance alone each would touch a page of its own of that index;
    a clock that is set back costs no more than that.
    """
    return f"req_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def is_request_id(text: str) -> bool:
    """Whether a text could be one of ours."""
    return _SHAPE.fullmatch(text) is not None


def request_id_of(scope: Scope) -> str:
    """The id of a request; made at the first call."""
    found: str = scope.setdefault(_KEY, new_request_id())
    return found


class RequestIds:
    """Pure ASGI middleware: `x-request-id` on every answer of the app it wraps."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = request_id_of(scope).encode()

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [pair for pair in message.get("headers", []) if pair[0] != b"x-request-id"]
                message = {**message, "headers": [*headers, (b"x-request-id", name)]}
            await send(message)

        await self._app(scope, receive, with_id)
