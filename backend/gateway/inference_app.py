"""The model routes as pure ASGI: authorise, admit, ask an upstream, relay, write down."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from backend.accounts.key_use import KeyUse
from backend.accounts.resolver import CredentialResolver
from backend.core.clock import Clock
from backend.core.errors import Draining, EmporionError, MalformedRequest, MethodNotAllowed, UpstreamError
from backend.core.logs import get_logger
from backend.core.units import PlanId
from backend.entitlement.head import HeadWatch
from backend.gateway.admission import Admission, Admitted, Asked
from backend.gateway.answers import decided_headers
from backend.gateway.asgi import ClientGone, Receive, Scope, Send, header, read_body
from backend.gateway.client_address import ClientAddress
from backend.gateway.credentials import presented
from backend.gateway.error_replies import send_error
from backend.gateway.holds import HoldKeeper
from backend.gateway.relay import Delivery, Relay
from backend.gateway.request_ids import new_request_id
from backend.gateway.served import Fingerprints, Turn
from backend.inference.operations import Operation
from backend.inference.prepare import read_call
from backend.inference.router import Answer, Member, Router
from backend.inference.schemas import ServiceKey

KEEP_ALIVE_SECONDS: Final = 15.0
KEEP_ALIVE: Final = b": keep-alive\n\n"
OPERATIONS: Final = {operation.value: operation for operation in Operation}


class MembersOf(Protocol):
    """Knows the live upstreams of a service."""

    async def members(self, service: ServiceKey) -> Sequence[Member]:
        """Empty where none is bound."""
        ...


@dataclass(frozen=True, slots=True)
class InferenceParts:
    """What the model routes are made of."""

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


class InferenceApp:
    """Serves the model routes. `drain` lets running requests end and refuses new ones."""

    def __init__(self, parts: InferenceParts) -> None:
        self._parts = parts
        self._draining = False
        self._log = get_logger("gateway")

    def serves(self, path: str) -> bool:
        """Whether a path is one of ours."""
        return path in OPERATIONS

    def drain(self) -> None:
        """Take no new requests."""
        self._draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, to its end."""
        request_id = new_request_id()
        delivery = Delivery(send, self._parts.clock)
        try:
            await self._serve(scope, receive, delivery, request_id)
        except ClientGone:
            return
        except EmporionError as error:
            self._told(error, request_id)
            await send_error(send, error, scope["path"], request_id)
        except Exception:
            self._log.exception("gateway.request.crashed", request_id=request_id)
            if delivery.begun:
                raise
            await send_error(send, EmporionError("unexpected"), scope["path"], request_id)

    async def _serve(self, scope: Scope, receive: Receive, delivery: Delivery, request_id: str) -> None:
        parts = self._parts
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{scope['path']} takes POST only")
        if self._draining:
            raise Draining("this process is stopping; send the request again")
        asked = await self._asked(scope, request_id)
        body = await read_body(scope, receive, parts.max_body_bytes)
        operation = OPERATIONS[scope["path"]]
        started, started_at = parts.clock.monotonic(), parts.clock.now()
        admitted = await parts.admission.admit(asked, read_call(operation, body))
        turn = Turn(admitted, operation.value, body, started, started_at)
        with parts.holds.keeping(admitted.hold):
            await self._until_gone(turn, receive, delivery)

    async def _asked(self, scope: Scope, request_id: str) -> Asked:
        said = presented(scope, self._parts.addresses)
        principal = await self._parts.resolver.resolve(said)
        self._parts.key_use.count(principal, said.client)
        plan, block = _number(scope, b"emporion-plan"), _number(scope, b"emporion-min-block")
        return Asked(request_id, principal, said.client, None if plan is None else PlanId(plan), block)

    async def _until_gone(self, turn: Turn, receive: Receive, delivery: Delivery) -> None:
        """Answer, unless the client leaves first: then the upstream is dropped at once."""
        work = asyncio.ensure_future(self._answer(turn, delivery))
        watch = asyncio.ensure_future(_left(receive, delivery))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
                raise ClientGone("the client left")
            await work
        finally:
            watch.cancel()
            if not work.done():
                work.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)

    async def _answer(self, turn: Turn, delivery: Delivery) -> None:
        parts = self._parts
        try:
            answer = await self._open(turn)
        except UpstreamError:
            await asyncio.shield(parts.relay.failed(turn))
            raise
        except EmporionError:
            await asyncio.shield(parts.admission.release(turn.admitted))
            raise
        except BaseException:
            await asyncio.shield(parts.relay.failed(turn))
            raise
        try:
            await self._relay(turn, answer, delivery)
        finally:
            answer.close()

    async def _relay(self, turn: Turn, answer: Answer, delivery: Delivery) -> None:
        parts = self._parts
        turn.first_byte = parts.clock.monotonic()
        turn.made = parts.fingerprints.made_by(answer.upstream)
        late = parts.watch.lag() if parts.watch.is_late() else None
        headers = decided_headers(turn.admitted, late)
        if turn.admitted.prepared.stream:
            await parts.relay.stream(turn, answer, delivery, headers)
            return
        try:
            await parts.relay.whole(turn, answer, delivery, headers)
        except BaseException:
            # Written down only if nothing was: a second row of the same request changes nothing.
            await asyncio.shield(parts.relay.failed(turn))
            raise

    async def _open(self, turn: Turn) -> Answer:
        admitted: Admitted = turn.admitted
        prepared = admitted.prepared
        key = ServiceKey(admitted.standing.chain_id, admitted.listed.service_id)
        return await self._parts.router.open(
            await self._parts.upstreams.members(key),
            turn.route,
            prepared.body_for,
            stream=prepared.stream,
            request_id=admitted.asked.request_id,
        )

    def _told(self, error: EmporionError, request_id: str) -> None:
        if error.status >= 500:
            self._log.warning(
                "gateway.request.failed", request_id=request_id, code=error.code, reason=error.message
            )


async def _left(receive: Receive, delivery: Delivery) -> None:
    """Return when the client has left; meanwhile keep an idle stream alive."""
    while True:
        try:
            async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                message = await receive()
        except TimeoutError:
            if delivery.begun and delivery.clock.monotonic() - delivery.last >= KEEP_ALIVE_SECONDS:
                await delivery.part(KEEP_ALIVE, comment=True)
            continue
        if message["type"] == "http.disconnect":
            return


def _number(scope: Scope, name: bytes) -> int | None:
    text = header(scope, name)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 18:
        raise MalformedRequest(f"the header {name.decode()} must be a whole number")
    return int(text)
