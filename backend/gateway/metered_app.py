"""What every metered route does first and last: who asks, errors as answers, callers that leave."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from backend.accounts.key_use import KeyUse
from backend.accounts.resolver import CredentialResolver
from backend.core.clock import Clock
from backend.core.errors import Draining, EmporionError, MethodNotAllowed
from backend.core.logs import get_logger
from backend.core.units import PlanId, hex_of
from backend.entitlement.head import HeadWatch
from backend.gateway.admission import Admission, Asked
from backend.gateway.asgi import (
    ClientGone,
    Receive,
    Scope,
    Send,
    header,
    header_number,
    read_body,
    send_whole,
)
from backend.gateway.client_address import ClientAddress
from backend.gateway.credentials import presented
from backend.gateway.error_replies import error_reply, send_error
from backend.gateway.metrics import Observer, Tracing
from backend.gateway.relay import Delivery, Relay
from backend.gateway.request_ids import new_request_id
from backend.gateway.served import Fingerprints
from backend.inference.faults import masked
from backend.inference.router import Member, Router
from backend.inference.schemas import ServiceKey
from backend.meter.holds import HoldKeeper

KEEP_ALIVE_SECONDS: Final = 15.0
KEEP_ALIVE: Final = b": keep-alive\n\n"
LEAST_PATIENCE: Final = 0.05
LOOK_SECONDS: Final = 0.1
"""An answer that took less was sent before anybody looked whether its client had left."""


class MembersOf(Protocol):
    """Knows the live upstreams of a service."""

    async def members(self, service: ServiceKey) -> Sequence[Member]:
        """Empty where none is bound."""
        ...


@dataclass(frozen=True, slots=True)
class MeteredParts:
    """What the metered routes are made of."""

    resolver: CredentialResolver
    key_use: KeyUse
    admission: Admission
    upstreams: MembersOf
    router: Router
    relay: Relay
    holds: HoldKeeper
    watch: HeadWatch
    fingerprints: Fingerprints
    addresses: ClientAddress
    clock: Clock
    max_body_bytes: int
    body_seconds: int
    observer: Observer
    traces: Tracing | None = None


class MeteredApp:
    """Serves requests one by one. `drain` lets running ones end and refuses new ones."""

    def __init__(self, parts: MeteredParts) -> None:
        self._parts = parts
        self._draining = False
        self._log = get_logger("gateway")

    def drain(self) -> None:
        """Take no new requests."""
        self._draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, to its end."""
        request_id = new_request_id()
        delivery = Delivery(send, self._parts.clock)
        if self._parts.traces is not None:
            self._parts.traces.begin(scope, request_id)
        try:
            self._refuse_while_draining()
            await self.serve(scope, receive, delivery, request_id)
        except ClientGone:
            return
        except EmporionError as error:
            self._told(error, request_id)
            if delivery.begun:
                raise
            await self._refuse(send, masked(error), scope["path"], request_id)
        except Exception:
            self._log.exception("gateway.request.crashed", request_id=request_id)
            if delivery.begun:
                raise
            await send_error(send, EmporionError("unexpected"), scope["path"], request_id)

    async def serve(self, scope: Scope, receive: Receive, delivery: Delivery, request_id: str) -> None:
        """What a kind of route does. Raises EmporionError, which becomes the answer."""
        raise MethodNotAllowed(f"{scope['path']} is not served")

    async def asked(self, scope: Scope, request_id: str) -> Asked:
        """Who asks, and what the headers say. Raises InvalidCredential, MalformedRequest."""
        said = presented(scope, self._parts.addresses)
        principal = await self._parts.resolver.resolve(said)
        self._parts.key_use.count(principal, said.client)
        await self._parts.admission.take_voucher(principal, header(scope, b"emporion-voucher"))
        plan, block = header_number(scope, b"emporion-plan"), header_number(scope, b"emporion-min-block")
        chosen = None if plan is None else PlanId(plan)
        return Asked(request_id, principal, said.client, chosen, block, said.signed)

    async def posted(self, scope: Scope, receive: Receive, request_id: str) -> tuple[Asked, bytes]:
        """Who asks, and the whole body. Raises MethodNotAllowed, InvalidCredential, BodyTooLarge, ..."""
        require_method(scope, "POST")
        asked = await self.asked(scope, request_id)
        body = await read_body(scope, receive, self._parts.max_body_bytes, self._parts.body_seconds)
        asked.require_body(body)
        return asked, body

    def late_by(self) -> int | None:
        """Seconds of the index's silence where that is worth a word."""
        return self._parts.watch.lag() if self._parts.watch.is_late() else None

    def _refuse_while_draining(self) -> None:
        if self._draining:
            raise Draining("this process is stopping; send the request again")

    async def _refuse(self, send: Send, error: EmporionError, path: str, request_id: str) -> None:
        """Answer with an error, and the block it was decided at."""
        headers, body = error_reply(error, path, request_id)
        if (block := self._parts.watch.known) is not None:
            headers.append((b"emporion-block", f"{block.number} {hex_of(block.hash)}".encode()))
        await send_whole(send, error.status, headers, body)

    def _told(self, error: EmporionError, request_id: str) -> None:
        self._parts.observer.refused(error)
        if error.status >= 500:
            self._log.warning(
                "gateway.request.failed", request_id=request_id, code=error.code, reason=error.message
            )


def require_method(scope: Scope, wanted: str) -> None:
    """Raises MethodNotAllowed for another."""
    if scope["method"] != wanted:
        raise MethodNotAllowed(f"{scope['path'][:300]} takes {wanted} only")


async def until_gone(
    answering: Coroutine[Any, Any, None], receive: Receive, delivery: Delivery, *, comments: bool = True
) -> None:
    """Answer, unless the client leaves first: then the upstream is dropped at once. Raises ClientGone.

    `comments`: whether an idle stream is kept alive by them.
    """
    watch = _Watch(lambda: _left(receive, delivery, comments))
    try:
        await answering
    except asyncio.CancelledError:
        if watch.has_cancelled():
            raise ClientGone("the client left") from None
        raise
    finally:
        await watch.end()


class _Watch:
    """Cancels the task that made it once `left` returns. It begins a little later: most answers are whole by
    then, and a task for each would cost as much as the answer's own handling.
    """

    def __init__(self, left: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._left = left
        self._answering = asyncio.current_task()
        self._task: asyncio.Task[None] | None = None
        self._ended = self._cancelled = False
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._begin)

    def has_cancelled(self) -> bool:
        """Whether it was this that cancelled; the task is then cancelled no more."""
        if self._cancelled and self._answering is not None:
            self._answering.uncancel()
        return self._cancelled

    async def end(self) -> None:
        """Watch no more."""
        self._ended = True
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._left())
        self._task.add_done_callback(self._seen)

    def _seen(self, task: "asyncio.Task[None]") -> None:
        if not self._ended and not task.cancelled() and self._answering is not None:
            self._cancelled = True
            self._answering.cancel()


async def _left(receive: Receive, delivery: Delivery, comments: bool) -> None:
    """Return when the client has left; meanwhile keep an idle stream alive."""
    while True:
        try:
            async with asyncio.timeout(_patience(delivery) if comments else None):
                message = await receive()
        except TimeoutError:
            if delivery.begun and delivery.idle() >= KEEP_ALIVE_SECONDS:
                await delivery.part(KEEP_ALIVE, comment=True)
            continue
        if message["type"] == "http.disconnect":
            return


def _patience(delivery: Delivery) -> float:
    """Seconds until a stream has been silent for long; a whole silence where its head is not out yet."""
    left = KEEP_ALIVE_SECONDS - delivery.idle() if delivery.begun else KEEP_ALIVE_SECONDS
    return max(left, LEAST_PATIENCE)
