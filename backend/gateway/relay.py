"""Answers from upstreams to callers: whole JSON bodies, and streams passed on as they come."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from backend.core.clock import Clock
from backend.core.errors import EmporionError, UpstreamError
from backend.gateway.admission import Admission
from backend.gateway.answers import paid_headers, receipt_comment
from backend.gateway.asgi import Headers, Send, send_whole
from backend.gateway.error_replies import openai_error
from backend.gateway.served import NOTHING, Accountant, Turn, hash_of
from backend.inference.faults import masked
from backend.inference.operations import Operation
from backend.inference.prepare import Prepared
from backend.inference.router import Answer
from backend.inference.stream import StreamScanner
from backend.inference.usage import Usage, usage_of
from backend.inference.words import words_of
from backend.meter.schemas import Outcome, Receipt

ANSWER_LIMIT: Final = 64 * 1024 * 1024
REST_SECONDS: Final = 0.25
"""An upstream that has said `[DONE]` and does not end its answer is not waited for longer."""
SSE: Final = b"text/event-stream; charset=utf-8"
ModelTurn = Turn[Prepared]
_JSON: Final = (b"content-type", b"application/json")
_NO_STORE: Final = (b"cache-control", b"no-store")


@dataclass(slots=True)
class Delivery:
    """What has gone out: whether the head was sent, the answer's own bytes, when the last ones went."""

    send: Send
    clock: Clock
    begun: bool = False
    parts: list[bytes] = field(default_factory=list)
    last: float = 0.0

    def idle(self) -> float:
        """Seconds since the last bytes went; means nothing before the head was sent."""
        return self.clock.monotonic() - self.last

    async def begin(self, headers: Headers) -> None:
        """Send the head of a stream."""
        self.begun = True
        self.last = self.clock.monotonic()
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})

    async def part(self, data: bytes, *, comment: bool = False) -> None:
        """Send bytes of a stream; comments are ours and no part of the answer."""
        self.last = self.clock.monotonic()
        if not comment:
            self.parts.append(data)
        await self.send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """Close a stream."""
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    @property
    def delivered(self) -> bytes:
        """The answer's bytes so far."""
        return b"".join(self.parts)


class Relay:
    """Passes answers on and has each written down exactly once, before it ends."""

    def __init__(self, admission: Admission, accountant: Accountant, clock: Clock) -> None:
        self._admission = admission
        self._accountant = accountant
        self._clock = clock

    async def whole(self, turn: ModelTurn, answer: Answer, delivery: Delivery, headers: Headers) -> None:
        """A JSON answer: read, written down, then sent with its receipt."""
        body = await answer.read(ANSWER_LIMIT)
        document = _read(body)
        usage = await self._accountant.counted(turn, usage_of(document), words_of(document))
        receipt = await self._written(turn, _ended(usage), usage, body)
        delivery.begun = True
        await send_whole(
            delivery.send, 200, [_JSON, _NO_STORE, *headers, *paid_headers(turn.admitted, receipt)], body
        )

    async def stream(self, turn: ModelTurn, answer: Answer, delivery: Delivery, headers: Headers) -> None:
        """A stream: events as they come, then the receipt as a comment, then `[DONE]`."""
        scanner = StreamScanner(keep_usage=turn.admitted.prepared.wants_usage)
        try:
            await delivery.begin([(b"content-type", SSE), _NO_STORE, (b"x-accel-buffering", b"no"), *headers])
            async for chunk in answer.chunks():
                if data := scanner.feed(chunk):
                    await delivery.part(data)
                if scanner.tail:
                    break
            if data := scanner.close():
                await delivery.part(data)
            if not scanner.complete:
                raise UpstreamError("the model's server broke off its answer")
        except EmporionError as error:
            turn.fail(error)
            await self._break_off(turn, scanner, delivery, error)
            return
        except asyncio.CancelledError as error:
            turn.fail(error)
            await asyncio.shield(self._partial(turn, scanner, delivery))
            raise
        await asyncio.shield(self._finish(turn, scanner, delivery))
        await answer.rest(REST_SECONDS)
        await delivery.end()

    async def failed(self, turn: Turn[Any], error: BaseException) -> None:
        """Write down a request of which nothing was delivered, and why; nothing is charged."""
        turn.fail(error)
        await self._written(turn, Outcome.FAILED, NOTHING, b"")

    async def _finish(self, turn: ModelTurn, scanner: StreamScanner, delivery: Delivery) -> None:
        usage = await self._accountant.counted(turn, scanner.usage, _text_if_needed(scanner))
        receipt = await self._written(turn, _ended(usage), usage, delivery.delivered + scanner.tail)
        await delivery.part(receipt_comment(turn.admitted, receipt), comment=True)
        if scanner.tail:
            await delivery.part(scanner.tail)

    async def _break_off(
        self, turn: ModelTurn, scanner: StreamScanner, delivery: Delivery, error: EmporionError
    ) -> None:
        """One error chunk; no other upstream takes over once the caller has seen a part."""
        receipt = await self._partial(turn, scanner, delivery)
        await delivery.part(_error_event(turn, error))
        await delivery.part(receipt_comment(turn.admitted, receipt), comment=True)
        await delivery.end()

    async def _partial(self, turn: ModelTurn, scanner: StreamScanner, delivery: Delivery) -> Receipt:
        """Charge what was delivered, by the upstream's count if it came, else by ours."""
        text = scanner.delivered_text()
        if not text and scanner.usage is None:
            return await self._written(turn, Outcome.FAILED, NOTHING, b"")
        usage = await self._accountant.counted(turn, scanner.usage, text)
        return await self._written(turn, Outcome.PARTIAL, usage, delivery.delivered)

    async def _written(self, turn: Turn[Any], outcome: Outcome, usage: Usage, response: bytes) -> Receipt:
        served = self._accountant.served(turn, outcome, usage, hash_of(response))
        return await self._admission.settle(turn.admitted, served)


def _text_if_needed(scanner: StreamScanner) -> str:
    told = scanner.usage
    return "" if told is not None and told.units_out else scanner.delivered_text()


def _ended(usage: Usage) -> Outcome:
    """An answer without output is none, however well it was formed."""
    return Outcome.FAILED if usage is NOTHING else Outcome.COMPLETED


def _read(body: bytes) -> dict[str, Any]:
    """A whole answer. Raises UpstreamError for one that is none of the shapes, or an error despite its
    status.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or document.get("error"):
        raise UpstreamError("the model's server sent no answer in the shape of its route")
    return document


def _error_event(turn: ModelTurn, error: EmporionError) -> bytes:
    """The chunk both SDKs raise on: OpenAI's error beside a choice that ended with `error`."""
    said: dict[str, Any] = {
        "id": turn.admitted.asked.request_id,
        **openai_error(masked(error), turn.admitted.asked.request_id),
        "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}],
    }
    if turn.route == Operation.CHAT.value:
        said["object"] = "chat.completion.chunk"
    return b"data: " + orjson.dumps(said, default=str) + b"\n\n"
