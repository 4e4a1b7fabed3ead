"""What is measured, each for one contestant; every run begins with the chain as it was loaded."""

import asyncio
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from scripts.bench_indexer.chain import BenchChain
from scripts.bench_indexer.contestants import Contestant, Ours, Place, cold, made_again, ready, running
from scripts.bench_indexer.databases import empty_database
from scripts.bench_indexer.processes import cost
from scripts.bench_indexer.proxy import counted
from scripts.bench_indexer.readers import Reader

LIVE_BLOCKS: Final = 40
TRANSFERS: Final = 8
"""In each block that is waited for."""
REORGS: Final = (1, 3, 8, 20)
PAUSE_SECONDS: Final = (0.05, 0.25)
"""Between two blocks, at random: no poll may fall in step with them."""
LOOK_SECONDS: Final = 0.001
LONGEST_SECONDS: Final = 240.0
SETTLE_SECONDS: Final = 2.0

Figures = Mapping[str, float]


async def dense(contestant: Contestant, chain: BenchChain, home: Path, postgres: str) -> Figures:
    """Cold, live by WebSocket, forked, the balances compared; killed and started again."""
    async with chain.undone():
        with empty_database(postgres) as url:
            place = Place(home / "dense", url, chain.url, chain.ws_url)
            figures = await _cold_and_live(contestant, chain, place)
            figures["restart_s"] = await _restarted(contestant, chain, place)
        if isinstance(contestant, Ours):
            return {**figures, **await _into_sqlite(contestant, chain, home)}
        # Ponder's other database is PGlite, which nobody outside its process can read.
        return {**figures, "cold_wall_sqlite": figures["cold_wall_postgres"]}


async def _cold_and_live(contestant: Contestant, chain: BenchChain, place: Place) -> dict[str, float]:
    began = time.monotonic()
    async with running(contestant, chain, place) as process:
        await ready(contestant, chain, place, process)
        wall, spent = time.monotonic() - began, cost(process.pid)
        await asyncio.sleep(SETTLE_SECONDS)
        with contestant.reader(place) as reader:
            live = await _live(chain, reader, "live")
            reorgs = {f"reorg_{depth}_ms": await _reorged(chain, reader, depth) for depth in REORGS}
            await _require_right(contestant, chain, reader)
    return {"cold_wall_postgres": wall, "cold_cpu": spent.cpu, "rss_mb": spent.rss, **live, **reorgs}


async def _into_sqlite(contestant: Contestant, chain: BenchChain, home: Path) -> Figures:
    place = Place(home / "sqlite", "", chain.url, chain.ws_url)
    outcome = await cold(contestant, chain, place)
    return {"cold_wall_sqlite": outcome.wall, "cold_cpu_sqlite": outcome.cost.cpu}


async def _restarted(contestant: Contestant, chain: BenchChain, place: Place) -> float:
    """Seconds from the start after a kill until it serves again, with a block mined while it was away."""
    await chain.shuffle(1, TRANSFERS, seed=77)
    chain.newest = await chain.client.block_number()
    began = time.monotonic()
    async with running(contestant, chain, place) as process:
        await ready(contestant, chain, place, process)
    return time.monotonic() - began


async def polled(contestant: Contestant, chain: BenchChain, home: Path, postgres: str) -> Figures:
    """Cold with every HTTP request counted, then live by polling, then all rows made again."""
    async with chain.undone(), counted(chain.url) as counter:
        with empty_database(postgres) as url:
            place = Place(home / "polled", url, counter.url, cached=True)
            async with running(contestant, chain, place) as process:
                await ready(contestant, chain, place, process)
                figures = {"rpc_dense": float(counter.requests)}
                await asyncio.sleep(SETTLE_SECONDS)
                with contestant.reader(place) as reader:
                    figures |= await _live(chain, reader, "poll")
            await asyncio.sleep(SETTLE_SECONDS)  # a killed indexer's lease runs out
            return {**figures, "reindex_wall": await made_again(contestant, chain, place)}


async def sparse(contestant: Contestant, chain: BenchChain, home: Path, postgres: str) -> Figures:
    """Cold where most blocks hold little."""
    with empty_database(postgres) as url:
        outcome = await cold(contestant, chain, Place(home / "sparse", url, chain.url))
    return {"sparse_wall": outcome.wall, "sparse_cpu": outcome.cost.cpu}


async def sparse_counted(contestant: Contestant, chain: BenchChain, home: Path, postgres: str) -> Figures:
    """The same with every HTTP request counted, which costs both a little."""
    async with counted(chain.url) as counter:
        found = await sparse(contestant, replace(chain, url=counter.url), home, postgres)
        return {**found, "rpc_sparse": float(counter.requests)}


async def memory(chain: BenchChain, home: Path, postgres: str) -> Figures:
    """Ours with ten times the events: its memory must be what it was."""
    with empty_database(postgres) as url:
        outcome = await cold(Ours(), chain, Place(home / "million", url, chain.url))
    return {"million_wall": outcome.wall, "million_cpu": outcome.cost.cpu, "million_rss_mb": outcome.cost.rss}


async def _live(chain: BenchChain, reader: Reader, name: str) -> Figures:
    """Milliseconds from a mined block to its row, as an outside reader sees them."""
    dice, seen = random.Random(name), []
    for number in range(LIVE_BLOCKS):
        await asyncio.sleep(dice.uniform(*PAUSE_SECONDS))
        seen.append(await _mined_and_seen(chain, reader, seed=number + 1))
    return {f"{name}_p50_ms": statistics.median(seen), f"{name}_p95_ms": statistics.quantiles(seen, n=20)[18]}


async def _mined_and_seen(chain: BenchChain, reader: Reader, seed: int) -> float:
    """Milliseconds until the reader sees the transfers of a block mined now."""
    tip = await chain.client.block_number() + 1
    await chain.shuffle(1, TRANSFERS, seed=seed)
    return await _until(lambda: reader.newest_block() >= tip, f"block {tip}")


async def _reorged(chain: BenchChain, reader: Reader, depth: int) -> float:
    """Milliseconds from the new branch's head to tables that hold its transfers, in order, and no others.

    The new branch is one block longer than the one it replaces, as a branch that wins is; its blocks come one
    after another, and the clock starts at the last.
    """
    fork = await chain.head()
    async with chain.undone():
        await chain.shuffle(depth - 1, TRANSFERS, seed=1_000 + depth)
        await _mined_and_seen(chain, reader, seed=2_000 + depth)
        await asyncio.sleep(SETTLE_SECONDS)
    await chain.shuffle(depth + 1, TRANSFERS, seed=3_000 + depth)
    began = time.monotonic()
    logs = await chain.client.logs([chain.token], fork.number + 1, fork.number + depth + 1)
    expected = [log.tx_hash for log in logs]
    assert len(expected) == (depth + 1) * TRANSFERS, "the new branch is not what was asked for"
    return await _until(lambda: reader.transfers_above(fork) == expected, f"fork of {depth}", began)


async def _until(holds: Callable[[], bool], what: str, began: float | None = None) -> float:
    """Milliseconds until it holds. Raises SystemExit where it never does."""
    began = time.monotonic() if began is None else began
    while not holds():
        if time.monotonic() - began > LONGEST_SECONDS:
            raise SystemExit(f"the reader does not see {what}")
        await asyncio.sleep(LOOK_SECONDS)
    return (time.monotonic() - began) * 1_000


async def _require_right(contestant: Contestant, chain: BenchChain, reader: Reader) -> None:
    """Raises SystemExit unless its balances are the token's."""
    expected = await chain.balances()
    if (found := reader.balances()) != expected:
        wrong = sum(found.get(one) != units for one, units in expected.items())
        raise SystemExit(f"{contestant.name} has {wrong} wrong balances of {len(expected)}")
