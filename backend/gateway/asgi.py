"""The few pieces of ASGI that the lean path needs: reading a body, sending an answer."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from backend.core.errors import BodyTooLarge, MalformedRequest, RequestError, RequestTimeout

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

BODY_SECONDS: Final = 30.0
"""Longest time a body may take where no setting says otherwise."""


class ClientGone(RequestError):
    """The client closed the connection; nobody reads an answer."""

    status = 499
    code = "client_gone"


def header(scope: Scope, name: bytes) -> str | None:
    """A header's value, None where it is absent. Raises MalformedRequest where it comes twice or is no
    ASCII.
    """
    found = [value for key, value in scope["headers"] if key == name]
    if len(found) > 1:
        raise MalformedRequest(f"the header {name.decode()} was sent twice; send it once")
    try:
        return found[0].decode("ascii") if found else None
    except UnicodeDecodeError:
        raise MalformedRequest(f"the header {name.decode()} is not ASCII") from None


def header_number(scope: Scope, name: bytes) -> int | None:
    """A header that is a whole number; None without one. Raises MalformedRequest."""
    text = header(scope, name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise MalformedRequest(f"the header {name.decode()} must be a whole number")
    return int(text)


async def read_body(scope: Scope, receive: Receive, limit: int, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as that is known, RequestTimeout, ClientGone."""
    declared = header(scope, b"content-length")
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    deadline = Deadline(seconds)
    try:
        return await _all_parts(receive, limit)
    except asyncio.CancelledError:
        if deadline.has_cancelled():
            raise RequestTimeout(f"the body did not arrive within {seconds:.0f} s; send it again") from None
        raise
    finally:
        deadline.end()


class Deadline:
    """Cancels the task that made it when time is up: `asyncio.timeout` for where its cost is felt, a fifth of
    it.
    """

    __slots__ = ("_cancelled", "_task", "_timer")

    def __init__(self, seconds: float = BODY_SECONDS) -> None:
        self._task = asyncio.current_task()
        self._cancelled = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._cancel)

    def has_cancelled(self) -> bool:
        """Whether it was this that cancelled; the task is then cancelled no more."""
        if self._cancelled and self._task is not None:
            self._task.uncancel()
        return self._cancelled

    def end(self) -> None:
        """Let the task be."""
        self._timer.cancel()

    def _cancel(self) -> None:
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()


async def _all_parts(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("the client left before its body was read")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts) if len(parts) > 1 else parts[0]


def too_large(limit: int) -> BodyTooLarge:
    """The error for a body over a limit in bytes."""
    return BodyTooLarge(f"the body is larger than {limit} bytes", limit=limit)


async def send_whole(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """A complete answer."""
    sized = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body})
