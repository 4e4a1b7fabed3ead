"""The loop: woken by announced heads and by a clock, patient with nodes, alone in its store."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from backend.chain.client import NodeClient
from backend.chain.events import Header
from backend.chain.heads import HeadFeed
from backend.core.deployment import Deployment
from backend.core.errors import EmporionError, NodeError
from backend.core.logs import get_logger
from backend.db.session import Store
from indexer.advance import Indexer, IndexerOptions
from indexer.collector import rare_collections
from indexer.lease import sole_writer
from indexer.mirror import Mirror
from indexer.source import NodeSource

__all__ = ["IndexerOptions", "index_once", "run_indexer"]
BACKOFF_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


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


async def index_once(
    store: Store, client: NodeClient, deployment: Deployment, options: IndexerOptions | None = None
) -> None:
    """Catch up with the node's head and return. Raises ChainError, DatabaseError."""
    indexer = _indexer(store, client, deployment, options or IndexerOptions())
    with rare_collections():
        await indexer.begin()
        await indexer.catch_up()


async def run_indexer(
    store: Store,
    client: NodeClient,
    deployment: Deployment,
    stop: asyncio.Event,
    options: IndexerOptions | None = None,
    feed: HeadFeed | None = None,
) -> None:
    """Follow a chain until `stop` is set; waits as a standby while another indexer holds the store.

    Without a `feed` of announced heads the node is polled. Raises WrongChain, DatabaseMismatch and other
    final errors; retryable ones are tried again for ever.
    """
    chosen = options or IndexerOptions()
    while not stop.is_set():
        async with sole_writer(store, stop, chosen.now_ms) as lost:
            if not stop.is_set():
                with rare_collections():
                    indexer = _indexer(store, client, deployment, chosen)
                    await _serve(indexer, chosen, feed, stop, lost)


def _indexer(store: Store, client: NodeClient, deployment: Deployment, options: IndexerOptions) -> Indexer:
    mirror = Mirror(store, deployment)
    return Indexer(mirror, NodeSource(client, mirror.addresses, options.finality_depth), options)


async def _serve(
    indexer: Indexer, options: IndexerOptions, feed: HeadFeed | None, stop: asyncio.Event, lost: asyncio.Event
) -> None:
    """Follow until stopped, or until another indexer took the store over."""
    bell, done = Bell(), asyncio.Event()
    helpers = [asyncio.create_task(_pass_on(event, done, bell)) for event in (stop, lost)]
    if feed is not None:
        helpers.append(asyncio.create_task(_listen(feed, bell)))
    try:
        await follow(indexer, options.poll_interval_ms / 1000, bell, done)
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)


async def follow(indexer: Indexer, pause: float, bell: Bell, done: asyncio.Event) -> None:
    """Bind, then catch up at every ring and every poll, until done."""
    failures = await _tried(indexer.begin(), 0)
    while failures and not done.is_set():
        await bell.wait(_backoff(failures))
        failures = await _tried(indexer.begin(), failures)
    announced: Header | None = None
    while not done.is_set():
        failures = await _tried(indexer.catch_up(announced), failures)
        announced = await bell.wait(_backoff(failures) if failures else pause)


async def _tried(act: Awaitable[None], failures: int) -> int:
    """Failures in a row, this one counted. Raises what cannot be helped by trying again."""
    try:
        await act
    except EmporionError as error:
        if not (error.retryable or isinstance(error, NodeError)):
            raise
        log = get_logger("indexer")
        tell: Callable[..., None] = log.warning if failures else log.info
        tell("indexer.retry", error=error.message, code=error.code, attempt=failures + 1)
        return failures + 1
    return 0


def _backoff(failures: int) -> float:
    return BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS)) - 1]


async def _listen(feed: HeadFeed, bell: Bell) -> None:
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
        await asyncio.sleep(_backoff(max(failures, 1)))


async def _pass_on(event: asyncio.Event, done: asyncio.Event, bell: Bell) -> None:
    await event.wait()
    done.set()
    bell.ring()
