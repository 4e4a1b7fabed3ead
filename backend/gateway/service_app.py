"""Services that are no language models, as pure ASGI: `invoke` for any JSON, `data` for files."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final
from urllib.parse import unquote

from backend.catalog.names import name_of
from backend.core.errors import (
    BodyTooLarge,
    EmporionError,
    MalformedRequest,
    NotFound,
    UpstreamError,
    UpstreamTimeout,
)
from backend.core.units import SERVICE_ID_LIMIT, ChainId, ServiceId
from backend.gateway.answers import decided_headers
from backend.gateway.asgi import Receive, Scope, header
from backend.gateway.metered_app import MeteredApp, MeteredParts, require_method, until_gone
from backend.gateway.plain_jobs import (
    DataJob,
    DataRead,
    Invocation,
    InvokeJob,
    check_answer,
    read_invocation,
    usage_of_call,
)
from backend.gateway.plain_relay import PlainRelay
from backend.gateway.relay import Delivery
from backend.gateway.served import Turn
from backend.inference.router import Answer, Member
from backend.inference.schemas import ServiceKey
from backend.inference.upstream import Upstream, UpstreamReply
from backend.inference.upstreams import PlainUpstream
from backend.storage.blobs import BlobStore

PREFIX: Final = "/v1/services/"
_PATH: Final = re.compile(r"/v1/services/([0-9]{1,10})/(?:(invoke)|data/(.{1,200}))")
INVOKE: Final = "/v1/services/{id}/invoke"
DATA: Final = "/v1/services/{id}/data/{path}"


class ServiceApp(MeteredApp):
    """Serves `POST /v1/services/{id}/invoke` and `GET /v1/services/{id}/data/{path}`."""

    def __init__(self, parts: MeteredParts, relay: PlainRelay, chain_id: ChainId, blobs: BlobStore) -> None:
        super().__init__(parts)
        self._plain = relay
        self._chain_id = chain_id
        self._blobs = blobs

    def serves(self, path: str) -> bool:
        """Whether a path is one of ours."""
        return path.startswith(PREFIX) and _PATH.fullmatch(path) is not None

    async def serve(self, scope: Scope, receive: Receive, delivery: Delivery, request_id: str) -> None:
        """One call or read."""
        number, invoke, path = _parts_of(scope["path"])
        model = name_of(self._chain_id, number)
        if invoke:
            await self._invoke(model, scope, receive, delivery, request_id)
        else:
            require_method(scope, "GET")
            await self._data(model, path, scope, receive, delivery, request_id)

    async def _invoke(
        self, model: str, scope: Scope, receive: Receive, delivery: Delivery, request_id: str
    ) -> None:
        parts = self._parts
        asked, body = await self.posted(scope, receive, request_id)
        started, started_at = parts.clock.monotonic(), parts.clock.now()
        job = read_invocation(model, body)
        admitted = await parts.admission.admit(asked, job)
        turn = Turn(admitted, INVOKE, body, started, started_at)
        with parts.holds.keeping(admitted.hold):
            work = self._undone(turn, self._called(turn, job, delivery), delivery)
            await until_gone(work, receive, delivery, comments=False)

    async def _called(self, turn: Turn[Invocation], job: InvokeJob, delivery: Delivery) -> None:
        bound, asked = turn.admitted.prepared, turn.admitted.asked

        async def posted(upstream: Upstream) -> UpstreamReply:
            return await upstream.request("", turn.body, stream=False, request_id=asked.request_id)

        sent = self._parts.clock.monotonic()
        body = await self._whole(turn, bound, posted)
        took = self._parts.clock.monotonic() - sent
        value = check_answer(turn.admitted.listed, body)
        usage = usage_of_call(bound, job, body, value, took)
        headers = decided_headers(turn.admitted, self.late_by())
        await self._plain.whole(turn, body, usage, delivery, headers)

    async def _whole(
        self,
        turn: Turn[Invocation],
        bound: Invocation,
        send: Callable[[Upstream], Awaitable[UpstreamReply]],
    ) -> bytes:
        """The answer within the plan's size and time. Raises UpstreamError, UpstreamTimeout."""
        try:
            async with asyncio.timeout(bound.most_seconds):
                answer = await self._parts.router.ask(
                    await self._members(turn), send, turn.admitted.asked.request_id, events=False
                )
                turn.first_byte = self._parts.clock.monotonic()
                try:
                    return await answer.read(bound.most_bytes)
                finally:
                    answer.close()
        except TimeoutError:
            raise UpstreamTimeout(f"the service took longer than the plan's {bound.most_seconds} s") from None
        except BodyTooLarge as error:
            raise UpstreamError("the service's answer is larger than the plan allows") from error

    async def _data(
        self, model: str, path: str, scope: Scope, receive: Receive, delivery: Delivery, request_id: str
    ) -> None:
        parts = self._parts
        asked = await self.asked(scope, request_id)
        started, started_at = parts.clock.monotonic(), parts.clock.now()
        asked.require_body(b"")
        job = DataJob(model, path, header(scope, b"range"), header(scope, b"if-range"))
        admitted = await parts.admission.admit(asked, job)
        said = f"GET {scope['path']} {job.asked or ''}".rstrip().encode()
        turn = Turn(admitted, DATA, said, started, started_at)
        with parts.holds.keeping(admitted.hold):
            work = self._undone(turn, self._read(turn, delivery), delivery)
            await until_gone(work, receive, delivery, comments=False)

    async def _read(self, turn: Turn[DataRead], delivery: Delivery) -> None:
        read, headers = turn.admitted.prepared, decided_headers(turn.admitted, self.late_by())
        if not read.range.length or await self._blobs.size(read.file.hash) == read.file.size:
            part = read.range
            pieces = self._blobs.read(read.file.hash, part.start, part.length) if part.length else _nothing()
            turn.first_byte = self._parts.clock.monotonic()
            await self._plain.file(turn, pieces, delivery, headers)
            return
        answer = await self._opened(turn)
        turn.first_byte = self._parts.clock.monotonic()
        try:
            await self._plain.file(turn, answer.chunks(), delivery, headers)
        finally:
            answer.close()

    async def _opened(self, turn: Turn[DataRead]) -> Answer:
        read, request_id = turn.admitted.prepared, turn.admitted.asked.request_id

        async def fetched(upstream: Upstream) -> UpstreamReply:
            assert isinstance(upstream, PlainUpstream)
            part = read.range
            return await upstream.read(read.file.path, part.start, part.length, read.file.size, request_id)

        return await self._parts.router.ask(await self._members(turn), fetched, request_id, events=False)

    async def _undone(self, turn: Turn[Any], work: Awaitable[None], delivery: Delivery) -> None:
        """Whatever fails before the answer begins leaves one row that charges nothing."""
        try:
            await work
        except BaseException as error:
            if not delivery.begun:
                undo = isinstance(error, EmporionError) and not isinstance(error, UpstreamError)
                parts = self._parts
                await asyncio.shield(
                    parts.admission.release(turn.admitted) if undo else self._plain.failed(turn, error)
                )
            raise

    async def _members(self, turn: Turn[Any]) -> Sequence[Member]:
        """The service's plain upstreams. Raises NotFound for a service that is called by the model routes."""
        key = ServiceKey(turn.admitted.standing.chain_id, turn.admitted.listed.service_id)
        members = await self._parts.upstreams.members(key)
        plain = [member for member in members if isinstance(member.upstream, PlainUpstream)]
        if members and not plain:
            raise NotFound("this service is a language model: call it by /v1/chat/completions and its kind")
        return plain


async def _nothing() -> AsyncIterator[bytes]:
    """The pieces of an empty file."""
    empty: tuple[bytes, ...] = ()
    for piece in empty:
        yield piece


def _parts_of(path: str) -> tuple[ServiceId, bool, str]:
    found = _PATH.fullmatch(path)
    if found is None or not 0 < int(found[1]) < SERVICE_ID_LIMIT:
        raise NotFound("there is no such service")
    if found[3] is not None and unquote(found[3]) != found[3]:
        raise MalformedRequest("a file's path holds no escapes")
    return ServiceId(int(found[1])), found[2] is not None, found[3] or ""
