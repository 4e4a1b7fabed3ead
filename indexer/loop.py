"""The loop: woken by announced heads and by a clock, patient with nodes, alone in its store."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from backend.chain.client import NodeClient
from backend.chain.events import Header
from backend.chain.heads import HeadFeed
from backend.core.deployment import Deployment
from backend.core.errors import EmporionError
from backend.core.logs import get_logger
from backend.db.session import Store
from indexer.advance import Indexer, IndexerOptions
from indexer.bell import Bell, listen, pass_on
from indexer.collector import rare_collections
from indexer.endpoints import Endpoints
from indexer.lease import sole_writer
from indexer.mirror import Mirror
from indexer.node_source import NodeSource
from indexer.patience import backoff, tried
from indexer.receipts import ReceiptKeeper, keep_receipts
from indexer.statements import Writer, in_one_write, one_at_a_time

__all__ = ["ChainJob", "IndexerOptions", "index_once", "run_indexer", "run_indexers"]


Nodes = NodeClient | Sequence[NodeClient]
"""One node, or several in the order they are to be asked."""


@dataclass(frozen=True, slots=True)
class ChainJob:
    """One chain to follow: its record, its nodes, and what announces its heads, if anything does."""

    deployment: Deployment
    nodes: Nodes
    feed: HeadFeed | None = None
    options: IndexerOptions = field(default_factory=IndexerOptions)


async def index_once(
    store: Store, nodes: Nodes, deployment: Deployment, options: IndexerOptions | None = None
) -> None:
    """Catch up with the nodes' head and return. Raises ChainError, DatabaseError."""
    job = ChainJob(deployment, nodes, options=options or IndexerOptions())
    indexer, keeper = _parts(store, job, in_one_write)
    with rare_collections():
        await indexer.begin()
        await indexer.catch_up()
        if job.options.receipts:
            await keeper.catch_up()


async def run_indexer(
    store: Store,
    nodes: Nodes,
    deployment: Deployment,
    stop: asyncio.Event,
    options: IndexerOptions | None = None,
    feed: HeadFeed | None = None,
) -> None:
    """Follow one chain; see `run_indexers`."""
    await run_indexers(store, [ChainJob(deployment, nodes, feed, options or IndexerOptions())], stop)


async def run_indexers(store: Store, jobs: Sequence[ChainJob], stop: asyncio.Event) -> None:
    """Follow chains until `stop` is set; waits as a standby while another indexer holds the store.

    Raises WrongChain, DatabaseMismatch and other final errors, once no chain can go on; retryable ones are
    tried again for ever.
    """
    failures = 0
    while not stop.is_set():
        failures = await tried(_hold_and_serve(store, jobs, stop), failures)
        if failures:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), backoff(failures))


async def _hold_and_serve(store: Store, jobs: Sequence[ChainJob], stop: asyncio.Event) -> None:
    async with sole_writer(store, stop, jobs[0].options.now_ms) as lost:
        if stop.is_set():
            return
        write = one_at_a_time(in_one_write)
        with rare_collections():
            work = [_serve(*_parts(store, job, write), job, stop, lost) for job in jobs]
            outcomes = await asyncio.gather(*work, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


def _parts(store: Store, job: ChainJob, write: Writer) -> tuple[Indexer, ReceiptKeeper]:
    mirror, depth = Mirror(store, job.deployment, write), job.options.finality_depth
    nodes = [job.nodes] if isinstance(job.nodes, NodeClient) else job.nodes
    sources = [NodeSource(node, mirror.addresses, depth) for node in nodes]
    source = sources[0] if len(sources) == 1 else Endpoints(sources, time.monotonic)
    return Indexer(mirror, source, job.options), ReceiptKeeper(mirror, source)


async def _serve(
    indexer: Indexer, keeper: ReceiptKeeper, job: ChainJob, stop: asyncio.Event, lost: asyncio.Event
) -> None:
    """Follow until stopped, or until another indexer took the store over."""
    bell, done = Bell(), asyncio.Event()
    helpers = [asyncio.create_task(pass_on(event, done, bell)) for event in (stop, lost)]
    if job.feed is not None:
        helpers.append(asyncio.create_task(listen(job.feed, bell)))
    if job.options.receipts:
        helpers.append(asyncio.create_task(keep_receipts(keeper)))
    try:
        await follow(indexer, job.options.poll_interval_ms / 1000, bell, done)
    except EmporionError as error:
        get_logger("indexer").error(
            "indexer.stopped", chain_id=job.deployment.chain_id, error=error.message, code=error.code
        )
        raise
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)


async def follow(indexer: Indexer, pause: float, bell: Bell, done: asyncio.Event) -> None:
    """Bind, then catch up at every ring and every poll, until done."""
    failures = await tried(indexer.begin(), 0)
    while failures and not done.is_set():
        await bell.wait(backoff(failures))
        failures = await tried(indexer.begin(), failures)
    announced: Header | None = None
    while not done.is_set():
        failures = await tried(indexer.catch_up(announced), failures)
        announced = await bell.wait(backoff(failures) if failures else pause)
