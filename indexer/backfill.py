"""Final blocks in bulk: the next ranges are fetched while one is written, in order and within bounds."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from backend.chain.events import Header, RawLog
from backend.core.logs import get_logger
from indexer.ranges import Range, StepSize, next_range
from indexer.source import Source
from indexer.steps import Readied

IN_FLIGHT: Final = 2
"""Ranges fetched ahead; with the one being written, what is in memory at once."""
SAY_SECONDS: Final = 5.0

Progress = Callable[[int, int], None]
"""Told the block reached and the last one of a backfill."""


Ready = Callable[[Sequence[Header], Sequence[RawLog]], Readied]
"""Makes what can be made of headers and logs before their step is written."""


def untold(_number: int, _last: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A range of final blocks and what the logs in it say."""

    wanted: Range
    headers: list[Header]
    readied: Readied


class Pace:
    """How far and how fast: a line in the log every few seconds, and whoever wants to draw a bar."""

    def __init__(
        self, chain_id: int, first: int, last: int, now: Callable[[], float], tell: Progress
    ) -> None:
        self._chain_id, self._first, self._last = chain_id, first, last
        self._now, self._tell = now, tell
        self._began = self._said = now()
        self._log = get_logger("indexer")

    def at(self, number: int) -> None:
        """Blocks up to this one are written."""
        self._tell(number, self._last)
        now = self._now()
        if now - self._said < SAY_SECONDS:
            return
        self._said = now
        rate = (number - self._first) / max(now - self._began, 1e-9)
        left = (self._last - number) / rate if rate else 0.0
        self._log.info(
            "indexer.backfill",
            chain_id=self._chain_id,
            number=number,
            last=self._last,
            blocks_per_second=round(rate),
            seconds_left=round(left),
        )


async def fetched(
    source: Source, head: int, last: int, size: StepSize, ready: Ready
) -> AsyncIterator[Fetched]:
    """Blocks after `head` up to `last`, in order. Raises what the source raises, and `ready`."""
    tasks: deque[asyncio.Task[Fetched]] = deque()
    try:
        while True:
            while len(tasks) < IN_FLIGHT and (wanted := next_range(head, last, size.blocks)):
                tasks.append(asyncio.create_task(_fetch(source, wanted, size, ready)))
                head = wanted.last
            if not tasks:
                return
            yield await tasks.popleft()
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _fetch(source: Source, wanted: Range, size: StepSize, ready: Ready) -> Fetched:
    headers, logs = await asyncio.gather(source.headers(wanted), source.logs(wanted))
    size.learn(wanted.width, len(logs))
    return Fetched(wanted, headers, ready(headers, logs))
