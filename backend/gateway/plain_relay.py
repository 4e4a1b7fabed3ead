"""Answers of services that are no language models: whole JSON, and files passed on as they come."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from Crypto.Hash import keccak

from backend.core.clock import Clock
from backend.core.errors import EmporionError, UpstreamError
from backend.core.units import ZERO_HASH, Hash32, Measure
from backend.gateway.admission import Admission
from backend.gateway.answers import paid_headers
from backend.gateway.asgi import Headers, send_whole
from backend.gateway.plain_jobs import DataRead
from backend.gateway.relay import Delivery
from backend.gateway.served import Accountant, Turn, hash_of
from backend.inference.usage import Usage
from backend.meter.pricing import kib_up
from backend.meter.schemas import Outcome, Receipt

JSON: Final = (b"content-type", b"application/json")
_NO_STORE: Final = (b"cache-control", b"no-store")
_NEWLINE: Final = b"\n"


class Tally:
    """Counts what was handed to the caller's connection: bytes, rows begun, and the hash of all."""

    def __init__(self) -> None:
        self.size = 0
        self._newlines = 0
        self._last = _NEWLINE
        self._hash = keccak.new(digest_bits=256, update_after_digest=True)

    def add(self, piece: bytes) -> None:
        """Bytes that go out."""
        self.size += len(piece)
        self._newlines += piece.count(_NEWLINE)
        self._last = piece[-1:] or self._last
        self._hash.update(piece)

    def usage(self, measure: Measure) -> Usage:
        """A row that was begun counts: else ranges around the line ends would be free."""
        rows = self._newlines + (self._last != _NEWLINE)
        return Usage(0, {Measure.KIB: int(kib_up(self.size)), Measure.ROWS: rows}.get(measure, 0))

    def digest(self) -> Hash32:
        """Keccak-256 of the bytes; zero for none."""
        return Hash32(self._hash.digest()) if self.size else ZERO_HASH


class PlainRelay:
    """Passes answers on and has each written down exactly once, before it ends."""

    def __init__(self, admission: Admission, accountant: Accountant, clock: Clock) -> None:
        self._admission = admission
        self._accountant = accountant
        self._clock = clock

    async def whole(
        self, turn: Turn[Any], body: bytes, usage: Usage, delivery: Delivery, headers: Headers
    ) -> None:
        """A JSON answer: written down, then sent with its receipt."""
        receipt = await self._written(turn, Outcome.COMPLETED, usage, hash_of(body))
        delivery.begun = True
        sent = [JSON, _NO_STORE, *headers, *paid_headers(turn.admitted, receipt)]
        await send_whole(delivery.send, 200, sent, body)

    async def file(
        self, turn: Turn[DataRead], pieces: AsyncIterator[bytes], delivery: Delivery, headers: Headers
    ) -> None:
        """A range of a file: the last piece waits until the usage row is durable.

        Where the source breaks off, what went out is charged and the connection is dropped, so that the
        caller sees that the rest is missing and asks for it. Raises UpstreamError.
        """
        read, tally = turn.admitted.prepared, Tally()
        try:
            if not read.range.length:
                await self._counted(turn, Outcome.COMPLETED, tally)
            await self._begin(read, delivery, headers)
            async for piece in _limited(pieces, read.range.length):
                tally.add(piece)
                if tally.size == read.range.length:
                    await asyncio.shield(self._counted(turn, Outcome.COMPLETED, tally))
                await delivery.send({"type": "http.response.body", "body": piece, "more_body": True})
            if tally.size < read.range.length:
                raise UpstreamError("the data's server broke off; ask for the rest with Range")
        except (EmporionError, asyncio.CancelledError) as error:
            turn.fail(error)
            if tally.size < read.range.length:
                await asyncio.shield(self._broken_off(turn, tally))
            raise
        await delivery.end()

    async def failed(self, turn: Turn[Any], error: BaseException) -> None:
        """Write down a request of which nothing was delivered, and why; nothing is charged."""
        turn.fail(error)
        await self._written(turn, Outcome.FAILED, Usage(0, 0), ZERO_HASH)

    async def _begin(self, read: DataRead, delivery: Delivery, headers: Headers) -> None:
        found: Headers = [
            (b"content-type", read.file.media_type.encode()),
            (b"content-length", str(read.range.length).encode()),
            (b"accept-ranges", b"bytes"),
            (b"etag", read.file.etag.encode()),
            (b"cache-control", b"private, no-transform"),
            (b"x-content-type-options", b"nosniff"),
            *headers,
        ]
        if read.range.partial:
            found.append((b"content-range", read.range.content_range(read.file.size).encode()))
        delivery.begun = True
        status = 206 if read.range.partial else 200
        await delivery.send({"type": "http.response.start", "status": status, "headers": found})

    async def _broken_off(self, turn: Turn[DataRead], tally: Tally) -> None:
        await self._counted(turn, Outcome.PARTIAL if tally.size else Outcome.FAILED, tally)

    async def _counted(self, turn: Turn[DataRead], outcome: Outcome, tally: Tally) -> None:
        usage = tally.usage(turn.admitted.prepared.measure)
        await self._written(turn, outcome, usage, tally.digest())

    async def _written(self, turn: Turn[Any], outcome: Outcome, usage: Usage, digest: Hash32) -> Receipt:
        served = self._accountant.served(turn, outcome, usage, digest)
        return await self._admission.settle(turn.admitted, served)


async def _limited(pieces: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    """At most `length` bytes: a server that sends more is not believed."""
    left = length
    async for piece in pieces:
        part = piece[:left]
        left -= len(part)
        if part:
            yield part
        if not left:
            return
