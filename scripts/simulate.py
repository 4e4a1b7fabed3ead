"""`run.py simulate`: seeded lives of an indexer, each against a clean pass; a seed that fails is named.

With `--kills N` instead one chain on which an indexer's process is killed so often.
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from backend.core.logs import configure_logs
from backend.core.settings import load_settings
from backend.db.stores import open_chain_store
from scripts.bench_indexer.databases import empty_database
from scripts.course import Course
from tests.chain_double.chain import ChainDouble
from tests.chain_double.market import Market
from tests.indexer.harness import everything, replayed
from tests.indexer.killing import Killed, differing, lived_through
from tests.indexer.simulation import Simulation

LONGEST_SECONDS = 300


async def live(seed: int, acts: int, home: Path, database_url: str) -> str:
    """One life; what went wrong, or nothing."""
    store = await open_chain_store(load_settings(home=home / "lived", database_url=database_url, devnet=True))
    clean = await open_chain_store(load_settings(home=home / "clean", devnet=True))
    try:
        simulation = Simulation(seed, store)
        async with asyncio.timeout(LONGEST_SECONDS):
            await simulation.live(acts)
        held, expected = await everything(store), await replayed(clean, simulation.chain)
        differing = [table for table, rows in expected.items() if held[table] != rows]
        return ", ".join([*differing, *await simulation.wrong()])
    except (AssertionError, TimeoutError) as failure:
        return str(failure) or "it did not come to rest in time"
    finally:
        await store.close()
        await clean.close()


async def kill(kills: int, seed: int, home: Path, database_url: str) -> tuple[Killed, str]:
    """A chain on which the indexer's process is killed so often; what it met, and what went wrong."""
    chain = ChainDouble(seed)
    chain.mine()
    market, course = Market(chain), Course("kills", kills)
    market.mine_blocks(60)
    store, killed = await lived_through(kills, market, home / "lived", database_url, course.count)
    clean = await open_chain_store(load_settings(home=home / "clean", devnet=True))
    try:
        return killed, ", ".join(await differing(store, clean, chain))
    finally:
        course.finish()
        await store.close()
        await clean.close()


def simulate_kills(kills: int, seed: int, postgres: str) -> int:
    """Kill, say what was met; 1 where the rows are not those of a clean pass."""
    configure_logs("error")
    with tempfile.TemporaryDirectory(prefix="emporion-sim-") as folder, ExitStack() as stack:
        url = stack.enter_context(empty_database(postgres)) if postgres else ""
        (Path(folder) / "lived").mkdir()
        killed, wrong = asyncio.run(kill(kills, seed, Path(folder), url))
    places = (
        f"{killed.before} before the first step, {killed.on_the_way} on the way, {killed.at_head} at the head"
    )
    print(f"seed {seed}: {killed.kills} kills: {places}")
    print(f"rows that differ from a clean pass: {wrong or 'none'}")
    return 1 if wrong else 0


def simulate(seed: int, acts: int, postgres: str) -> str:
    """One life in a folder, and if asked for a database, of its own; what went wrong, or nothing."""
    configure_logs("error")
    with tempfile.TemporaryDirectory(prefix="emporion-sim-") as folder:
        if not postgres:
            return asyncio.run(live(seed, acts, Path(folder), ""))
        with empty_database(postgres) as url:
            return asyncio.run(live(seed, acts, Path(folder), url))


def named(seed: int, acts: int, postgres: str) -> str:
    """The line of a life that failed, or nothing. An error nobody foresaw is a failure too."""
    try:
        wrong = simulate(seed, acts, postgres)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other seeds go on and this one is named
        wrong = f"{type(error).__name__}: {error}"
    return f"seed {seed} failed: {wrong}" if wrong else ""


def lives(seeds: Sequence[int], acts: int, postgres: str, jobs: int) -> Iterator[str]:
    """What `named` says of each, as they end; in so many processes."""
    one = partial(named, acts=acts, postgres=postgres)
    if jobs == 1:
        yield from map(one, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(one, seeds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the seeds; 1 where one failed."""
    parser = argparse.ArgumentParser(prog="run.py simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many lives")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--acts", type=int, default=25, help="random acts in each")
    parser.add_argument("--postgres", default="", help="server URL without a database; SQLite if none")
    parser.add_argument("--jobs", type=int, default=1, help="processes that live at once")
    parser.add_argument("--kills", type=int, default=0, help="instead: kill -9 a process so often")
    options = parser.parse_args(arguments)
    if options.kills:
        return simulate_kills(options.kills, options.first, options.postgres)
    seeds = range(options.first, options.first + options.seeds)
    course, began, failed = Course("seeds", len(seeds)), time.monotonic(), 0
    for failure in lives(seeds, options.acts, options.postgres, options.jobs):
        failed += bool(failure)
        course.count(failure)
    course.finish()
    print(f"{options.seeds} seeds, {failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
