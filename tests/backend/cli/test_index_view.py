"""What `emporion index` shows.

given a terminal
├── while it catches up: a bar with share, time left and rate
├── at the head: a line with block, lag, rate and reorganisations, drawn over and over; a fork counts
└── warnings stand above it as lines; Ctrl-C ends it with status 0
given none, or --plain
└── lines of the log and nothing drawn
Pulse
└── a rate is of the last seconds alone
"""

import asyncio
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backend.cli.index_view import RATE_SECONDS, Pulse
from backend.core.deployment import write_deployment
from backend.core.settings import load_settings
from backend.db.stores import open_chain_store
from tests.chain_double.chain import ChainDouble
from tests.chain_double.emitter import deployment_of
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.chain_double.server import served
from tests.indexer.harness import START_BLOCK, catch_up

ROOT = Path(__file__).resolve().parents[3]
BLOCKS = 1_500
BAR = re.compile(r"chain 1 \S*[━╸╺].* +\d+% [\d-]:[\d-]{2}:[\d-]{2} [\d,]+ blocks/s")
STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

pytestmark = pytest.mark.integration


class Watched:
    """A process at a terminal, and all it has drawn there, without colours and movements."""

    def __init__(self, process: asyncio.subprocess.Process, terminal: int) -> None:
        self.process = process
        self.drawn = ""
        self._terminal = terminal
        asyncio.get_running_loop().add_reader(terminal, self._read)

    def _read(self) -> None:
        try:
            self.drawn += os.read(self._terminal, 65_536).decode(errors="replace")
        except OSError:
            asyncio.get_running_loop().remove_reader(self._terminal)

    async def shows(self, what: str, seconds: float = 60) -> str:
        """Wait until it was drawn; gives it."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (found := re.search(what, STYLE.sub("", self.drawn))):
            assert asyncio.get_running_loop().time() < deadline, f"no {what} in {self.drawn[:1500]!r}"
            await asyncio.sleep(0.02)
        return found[0]

    async def end(self) -> int:
        """Ctrl-C; its status."""
        self.process.send_signal(signal.SIGINT)
        return await asyncio.wait_for(self.process.wait(), 30)


@pytest.fixture
def market(home: Path) -> Market:
    chain = ChainDouble(seed=11, chain_id=1)
    chain.mine()
    market = Market(chain)
    market.mine_blocks(BLOCKS, most_acts=1)
    write_deployment(home / "deployment.json", deployment_of(chain, START_BLOCK))
    return market


@asynccontextmanager
async def watched(node: NodeDouble, *options: str, terminal: bool = True) -> AsyncIterator[Watched]:
    """`emporion index OPTION...`, its standard error a terminal or a pipe of the same kind."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    async with served(node) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "backend.cli.main", "index", *options),
            cwd=ROOT,
            env={**os.environ, "EMPORION_RPC_URLS": url, "COLUMNS": "120", "TERM": "xterm"},
            stdin=subprocess.DEVNULL,
            stderr=theirs,
        )
        os.close(theirs)
        found = Watched(process, ours)
        try:
            yield found
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            asyncio.get_running_loop().remove_reader(ours)
            os.close(ours)


class FarNode(NodeDouble):
    """One that takes its time, so that catching up can be watched."""

    async def post(self, url: str, body: bytes) -> bytes:
        await asyncio.sleep(0.15)
        return await super().post(url, body)


class TestTerminal:
    async def test_draws_a_bar_then_a_line(self, market: Market) -> None:
        tip = market.chain.tip.number
        async with watched(FarNode(market.chain)) as shown:
            await shown.shows(BAR.pattern)
            await shown.shows(rf"chain 1  block {tip:,}  lag 0 blocks, [\d,]+ s  [\d.,-]+ blocks/s  reorgs 0")
            market.mine_blocks(4)
            await shown.shows(rf"block {tip + 4:,}  lag 0 blocks")
            market.fork(3, 5)
            await shown.shows(rf"block {tip + 6:,}  lag 0 blocks, .* reorgs 1")
            assert await shown.shows(r"\[warning *\] indexer\.reorg\.rewound")
            assert await shown.end() == 0

    async def test_draws_nothing_where_told(self, market: Market) -> None:
        async with watched(NodeDouble(market.chain), "--plain") as shown:
            await shown.shows(r"indexer\.following .*number=")
            assert "━" not in shown.drawn
            assert await shown.end() == 0


class TestNoTerminal:
    async def test_writes_lines(self, market: Market) -> None:
        async with watched(NodeDouble(market.chain), terminal=False) as shown:
            await shown.shows(r"indexer\.following .*number=")
            assert "━" not in shown.drawn
            assert "\x1b" not in shown.drawn
            assert await shown.end() == 0


class TestPulse:
    async def test_rates_the_last_seconds(self, home: Path) -> None:
        chain = ChainDouble(seed=12, chain_id=1)
        chain.mine()
        market, store = Market(chain), await open_chain_store(load_settings(home=home, devnet=True))
        moment = [0.0]
        pulse = Pulse(store, lambda: moment[0])
        node, paces = NodeDouble(chain), []
        for seconds, blocks in ((0.0, 90), (1.0, 30), (RATE_SECONDS, 15), (RATE_SECONDS, 0)):
            moment[0] += seconds
            market.mine_blocks(blocks)
            await catch_up(store, node)
            await pulse.look()
            paces.append(pulse.rate(1))
        await store.close()
        assert paces == [0.0, 30.0, 15 / RATE_SECONDS, 0.0]
