"""What wakes the loop before its clock does."""

import asyncio
from contextlib import suppress

from backend.chain.events import Header
from backend.chain.heads import HeadFeed
from backend.core.errors import EmporionError
from backend.core.logs import get_logger
from indexer.patience import backoff


class Bell:
    """Rung by announced heads; keeps the newest of them."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._header: Header | None = None

    def ring(self, header: Header | None = None) -> None:
        """Wake whoever waits."""
        self._header = header
        self._rung.set()

    async def wait(self, seconds: float) -> Header | None:
        """Wait for a ring, or for the time to pass; the newest announced head."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()
        header, self._header = self._header, None
        return header


async def listen(feed: HeadFeed, bell: Bell) -> None:
    """Ring for every announced head; subscribe again when the connection is lost."""
    log, failures = get_logger("indexer"), 0
    while True:
        try:
            async for header in feed.heads():
                failures = 0
                bell.ring(header)
        except EmporionError as error:
            failures += 1
            log.warning("indexer.heads.lost", error=error.message, attempt=failures)
        await asyncio.sleep(backoff(max(failures, 1)))


async def pass_on(event: asyncio.Event, done: asyncio.Event, bell: Bell) -> None:
    """Ring once, for good, when an event comes."""
    await event.wait()
    done.set()
    bell.ring()
