"""Answers of pictures and sound: bytes of any type, passed on as they come."""

import asyncio
import re
from typing import Final

import orjson

from backend.core.errors import UpstreamError
from backend.core.units import Measure
from backend.gateway.asgi import Headers
from backend.gateway.media_jobs import Media
from backend.gateway.plain_relay import PlainRelay, Tally
from backend.gateway.relay import Delivery
from backend.gateway.served import NOTHING, Turn
from backend.inference.faults import fault_in_stream
from backend.inference.router import Answer
from backend.inference.usage import Usage
from backend.meter.pricing import kib_up
from backend.meter.schemas import Outcome

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
MOST_HOLLOW_BYTES: Final = 4_096
"""A JSON answer without output is not larger; larger ones are not read."""
OUTPUTS: Final = ("data", "text")
"""Where a JSON answer has its pictures or words."""
_ERROR: Final = re.compile(rb"\s*\{\s*\"error\"\s*:\s*[^n\s]")
"""A JSON answer that is an error despite its status."""


class MediaRelay(PlainRelay):
    """Passes bytes on and has each request written down exactly once, before its answer ends."""

    async def relay(self, turn: Turn[Media], answer: Answer, delivery: Delivery, headers: Headers) -> None:
        """An answer to its end, which waits until the usage row is durable.

        Where it breaks off, what went out is charged and the connection is dropped, so that the caller sees
        that the rest is missing. Raises UpstreamError.
        """
        tally, small = Tally(), bytearray()
        try:
            async for piece in answer.chunks():
                _check_size(tally.size + len(piece), turn.admitted.prepared)
                if not delivery.begun:
                    _refuse_error(answer.content_type, piece)
                    await delivery.begin(_head(answer.content_type, headers))
                tally.add(piece)
                small += piece[: MOST_HOLLOW_BYTES + 1 - len(small)]
                await delivery.send({"type": "http.response.body", "body": piece, "more_body": True})
        except BaseException as error:
            turn.fail(error)
            if delivery.begun:
                outcome = Outcome.PARTIAL if tally.size else Outcome.FAILED
                await asyncio.shield(self._tallied(turn, outcome, tally))
            raise
        hollow = is_hollow(answer.content_type, bytes(small))
        await asyncio.shield(self._tallied(turn, Outcome.FAILED if hollow else Outcome.COMPLETED, tally))
        await delivery.end()

    async def _tallied(self, turn: Turn[Media], outcome: Outcome, tally: Tally) -> None:
        bound, usage = turn.admitted.prepared, NOTHING
        if outcome is not Outcome.FAILED and bound.measure is Measure.KIB:
            usage = Usage(bound.worst.units_in, kib_up(tally.size))
        await self._written(turn, outcome, usage, tally.digest())


def is_hollow(content_type: str, beginning: bytes) -> bool:
    """Whether an answer has no output, however well it is formed: no picture, no word."""
    if not content_type.startswith(JSON) or len(beginning) > MOST_HOLLOW_BYTES:
        return False
    try:
        document = orjson.loads(beginning)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(document, dict):
        return False
    found = [document[name] for name in OUTPUTS if name in document]
    return bool(found) and not any(found)


def _check_size(size: int, bound: Media) -> None:
    if size > bound.most_bytes:
        raise UpstreamError("the model's answer is larger than the plan allows")


def _refuse_error(content_type: str, first: bytes) -> None:
    """Raises the error that an answer of status 200 is, before its caller has seen anything."""
    if content_type.startswith(JSON) and _ERROR.match(first):
        raise UpstreamError("the model's server answered with an error")
    if content_type.startswith(EVENTS) and (fault := fault_in_stream(first)) is not None:
        raise fault


def _head(content_type: str, headers: Headers) -> Headers:
    return [
        (b"content-type", content_type.encode("utf-8", "surrogateescape")),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
        (b"x-content-type-options", b"nosniff"),
        *headers,
    ]
