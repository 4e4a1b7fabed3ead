"""What is measured, each for one contestant on one chain."""

import asyncio
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from backend.cli.devnet.controls import Controls
from backend.core.settings import load_settings
from backend.db.stores import open_chain_store
from indexer.reindex import reindex
from scripts.bench_indexer.chain import BenchChain
from scripts.bench_indexer.contestants import Contestant, Newest, Ours, Place, cold, ready, running
from scripts.bench_indexer.databases import empty_database
from scripts.bench_indexer.proxy import counted

LIVE_BLOCKS: Final = 40
LOOK_SECONDS: Final = 0.0005
LONGEST_SECONDS: Final = 30.0
SETTLE_SECONDS: Final = 2.0


async def backfill(
    contestant: Contestant, chain: BenchChain, home: Path, postgres: str
) -> Mapping[str, float]:
    """Cold backfill into PostgreSQL; ours into SQLite as well, which Ponder does not have."""
    with empty_database(postgres) as url:
        outcome = await cold(contestant, chain, Place(home / "postgres", url, chain.url))
    figures = {"cold_wall_postgres": outcome.wall, "cold_cpu": outcome.cost.cpu, "rss_mb": outcome.cost.rss}
    if isinstance(contestant, Ours):
        outcome = await cold(contestant, chain, Place(home / "sqlite", "", chain.url))
    return {**figures, "cold_wall_sqlite": outcome.wall}


async def requests(contestant: Contestant, chain: BenchChain, home: Path, postgres: str) -> float:
    """HTTP requests of a cold backfill."""
    async with counted(chain.url) as counter:
        with empty_database(postgres) as url:
            await cold(contestant, chain, Place(home / "counted", url, counter.url))
        return counter.requests


async def live(contestant: Contestant, chain: BenchChain, home: Path, postgres: str) -> Mapping[str, float]:
    """Milliseconds from a mined block to the row an outside reader sees; and seconds from a kill to there."""
    with empty_database(postgres) as url:
        place = Place(home / "live", url, chain.url, chain.ws_url)
        async with running(contestant, chain, place) as process:
            await ready(contestant, place, await chain.client.block_number(), process)
            await asyncio.sleep(SETTLE_SECONDS)
            with contestant.newest(place) as newest:
                seen = [await _seen(chain, newest, number) for number in range(LIVE_BLOCKS)]
                reorgs = {f"reorg_{depth}_ms": await _reorg(chain, newest, depth) for depth in (1, 8)}
        began = time.monotonic()
        async with running(contestant, chain, place):
            with contestant.newest(place) as newest:
                await _mined_and_seen(chain, newest, seed=77)
        restart = time.monotonic() - began
    cuts = statistics.quantiles(seen, n=20)
    return {"live_p50_ms": statistics.median(seen), "live_p95_ms": cuts[18], "restart_s": restart, **reorgs}


async def _seen(chain: BenchChain, newest: Newest, number: int) -> float:
    await asyncio.sleep(0.1)
    return await _mined_and_seen(chain, newest, seed=number + 1)


async def _reorg(chain: BenchChain, newest: Newest, depth: int) -> float:
    """From the replaced blocks to the new branch's row."""
    await Controls(chain.client).reorg(depth)
    return await _mined_and_seen(chain, newest, seed=1_000 + depth)


async def _mined_and_seen(chain: BenchChain, newest: Newest, seed: int) -> float:
    """Milliseconds until the reader sees a block mined now; the longest wait where it never does."""
    await chain.shuffle(1, 8, seed=seed)
    began, tip = time.monotonic(), await chain.client.block_number()
    while newest() < tip and time.monotonic() - began < LONGEST_SECONDS:  # noqa: ASYNC110 - not our process
        await asyncio.sleep(LOOK_SECONDS)
    return (time.monotonic() - began) * 1_000


async def reindexing(chain: BenchChain, home: Path) -> float:
    """Seconds to rebuild all projections from the raw logs of a filled SQLite store."""
    place = Place(home / "reindex", "", chain.url)
    await cold(Ours(), chain, place)
    store = await open_chain_store(load_settings(home=place.home, devnet=True))
    await asyncio.sleep(2.0)  # the killed indexer's lease runs out
    began = time.monotonic()
    await reindex(store, chain.deployment, lambda: time.time_ns() // 1_000_000)
    seconds = time.monotonic() - began
    await store.close()
    return seconds
