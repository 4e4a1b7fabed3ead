"""Bodies of the routes beside the models: read whole, within a size and a time, before anything else
looks.
"""

from backend.core.errors import EmporionError
from backend.gateway.asgi import App, ClientGone, Message, Receive, Scope, Send, read_body
from backend.gateway.error_replies import send_error
from backend.gateway.request_ids import request_id_of

_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class BodyLimit:
    """Pure ASGI middleware: 413 over `limit` bytes, 408 for a body that takes longer than `seconds`."""

    def __init__(self, app: App, limit: int, seconds: float) -> None:
        self._app = app
        self._limit = limit
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        try:
            body = await read_body(scope, receive, self._limit, self._seconds)
        except ClientGone:
            return
        except EmporionError as error:
            await send_error(send, error, scope["path"], request_id_of(scope))
            return
        await self._app(scope, _replayed(body, receive), send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
