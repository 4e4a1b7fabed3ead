"""Final blocks in bulk: the next ranges are fetched while one is written, in order and within bounds."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from backend.chain.events import Header, RawLog
from indexer.ranges import Range, next_range
from indexer.source import Source

IN_FLIGHT: Final = 2
"""Ranges fetched ahead; with the one being written, what is in memory at once."""
WANTED_LOGS: Final = 8_000
"""Logs a step should hold: enough to spread its cost, few enough for its memory."""
FIRST_BLOCKS: Final = 200
GROWTH: Final = 4


@dataclass(frozen=True, slots=True)
class Fetched:
    """A range of final blocks and the logs in it."""

    wanted: Range
    headers: list[Header]
    logs: list[RawLog]


class StepSize:
    """Blocks a step takes, learned from how many logs they hold."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.blocks = min(FIRST_BLOCKS, most)

    def learn(self, blocks: int, logs: int) -> None:
        """Take what a range held as what the next ones will hold."""
        fitting = WANTED_LOGS * blocks // logs if logs else self._most
        self.blocks = max(1, min(fitting, self.blocks * GROWTH, self._most))


async def fetched(source: Source, head: int, last: int, size: StepSize) -> AsyncIterator[Fetched]:
    """Blocks after `head` up to `last`, in order. Raises what the source raises."""
    tasks: deque[asyncio.Task[Fetched]] = deque()
    try:
        while True:
            while len(tasks) < IN_FLIGHT and (wanted := next_range(head, last, size.blocks)):
                tasks.append(asyncio.create_task(_fetch(source, wanted, size)))
                head = wanted.last
            if not tasks:
                return
            yield await tasks.popleft()
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _fetch(source: Source, wanted: Range, size: StepSize) -> Fetched:
    headers, logs = await asyncio.gather(source.headers(wanted), source.logs(wanted))
    size.learn(wanted.width, len(logs))
    return Fetched(wanted, headers, logs)
