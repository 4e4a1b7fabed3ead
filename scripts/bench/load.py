"""Load on a server, and the CPU seconds its process spends on it."""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import aiohttp

TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Target:
    """A server to load: where, with which headers and body, and the process whose CPU counts."""

    name: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    pid: int


@dataclass(frozen=True, slots=True)
class Round:
    """One run: seconds of CPU a request, requests a second, latencies in milliseconds, resident MB."""

    cpu_ms: float
    rate: float
    p50_ms: float
    p99_ms: float
    rss_mb: float


async def load(target: Target, requests: int, connections: int) -> Round:
    """Send requests over connections. Raises RuntimeError when one is not answered with 200."""
    latencies: list[float] = []
    waiting = iter(range(requests))
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        cpu, start = cpu_seconds(target.pid), time.perf_counter()
        await asyncio.gather(*(_caller(session, target, waiting, latencies) for _ in range(connections)))
        elapsed, spent = time.perf_counter() - start, cpu_seconds(target.pid) - cpu
    cut = quantiles(latencies, n=100, method="inclusive")
    return Round(
        cpu_ms=1_000 * spent / requests,
        rate=requests / elapsed,
        p50_ms=1_000 * median(latencies),
        p99_ms=1_000 * cut[98],
        rss_mb=resident_mb(target.pid),
    )


async def _caller(
    session: aiohttp.ClientSession, target: Target, waiting: Iterator[int], latencies: list[float]
) -> None:
    for _ in waiting:
        start = time.perf_counter()
        async with session.post(target.url, data=target.body, headers=dict(target.headers)) as answer:
            told = await answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{target.name} answered {answer.status}: {told[:300]!r}")
        latencies.append(time.perf_counter() - start)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all threads (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid: int) -> float:
    """Resident memory of a process (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1_024
    return 0.0


def descendant(pid: int, words: str) -> int:
    """The process below `pid` whose command line holds these words. Raises RuntimeError."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in map(int, children):
        if words in Path(f"/proc/{child}/cmdline").read_text().replace("\0", " "):
            return child
        try:
            return descendant(child, words)
        except RuntimeError:
            continue
    raise RuntimeError(f"no process with {words!r} below {pid}")
