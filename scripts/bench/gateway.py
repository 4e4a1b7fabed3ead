"""The gateway beside the smallest passthrough and beside LiteLLM's proxy: same upstream, same core, in turns.

CPU seconds of the process tree a request come first: they say more than time on a shared machine.
"""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from os import cpu_count, getloadavg, sched_getaffinity
from typing import Any, Final

from backend.cli.devnet.ports import free_port
from scripts.bench.comparison import Comparison, Work, in_turns
from scripts.bench.contestants import Contestant, House, ours, peer, raw
from scripts.bench.flood import flooded
from scripts.bench.litellm_proxy import install
from scripts.bench.load import Void, load
from scripts.bench.refusal import refusals
from scripts.bench.servers import CHUNKS, plain
from scripts.bench_indexer.databases import empty_database
from scripts.progress import say
from scripts.services import SERVERS, reachable

WHOLE: Final = {1: 200, 16: 2_000, 64: 2_000}
"""Requests a round, by connections."""
STREAMS: Final = 64
CROWD: Final = 32
"""Streams at once."""
SHORT, SHORT_STREAMS = 16, 30
"""Chunks of the streams whose first chunk is timed, and how many a round."""
SLOW: Final = 10
"""LiteLLM's proxy is sent so many times fewer."""
LEAST: Final = 16
TRANSFERS: Final = 30
LEAST_ROUNDS: Final = 5
POSTGRES: Final = "postgresql://postgres@127.0.0.1:5432"
REDIS: Final = "redis://127.0.0.1:6379/15"


@dataclass(slots=True)
class Findings:
    """All comparisons by name, the seconds from transfers to refusals, and what was not measured and why."""

    whole: dict[int, Comparison] = field(default_factory=dict)
    streams: Comparison = field(default_factory=Comparison)
    first_chunks: Comparison = field(default_factory=Comparison)
    flood: Comparison = field(default_factory=Comparison)
    refusals: list[float] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    rounds: int = 0
    load: float = 0.0
    """The machine's load average before anything was started: what others wanted of it."""


async def measure(rounds: int, small: int = 1) -> Findings:
    """Everything; `small` divides the numbers of requests, to try it out."""
    found = Findings(rounds=rounds, load=getloadavg()[0])
    core = spare_core()
    async with AsyncExitStack() as stack:
        upstream, _ = await stack.enter_async_context(plain("upstream", free_port(0)))
        house = await stack.enter_async_context(ours("embedded", upstream, core))
        cast = {"raw": await stack.enter_async_context(raw(upstream, core)), "embedded": house.contestant}
        scaled = await _scaled(stack, upstream, core, found)
        cast |= {} if scaled is None else {"scaled": scaled.contestant}
        say("starting LiteLLM's proxy")
        install()
        cast["litellm"] = await stack.enter_async_context(peer(upstream, core))
        await _compare(cast, rounds, small, found)
        say("bad signatures")
        found.flood = await flooded(house.contestant, house.world.devnet.deployment.chain_id, rounds)
        say("transfers")
        await _transfers(house, TRANSFERS // small, found)
    return found


def spare_core() -> int | None:
    """The core that the servers share; the rest is for those who ask. None where there is one only."""
    cores = sorted(sched_getaffinity(0))
    return cores[-1] if len(cores) > 1 and (cpu_count() or 1) > 1 else None


async def _scaled(stack: AsyncExitStack, upstream: str, core: int | None, found: Findings) -> House | None:
    missing = [name for name, port in SERVERS.items() if not reachable(port)]
    if missing:
        found.absent["scaled"] = f"not measured: no {' and no '.join(missing)} on 127.0.0.1"
        return None
    database = stack.enter_context(empty_database(POSTGRES))
    return await stack.enter_async_context(
        ours("scaled", upstream, core, database_url=database, redis_url=REDIS)
    )


async def _compare(cast: Mapping[str, Contestant], rounds: int, small: int, found: Findings) -> None:
    for connections, requests in WHOLE.items():
        say(f"whole answers, {connections} at once")
        found.whole[connections] = await _rounds(cast, requests // small, connections, rounds)
    say("streams")
    found.streams = await _rounds(cast, STREAMS // small, CROWD, rounds, chunks=CHUNKS)
    found.first_chunks = await _rounds(cast, SHORT_STREAMS // small, 1, rounds, chunks=SHORT)


async def _rounds(
    cast: Mapping[str, Contestant], requests: int, connections: int, rounds: int, *, chunks: int = 0
) -> Comparison:
    """Warm up, then rounds in turns."""
    works: dict[str, Work] = {}
    void: dict[str, str] = {}
    for name, one in cast.items():
        count = max(requests // SLOW, LEAST) if name == "litellm" else max(requests, connections)
        asked: Callable[..., Any] = partial(load, requests=count, connections=connections, chunks=chunks)
        try:
            await load(one.target(chunks), max(count // 10, connections), connections, chunks)
        except Void as error:
            void[name] = str(error)
            continue
        works[name] = partial(asked, one.target(chunks))
    found = await in_turns(works, rounds)
    found.void |= void
    return found


async def _transfers(house: House, times: int, found: Findings) -> None:
    try:
        found.refusals = await refusals(house, times)
    except Void as error:
        found.absent["refusals"] = f"void: {error}"
