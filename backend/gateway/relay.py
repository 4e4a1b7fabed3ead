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
from backend.gateway.served import Accountant, Turn, hash_of
from backend.inference.operations import Operation
from backend.inference.prepare import Prepared
from backend.inference.router import Answer
from backend.inference.stream import StreamScanner
from backend.inference.usage import Usage, usage_in_reply
from backend.meter.schemas import Outcome, Receipt

ANSWER_LIMIT: Final = 64 * 1024 * 1024
NOTHING: Final = Usage(0, 0)
SSE: Final = b"text/event-stream; charset=utf-8"
ModelTurn = Turn[Prepared]
_NO_STORE: Final = (b"cache-control", b"no-store")


@dataclass(slots=True)
class Delivery:
    """What has gone out: whether the head was sent, the answer's own bytes, when the last ones went."""

    send: Send
    clock: Clock
    begun: bool = False
    parts: list[bytes] = field(default_factory=list)
    last: float = 0.0

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
        usage = await self._accountant.counted(turn, usage_in_reply(body), _reply_text(body))
        receipt = await self._written(turn, Outcome.COMPLETED, usage, body)
        media = (b"content-type", answer.content_type.encode("latin-1"))
        delivery.begun = True
        await send_whole(
            delivery.send, 200, [media, _NO_STORE, *headers, *paid_headers(turn.admitted, receipt)], body
        )

    async def stream(self, turn: ModelTurn, answer: Answer, delivery: Delivery, headers: Headers) -> None:
        """A stream: events as they come, then the receipt as a comment, then `[DONE]`."""
        scanner = StreamScanner(keep_usage=turn.admitted.prepared.wants_usage)
        await delivery.begin([(b"content-type", SSE), _NO_STORE, (b"x-accel-buffering", b"no"), *headers])
        try:
            async for chunk in answer.chunks():
                if data := scanner.feed(chunk):
                    await delivery.part(data)
            if data := scanner.close():
                await delivery.part(data)
            if not scanner.complete:
                raise UpstreamError("the model's server broke off its answer")
        except EmporionError as error:
            await self._break_off(turn, scanner, delivery, error)
            return
        except asyncio.CancelledError:
            await asyncio.shield(self._partial(turn, scanner, delivery))
            raise
        await asyncio.shield(self._finish(turn, scanner, delivery))

    async def failed(self, turn: Turn[Any]) -> None:
        """Write down a request of which nothing was delivered; nothing is charged."""
        await self._written(turn, Outcome.FAILED, NOTHING, b"")

    async def _finish(self, turn: ModelTurn, scanner: StreamScanner, delivery: Delivery) -> None:
        usage = await self._accountant.counted(turn, scanner.usage, _text_if_needed(scanner))
        receipt = await self._written(turn, Outcome.COMPLETED, usage, delivery.delivered + scanner.tail)
        await delivery.part(receipt_comment(turn.admitted, receipt), comment=True)
        if scanner.tail:
            await delivery.part(scanner.tail)
        await delivery.end()

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
    return "" if scanner.usage is not None else scanner.delivered_text()


def _error_event(turn: ModelTurn, error: EmporionError) -> bytes:
    """The chunk both SDKs raise on: OpenAI's error beside a choice that ended with `error`."""
    said: dict[str, Any] = {
        "id": turn.admitted.asked.request_id,
        **openai_error(error, turn.admitted.asked.request_id),
        "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}],
    }
    if turn.route == Operation.CHAT.value:
        said["object"] = "chat.completion.chunk"
    return b"data: " + orjson.dumps(said, default=str) + b"\n\n"


def _reply_text(body: bytes) -> str:
    """The words of a whole answer, for our own count where the upstream gave none."""
    if b'"usage"' in body:
        return ""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
    choices = document.get("choices") if isinstance(document, dict) else None
    words = []
    for choice in choices if isinstance(choices, list) else []:
        message = choice.get("message") if isinstance(choice, dict) else None
        words.append(message.get("content") if isinstance(message, dict) else choice.get("text"))
    return "".join(word for word in words if isinstance(word, str))
