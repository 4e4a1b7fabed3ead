"""Which upstream answers: weights, health, breakers, and the next one when the first fails before its first
byte.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from backend.core.clock import Clock
from backend.core.errors import BodyTooLarge, EmporionError, UpstreamError, UpstreamUnavailable
from backend.core.logs import get_logger
from backend.inference.breaker import CLOSED, Breaker, order
from backend.inference.faults import another_may_serve, fault_in_stream, fault_of, is_busy, is_its_fault
from backend.inference.upstream import Upstream, UpstreamReply

MOST_REFUSAL_BYTES: Final = 64 * 1024
BodyFor = Callable[[str], bytes]
"""Makes the body for an upstream from its name of the model."""
Sending = Callable[[Upstream], Awaitable[UpstreamReply]]
"""Sends a request to an upstream, in whatever way it is asked."""


@dataclass(slots=True)
class Member:
    """An upstream among those of its service, with what this process knows of it."""

    upstream: Upstream
    weight: int = 1
    healthy: bool = True
    breaker: Breaker = field(default=CLOSED)


class Answer:
    """A success whose first bytes have arrived; no other upstream will be tried any more."""

    def __init__(
        self, member: Member, reply: UpstreamReply, first: bytes, rest: AsyncIterator[bytes]
    ) -> None:
        self.upstream = member.upstream
        self.status = reply.status
        self.content_type = reply.content_type
        self._reply = reply
        self._first = first
        self._rest = rest

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as the upstream sent them, once. Raises UpstreamError when it breaks off."""
        if self._first:
            yield self._first
        async for chunk in self._rest:
            yield chunk

    async def read(self, limit: int) -> bytes:
        """All bytes, at most `limit`. Raises BodyTooLarge, UpstreamError."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                self.close()
                raise BodyTooLarge(f"the answer is larger than {limit} bytes", limit=limit)
        return bytes(body)

    async def rest(self, seconds: float) -> None:
        """Read what is left to the end, so that the connection can be kept; for so long and no longer."""
        try:
            async with asyncio.timeout(seconds):
                async for _ in self._rest:
                    pass
        except (TimeoutError, EmporionError):
            return

    def close(self) -> None:
        """Drop the connection: the upstream stops. Must be called in the end, also after the last byte."""
        self._reply.close()


class Router:
    """Chooses among the members it is given; it keeps nothing itself."""

    def __init__(self, clock: Clock, roll: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._roll = roll
        self._log = get_logger("inference")

    async def open(
        self, members: Sequence[Member], path: str, body_for: BodyFor, *, stream: bool, request_id: str
    ) -> Answer:
        """Send a request to one upstream after another until one gives its first byte.

        Raises the last one's UpstreamError; at once where the request itself is refused (RequestError);
        UpstreamUnavailable when no upstream is left.
        """

        async def posted(upstream: Upstream) -> UpstreamReply:
            body = body_for(upstream.model)
            return await upstream.request(path, body, stream=stream, request_id=request_id)

        return await self.ask(members, posted, request_id)

    async def ask(
        self, members: Sequence[Member], send: Sending, request_id: str, *, events: bool = True
    ) -> Answer:
        """The same, sent by `send`. `events`: whether an answer may begin with a stream's error."""
        last: EmporionError | None = None
        for member in self._in_order(members):
            trial = member.breaker.opened
            member.breaker = member.breaker.trying(self._clock.monotonic())
            try:
                answer = await _first_byte(member, send, events)
            except EmporionError as error:
                self._note(member, error, request_id, trial=trial)
                if not another_may_serve(error):
                    raise
                last = error
            else:
                member.breaker = CLOSED
                return answer
        raise last or UpstreamUnavailable("no healthy upstream serves this model now: try again shortly")

    async def probe(self, members: Sequence[Member]) -> None:
        """Ask each upstream whether it is well."""
        for member in members:
            was, member.healthy = member.healthy, await member.upstream.healthy()
            if was != member.healthy:
                self._log.warning(
                    "inference.upstream.health", upstream=member.upstream.name, healthy=member.healthy
                )

    def _in_order(self, members: Sequence[Member]) -> list[Member]:
        """By weight; those found unwell last: a busy server may be too slow for a probe and still serve."""
        now = self._clock.monotonic()
        able = [member for member in members if member.breaker.admits(now)]
        if len(able) < 2:
            return able
        rolls = [1.0 - self._roll() for _ in able]
        drawn = [able[index] for index in order([member.weight for member in able], rolls)]
        return sorted(drawn, key=lambda member: not member.healthy)

    def _note(self, member: Member, error: EmporionError, request_id: str, *, trial: bool) -> None:
        if not is_its_fault(error):
            if trial and not is_busy(error):
                member.breaker = member.breaker.undecided(self._clock.monotonic())
            return
        member.breaker = member.breaker.failed(self._clock.monotonic())
        self._log.warning(
            "inference.upstream.failed",
            upstream=member.upstream.name,
            code=error.code,
            request_id=request_id,
            failures=member.breaker.failures,
        )


async def _first_byte(member: Member, send: Sending, events: bool) -> Answer:
    """Send and wait for the first byte. Raises UpstreamError and its kind, what `fault_of` says."""
    reply = await send(member.upstream)
    chunks = reply.chunks()
    try:
        first = await _beginning(reply, chunks, events)
    except BaseException:
        reply.close()
        raise
    return Answer(member, reply, first, chunks)


async def _beginning(reply: UpstreamReply, chunks: AsyncIterator[bytes], events: bool) -> bytes:
    if not 200 <= reply.status < 300:
        raise fault_of(reply.status, await _some(chunks))
    first = await anext(chunks, b"")
    if not first:
        raise UpstreamError("the model's server sent an empty answer")
    if events and (fault := fault_in_stream(first)) is not None:
        raise fault
    return first


async def _some(chunks: AsyncIterator[bytes]) -> bytes:
    """The beginning of a refusal."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > MOST_REFUSAL_BYTES:
            break
    return bytes(body)
