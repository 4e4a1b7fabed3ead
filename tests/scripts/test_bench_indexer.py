"""The benchmark of indexers, as far as it goes without running one.

as_json, as_table
├── medians of each contestant, and the ratio of Ponder's to ours
└── what only one of them has is told without a ratio
our_reader
└── sees newest block, transfers above a block and balances as the indexer wrote them
Ponder's reader
└── asks for ids above a block by the time, chain and number that they begin with
cost: what a process and its children have used so far
"""

import os
from pathlib import Path

from backend.chain.events import Header
from backend.core.settings import load_settings
from backend.db.stores import open_chain_store
from backend.db.tables.chain import Holding
from indexer.shapes import PROJECTED
from scripts.bench_indexer import readers
from scripts.bench_indexer.processes import cost
from scripts.bench_indexer.table import MEASURES, as_json, as_section, as_table
from tests.chain_double.chain import ChainDouble
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.indexer.harness import catch_up, rows_of

RUNS = {
    "rss_mb": {"ours": [100.0]},
    "cold_cpu": {"ours": [4.0, 2.0, 3.0], "ponder": [30.0, 36.0]},
}


class TestTable:
    def test_gives_medians_and_their_ratio(self) -> None:
        assert as_json(RUNS) == {
            "cold_cpu": {"ours": 3.0, "ponder": 33.0, "ratio": 11.0},
            "rss_mb": {"ours": 100.0, "ponder": None, "ratio": None},
        }

    def test_tells_the_spread(self) -> None:
        first, second = as_table(RUNS).splitlines()[2:]
        assert first == f"| {MEASURES['cold_cpu']} | 3 (2–4) | 33 (30–36) | 11.0 |"
        assert second == f"| {MEASURES['rss_mb']} | 100 | - | - |"

    def test_says_what_was_done(self) -> None:
        section = as_section(RUNS, 3, ("5 transfers in 1 block", "2 in 2"), (0.5, 2.0))
        assert section.startswith("## Indexer")
        assert "3 pairs" in section
        assert "0.5 to 2.0" in section


class TestReaders:
    async def test_ours_sees_what_the_indexer_wrote(self, tmp_path: Path) -> None:
        chain = ChainDouble()
        chain.mine()
        market = Market(chain)
        market.mine_blocks(20)
        store = await open_chain_store(load_settings(home=tmp_path, devnet=True))
        await catch_up(store, NodeDouble(chain))
        held = {row["account"]: row["units"] for row in await rows_of(store, PROJECTED[Holding])}
        await store.close()
        last = next(block for block in reversed(chain.blocks) if block.logs)
        below = chain.blocks[last.number - 1]
        with readers.sqlite(tmp_path / "chain.db") as ask:
            reader = readers.our_reader(ask)
            assert reader.newest_block() == last.number
            header = Header(below.number, below.hash, below.parent_hash, below.timestamp)
            assert reader.transfers_above(header) == [last.tx_hash(n) for n, _ in enumerate(last.logs)]
            assert reader.balances().keys() <= held.keys()

    def test_a_table_that_is_not_there_yet_holds_nothing(self, tmp_path: Path) -> None:
        with readers.sqlite(tmp_path / "empty.db") as ask:
            assert readers.our_reader(ask).newest_block() == 0

    def test_ponders_asks_by_the_beginning_of_ids(self) -> None:
        asked: list[str] = []

        def ask(query: str) -> list[tuple[str]]:
            asked.append(query)
            return [("0x" + "ab" * 32,)]

        found = readers.ponders_reader(ask).transfers_above(Header(7, b"", b"", 1_700_000_000))
        assert found == [b"\xab" * 32]
        assert f"'1700000000{31_337:016d}{8:016d}'" in asked[0]


class TestCost:
    def test_tells_what_this_process_used(self) -> None:
        spent = cost(os.getpid())
        assert spent.cpu > 0
        assert spent.rss > 10
