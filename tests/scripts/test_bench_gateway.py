"""The gateway's benchmark: its arithmetic, not its figures.

in_turns
├── runs every contestant once a round, in turns
└── runs one no more that answered wrong, and says why
Comparison
├── takes ratios of paired rounds, not of medians
├── takes percentiles over the requests of all rounds
└── gives nothing for one that is void or absent
load
├── voids an answer that is not 200, and a stream that ends early
└── counts the CPU of a process and of all below it
report
├── says met, missed, void; has a row for every bound of the design
├── gives ours, raw, litellm and both ratios; null where one has none
└── tells what is void or was not measured, and why
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from scripts.bench.comparison import Comparison, in_turns
from scripts.bench.gateway import WHOLE, Findings
from scripts.bench.load import Round, Target, Void, cpu_seconds, load, tree
from scripts.bench.report import Bound, details, figures, page, table

PLAIN = Round(1.0, 0.5, 0.25, 100.0, 2.0, 4.0, 50.0, (0.001, 0.002, 0.003))


def rounds(*cpu_ms: float) -> list[Round]:
    return [replace(PLAIN, cpu_ms=one) for one in cpu_ms]


class TestInTurns:
    async def test_takes_turns(self) -> None:
        order: list[str] = []

        def work(name: str) -> Callable[[], Awaitable[Round]]:
            async def one() -> Round:
                order.append(name)
                return PLAIN

            return one

        found = await in_turns({"a": work("a"), "b": work("b")}, 2)
        assert order == ["a", "b", "a", "b"]
        assert found.rounds == {"a": [PLAIN, PLAIN], "b": [PLAIN, PLAIN]}

    async def test_runs_the_void_no_more(self) -> None:
        asked = 0

        async def wrong() -> Round:
            nonlocal asked
            asked += 1
            if asked == 2:
                raise Void("answered 500")
            return PLAIN

        found = await in_turns({"a": wrong}, 4)
        assert asked == 2
        assert found.void == {"a": "answered 500"}
        assert found.median("a", "cpu_ms") is None


class TestComparison:
    def test_takes_ratios_of_pairs(self) -> None:
        found = Comparison({"ours": rounds(2, 30, 4), "raw": rounds(1, 10, 4)})
        assert found.ratio("ours", "raw") == 2
        assert found.median("ours", "cpu_ms") == 4

    def test_takes_percentiles_over_all_requests(self) -> None:
        late = replace(PLAIN, latencies=(0.005, 0.006, 0.007))
        found = Comparison({"ours": [PLAIN, late], "raw": [PLAIN, PLAIN]})
        assert found.latency("ours", 50) == pytest.approx(4.0)
        assert found.added("ours", "raw", 50) == pytest.approx(2.0)

    def test_gives_nothing_for_the_void(self) -> None:
        found = Comparison({"ours": rounds(1), "raw": rounds(1)}, {"raw": "answered 500"})
        assert (
            found.ratio("ours", "raw") is found.added("ours", "raw", 50) is found.median("no", "rate") is None
        )
        assert found.median("ours", "cpu_ms") == 1


@asynccontextmanager
async def answering(status: int, body: bytes) -> AsyncIterator[Target]:
    """A server that always says the same."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield Target("it", f"http://127.0.0.1:{runner.addresses[0][1]}/", {}, b"{}", os.getpid())
    finally:
        await runner.cleanup()


class TestLoad:
    async def test_counts_right_answers(self) -> None:
        async with answering(200, b"{}") as target:
            found = await load(target, requests=20, connections=2)
        assert len(found.latencies) == 20
        assert 0 < found.p50_ms <= found.p99_ms
        assert found.rss_mb > 0

    @pytest.mark.parametrize(
        ("status", "body", "chunks"),
        [
            (500, b"{}", 0),
            (429, b"{}", 0),
            (200, b"data: {}\n\ndata: [DONE]\n\n", 2),
            (200, b"data: 1\n\ndata: 2\n\ndata: 3\n\n", 2),
        ],
    )
    async def test_voids_a_wrong_answer(self, status: int, body: bytes, chunks: int) -> None:
        async with answering(status, body) as target:
            with pytest.raises(Void, match="it "):
                await load(target, requests=4, connections=2, chunks=chunks)

    async def test_counts_whole_trees(self) -> None:
        spawn = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", spawn, stdin=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            while len(tree(process.pid)) < 2:
                await asyncio.sleep(0.05)
        assert tree(process.pid)[0] == process.pid
        assert cpu_seconds(process.pid) >= 0
        await process.communicate(b"\n")
        assert cpu_seconds(process.pid) == 0
        assert tree(process.pid) == [process.pid]


def found() -> Findings:
    """Ours costs twice raw and a tenth of LiteLLM; there is no PostgreSQL, and LiteLLM's streams are void."""

    def one() -> Comparison:
        return Comparison({"raw": rounds(1, 1), "embedded": rounds(2, 2), "litellm": rounds(20, 20)})

    streams = one()
    streams.void["litellm"] = "litellm answered 500"
    flood = Comparison({"quiet": [PLAIN], "flooded": [replace(PLAIN, latencies=(0.002, 0.004, 0.006))]})
    whole = {connections: one() for connections in WHOLE}
    absent = {"scaled": "not measured: no Redis"}
    return Findings(whole, streams, one(), flood, [0.5, 1.5], absent, rounds=2)


class TestReport:
    @pytest.mark.parametrize(
        ("bound", "verdict"),
        [
            (Bound("m", 1.0, 1.0), "met"),
            (Bound("m", 1.1, 1.0), "**missed**"),
            (Bound("m", 15.0, 15, least=True), "met"),
            (Bound("m", 14.0, 15, least=True), "**missed**"),
            (Bound("m", None, 1.0), "void"),
        ],
    )
    def test_says_whether_met(self, bound: Bound, verdict: str) -> None:
        assert bound.verdict() == verdict
        assert bound.row().endswith(f"| {verdict} |")

    def test_has_a_row_for_every_bound(self) -> None:
        told = table(found())
        assert "| CPU a request / raw, embedded, 16 connections | <= 1.25 | 2.00 | **missed** |" in told
        assert "| LiteLLM / ours, CPU a request, embedded | >= 15 | 10.00 | **missed** |" in told
        assert "| CPU a request / raw, PostgreSQL + Redis | <= 1.6 | - | void |" in told
        assert (
            "| honest p99 rises under 200 bad signatures a second by | <= 20 % | 100 % | **missed** |" in told
        )
        assert len(told.splitlines()) == 2 + 15

    def test_gives_figures(self) -> None:
        told = figures(found())
        expected = {"ours": 2.0, "raw": 1.0, "litellm": 20.0, "ratio_raw": 2.0, "ratio_litellm": 10.0}
        assert told["cpu_per_request_embedded"] == expected
        assert told["cpu_per_request_scaled"] == {
            "ours": None,
            "raw": 1.0,
            "litellm": 20.0,
            "ratio_raw": None,
            "ratio_litellm": None,
        }
        assert told["cpu_per_chunk"]["litellm"] is told["cpu_per_chunk"]["ratio_litellm"] is None
        assert told["refusal_p99_s"]["ours"] == pytest.approx(1.49)
        assert {"added_p50_ms", "added_p99_ms", "rss_mb"} <= told.keys()

    def test_tells_of_honest_requests_beside_others(self) -> None:
        assert "a second take 2.98 ms (p99) alone, - ms beside 200 mistyped keys" in page(found())

    def test_tells_what_is_not_measured(self) -> None:
        assert "void: litellm answered 500" in details(found())
        assert "not measured: no Redis" in page(found())
        assert "virtual keys | not measured: " in page(found())
