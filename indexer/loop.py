"""The loop: look at the chain, take one step, look again. One chain a loop, one transaction a step."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from backend.chain.client import NodeClient
from backend.chain.events import Header, RawLog
from backend.core.deployment import Deployment
from backend.core.errors import DatabaseError, EmporionError, NodeError, WrongChain
from backend.core.logs import get_logger
from backend.db.session import Store
from indexer.lease import sole_writer
from indexer.mirror import ChainState, Mirror
from indexer.ranges import Range, next_range, split
from indexer.reorg import Fork, find_fork
from indexer.source import Heads, NodeSource, Source, checked_against, linked
from indexer.steps import Applied, Head, Step

BEAT_SECONDS: Final = 1.0
BACKOFF_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class IndexerOptions:
    """How a chain is followed. `step_blocks` bounds a step of a backfill, and so its memory."""

    poll_interval_ms: int = 500
    finality_depth: int = 64
    step_blocks: int = 500
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000


class Indexer:
    """Follows one chain into one store."""

    def __init__(self, mirror: Mirror, source: Source, options: IndexerOptions) -> None:
        self._mirror = mirror
        self._source = source
        self._options = options
        self._log = get_logger("indexer")
        self._beaten_at_ms = 0

    async def begin(self) -> None:
        """Bind the store to the chain. Raises WrongChain, DatabaseMismatch, NodeError."""
        deployment = self._mirror.deployment
        actual = await self._source.chain_id()
        if actual != deployment.chain_id:
            raise WrongChain(
                f"the node is on chain {actual}, the deployment record is of chain {deployment.chain_id}; "
                "point EMPORION_RPC_URLS at a node of that chain, or EMPORION_DEPLOYMENT_FILE at its record",
                expected=deployment.chain_id,
                actual=actual,
            )
        genesis = await self._header(0)
        if "0x" + genesis.hash.hex() != deployment.genesis_hash:
            raise WrongChain(
                f"the node's chain {actual} has another genesis than the deployment record: it was started "
                "afresh; deploy again, or point EMPORION_RPC_URLS at the chain of the record",
                expected=deployment.genesis_hash,
                actual="0x" + genesis.hash.hex(),
            )
        await self._mirror.bind(genesis.hash, await self._header(deployment.start_block - 1))

    async def _header(self, number: int) -> Header:
        found = await self._source.headers(Range(number, number))
        if not found:
            raise NodeError(f"the node has no block {number}; wait until it is synced, or use another")
        return found[0]

    async def advance(self, heads: Heads) -> bool:
        """Take one step towards the node's head; False when there. Raises NodeError to be tried again."""
        state = await self._mirror.state()
        if state is None:
            raise DatabaseError("the store is bound to no chain; begin first")
        if heads.latest.hash == state.head.hash or await self._is_behind(state, heads.latest):
            await self._beat(heads.latest.number)
            return False
        fork = await self._fork(state, heads.latest)
        wanted = next_range(fork.head.number, heads.latest.number, self._options.step_blocks)
        headers = await self._headers(fork.head, wanted) if wanted else []
        logs = await self._logs(headers, heads.finalized)
        step = self._step(state, fork, headers, logs, heads)
        self._told(step, await self._mirror.apply(step))
        return True

    async def _fork(self, state: ChainState, tip: Header) -> Fork:
        """The stored head if the node's chain goes through it, else where the two part."""
        grows = tip.number > state.head.number
        if grows and tip.number == state.head.number + 1 and tip.parent_hash == state.head.hash:
            return Fork(state.head)
        if grows and [h.hash for h in await self._at(state.head.number)] == [state.head.hash]:
            return Fork(state.head)
        return await find_fork(self._mirror, self._source, state, tip)

    async def _is_behind(self, state: ChainState, tip: Header) -> bool:
        """Whether a lower tip is only a late answer: the node still has our head."""
        if tip.number >= state.head.number:
            return False
        return [header.hash for header in await self._at(state.head.number)] == [state.head.hash]

    async def _at(self, number: int) -> list[Header]:
        return await self._source.headers(Range(number, number))

    async def _headers(self, fork: Head, wanted: Range) -> list[Header]:
        headers = await self._source.headers(wanted)
        if len(headers) != wanted.width or not linked(headers, fork.hash):
            raise NodeError(f"blocks {wanted.first} to {wanted.last} changed while they were read; once more")
        return headers

    async def _logs(self, headers: list[Header], finalized: int) -> list[RawLog]:
        """Final blocks by range; the others by hash, so that an answer cannot mix forks."""
        if not headers:
            return []
        final, recent = split(Range(headers[0].number, headers[-1].number), finalized)
        logs = await self._source.logs(final) if final.width > 0 else []
        logs += await self._source.block_logs(headers[final.width :]) if recent.width > 0 else []
        return checked_against(logs, headers)

    def _step(
        self, state: ChainState, fork: Fork, headers: list[Header], logs: list[RawLog], heads: Heads
    ) -> Step:
        return Step(
            chain_id=self._mirror.chain_id,
            base=state.head,
            fork=fork.head,
            headers=headers,
            logs=logs,
            safe=heads.safe,
            finalized=heads.finalized,
            anchor=fork.anchor,
            confirmed_at_ms=self._options.now_ms(),
            node_number=heads.latest.number,
        )

    def _told(self, step: Step, done: Applied) -> None:
        self._beaten_at_ms = step.confirmed_at_ms
        number = step.headers[-1].number if step.headers else step.fork.number
        if step.fork != step.base:
            self._log.warning(
                "indexer.reorg.rewound",
                chain_id=step.chain_id,
                depth=done.undone,
                fork=step.fork.number,
                head=number,
                retracted=done.retracted,
                rebuilt=done.rebuilt,
            )
        self._log.debug("indexer.step", chain_id=step.chain_id, head=number, events=done.events)

    async def _beat(self, node_number: int) -> None:
        now = self._options.now_ms()
        if now - self._beaten_at_ms >= BEAT_SECONDS * 1000 / 2:
            self._beaten_at_ms = now
            await self._mirror.beat(now, node_number)

    async def catch_up(self) -> None:
        """Step until the store stands at the node's head."""
        heads = await self._source.heads()
        while await self.advance(heads):
            heads = await self._source.heads()

    async def follow(self, stop: asyncio.Event, wake: asyncio.Event) -> None:
        """Catch up whenever woken, and at each poll, until stopped. Retryable failures are tried again."""
        failures = 0
        while not stop.is_set():
            try:
                await self.catch_up()
                failures = 0
            except EmporionError as error:
                failures = self._survive(error, failures)
            pause = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS)) - 1] if failures else self._pause
            await _until(wake, stop, pause)

    @property
    def _pause(self) -> float:
        return self._options.poll_interval_ms / 1000

    def _survive(self, error: EmporionError, failures: int) -> int:
        if not (error.retryable or isinstance(error, NodeError)):
            raise error
        level = self._log.warning if failures else self._log.info
        level("indexer.retry", error=error.message, code=error.code, attempt=failures + 1)
        return failures + 1


async def _until(wake: asyncio.Event, stop: asyncio.Event, seconds: float) -> None:
    """Wait for one of the events, or for the time to pass."""
    waiters = [asyncio.create_task(event.wait()) for event in (wake, stop)]
    try:
        await asyncio.wait(waiters, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()
            with suppress(asyncio.CancelledError):
                await waiter
    wake.clear()


def _indexer(store: Store, client: NodeClient, deployment: Deployment, options: IndexerOptions) -> Indexer:
    mirror = Mirror(store, deployment)
    return Indexer(mirror, NodeSource(client, mirror.addresses, options.finality_depth), options)


async def index_once(
    store: Store, client: NodeClient, deployment: Deployment, options: IndexerOptions | None = None
) -> None:
    """Catch up with the node's head and return. Raises ChainError, DatabaseError."""
    indexer = _indexer(store, client, deployment, options or IndexerOptions())
    await indexer.begin()
    await indexer.catch_up()


async def run_indexer(
    store: Store,
    client: NodeClient,
    deployment: Deployment,
    stop: asyncio.Event,
    options: IndexerOptions | None = None,
) -> None:
    """Follow a chain until `stop` is set; waits as a standby while another indexer holds the store.

    Raises WrongChain, DatabaseMismatch and other final errors; retryable ones are tried again for ever.
    """
    chosen = options or IndexerOptions()
    indexer = _indexer(store, client, deployment, chosen)
    while not stop.is_set():
        async with sole_writer(store, stop, chosen.now_ms) as lost:
            if not stop.is_set():
                await _serve(indexer, stop, lost)


async def _serve(indexer: Indexer, stop: asyncio.Event, lost: asyncio.Event) -> None:
    """Follow until stopped or until the store was lost to another indexer."""
    done = asyncio.Event()
    watchers = [asyncio.create_task(_pass_on(event, done)) for event in (stop, lost)]
    try:
        await _begin(indexer, done)
        await indexer.follow(done, asyncio.Event())
    finally:
        for watcher in watchers:
            watcher.cancel()


async def _begin(indexer: Indexer, done: asyncio.Event) -> None:
    """Bind, waiting for a node that does not answer yet."""
    failures = 0
    while not done.is_set():
        try:
            await indexer.begin()
            return
        except EmporionError as error:
            failures = indexer._survive(error, failures)
        await _until(asyncio.Event(), done, BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS)) - 1])


async def _pass_on(event: asyncio.Event, done: asyncio.Event) -> None:
    await event.wait()
    done.set()
