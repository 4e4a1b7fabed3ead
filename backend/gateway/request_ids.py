"""A request's id: made here, never taken from the caller, in every answer and log line."""

import secrets

from backend.gateway.asgi import App, Message, Receive, Scope, Send

_KEY = "emporion.request_id"


def request_id_of(scope: Scope) -> str:
    """The id of a request; made at the first call."""
    found: str = scope.setdefault(_KEY, f"req_{secrets.token_hex(16)}")
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
