"""Load on a server, and the CPU seconds its processes spend on it."""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import aiohttp

TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
SECONDS: Final = 300.0
"""The longest a request may take."""


class Void(RuntimeError):
    """An answer that was not the one asked for: what was measured says nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server to load: where, with which headers and body, the process whose tree's CPU counts, and those of
    the servers behind it, counted apart.
    """

    name: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    pid: int
    behind: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """One run: CPU of the process tree a request, of the process alone and of the servers behind it, requests
    a second, latencies (for streams: to the first chunk), resident MB of the process. Times in ms.
    """

    cpu_ms: float
    own_cpu_ms: float
    behind_cpu_ms: float
    rate: float
    p50_ms: float
    p99_ms: float
    rss_mb: float
    latencies: tuple[float, ...] = field(default=(), repr=False)


@dataclass(slots=True)
class _Spent:
    """CPU seconds as of now."""

    tree: float
    own: float
    behind: float

    @classmethod
    def by(cls, target: Target) -> "_Spent":
        return cls(
            sum(map(cpu_seconds, tree(target.pid))),
            cpu_seconds(target.pid),
            sum(map(cpu_seconds, target.behind)),
        )


async def load(target: Target, requests: int, connections: int, chunks: int = 0) -> Round:
    """Send requests over connections; `chunks`: how many parts a stream must have. Raises Void."""
    latencies: list[float] = []
    waiting = iter(range(requests))
    connector = aiohttp.TCPConnector(limit=connections)
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        before, start = _Spent.by(target), time.perf_counter()
        callers = (_caller(session, target, waiting, latencies, chunks) for _ in range(connections))
        try:
            await asyncio.gather(*callers)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Void(f"{target.name}: {type(error).__name__} {error}") from error
        elapsed, after = time.perf_counter() - start, _Spent.by(target)
    return Round(
        cpu_ms=1_000 * (after.tree - before.tree) / requests,
        own_cpu_ms=1_000 * (after.own - before.own) / requests,
        behind_cpu_ms=1_000 * (after.behind - before.behind) / requests,
        rate=requests / elapsed,
        p50_ms=1_000 * median(latencies),
        p99_ms=1_000 * percentile(latencies, 99),
        rss_mb=resident_mb(target.pid),
        latencies=tuple(latencies),
    )


def percentile(values: list[float], share: int) -> float:
    """The value below which this share of a hundred lies."""
    return quantiles(values, n=100, method="inclusive")[share - 1] if len(values) > 1 else values[0]


async def _caller(
    session: aiohttp.ClientSession,
    target: Target,
    waiting: Iterator[int],
    latencies: list[float],
    chunks: int,
) -> None:
    latencies.extend([await ask(session, target, chunks) for _ in waiting])


async def ask(session: aiohttp.ClientSession, target: Target, chunks: int = 0) -> float:
    """One request: seconds to its end, or to a stream's first chunk. Raises Void."""
    start = time.perf_counter()
    async with session.post(target.url, data=target.body, headers=dict(target.headers)) as answer:
        first = await answer.content.readany() if chunks else b""
        seconds = time.perf_counter() - start
        told = first + await answer.read()
        if answer.status != 200:
            raise Void(f"{target.name} answered {answer.status}: {told[:300]!r}")
        if chunks and (told.count(b"\ndata: ") < chunks or b"[DONE]" not in told):
            raise Void(f"{target.name} ended a stream early: {told[-300:]!r}")
    return seconds if chunks else time.perf_counter() - start


def tree(pid: int) -> list[int]:
    """A process and all below it (Linux)."""
    found = [pid]
    for one in found:
        for task in _listed(Path(f"/proc/{one}/task")):
            found += map(int, _text(task / "children").split())
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all threads; 0 for one that is gone (Linux)."""
    fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def resident_mb(pid: int) -> float:
    """Resident memory of a process (Linux)."""
    for line in _text(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1_024
    return 0.0


def descendant(pid: int, words: str) -> int:
    """The process below `pid` whose command line holds these words. Raises RuntimeError."""
    for child in tree(pid)[1:]:
        if words in _text(Path(f"/proc/{child}/cmdline")).replace("\0", " "):
            return child
    raise RuntimeError(f"no process with {words!r} below {pid}")


def keep_to(core: int, *pids: int) -> None:
    """Let processes, all their threads and what they start run on this core alone (Linux)."""
    for pid in pids:
        for one in tree(pid):
            for task in _listed(Path(f"/proc/{one}/task")):
                os.sched_setaffinity(int(task.name), {core})


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
