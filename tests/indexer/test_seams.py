"""Where an indexer could come apart: between fork and backfill, deletion and the new branch, two writers

given a fork at any question of a catching up, within finality or beyond
    it should end at the rows of the final branch
given a fork of blocks without logs
    it should replace their headers and count it
given a new branch that cannot be had
    nothing should be deleted
given blocks that are final and blocks that are not
    logs of the first should be asked for by range, of the others by hash
    the heads should be the node's tags, and a depth where it has none
given a fork
    a line of the log should tell its depth and what was taken back
given a row that is there already
    it should be an error, and nothing else of its transaction stay
given two indexers that write one store
    the step of one should be thrown away, and no row be lost or doubled
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress

import psycopg
import pytest
import structlog

from backend.chain.client import NodeClient
from backend.core.errors import DatabaseBusy, NodeError, NodeUnreachable
from backend.db.session import Store
from backend.db.tables.chain import Log, Outbox
from indexer.advance import Indexer, IndexerOptions
from indexer.mirror import Mirror
from indexer.node_source import NodeSource
from indexer.shapes import RAW
from indexer.statements import FEW, in_one_write
from indexer.status import status_of
from tests.chain_double.emitter import deployment_of
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.indexer.harness import OPTIONS, START_BLOCK, catch_up, everything, replayed, rows_of

FINALITY = 20
QUESTIONS = range(4, 22, 3)
"""From the first one after the store is bound to the last of the way to the tip."""


def indexer_of(store: Store, node: NodeDouble) -> Indexer:
    mirror = Mirror(store, deployment_of(node.chain, START_BLOCK))
    source = NodeSource(NodeClient(node, "http://double"), mirror.addresses, FINALITY)
    return Indexer(mirror, source, OPTIONS)


async def standing_events(store: Store) -> list[tuple[bytes, int]]:
    """Block and place of each event that was told and not taken back."""
    rows = await rows_of(store, RAW[Outbox])
    back = {row["retracts"] for row in rows}
    told = [row for row in rows if row["retracts"] is None and row["id"] not in back]
    return sorted((row["block_hash"], row["log_index"]) for row in told)


def events_of(market: Market) -> list[tuple[bytes, int]]:
    return sorted((block.hash, index) for block in market.chain.blocks for index, _ in enumerate(block.logs))


class TestForkOnTheWay:
    @pytest.mark.parametrize("question", QUESTIONS)
    @pytest.mark.parametrize("depth", [4, FINALITY + 15, 90])
    async def test_ends_at_the_final_branch(
        self, store: Store, fresh_store: Store, market: Market, depth: int, question: int
    ) -> None:
        market.chain.finality_depth = FINALITY
        market.mine_blocks(140)
        node = NodeDouble(market.chain)
        forks = self._forking(market, node, depth, question)
        node.faults.hooks.append(lambda _: next(forks, None))
        for _ in range(4):
            with suppress(NodeError):
                await catch_up(store, node)
        assert node.posts > question
        assert await everything(store) == await replayed(fresh_store, market.chain)
        assert await standing_events(store) == events_of(market)

    def _forking(self, market: Market, node: NodeDouble, depth: int, question: int) -> Iterator[None]:
        while node.posts < question:
            yield
        market.fork(depth, depth + 1)


class TestForkWithoutLogs:
    async def test_is_seen(self, store: Store, fresh_store: Store, market: Market) -> None:
        market.mine_blocks(30)
        market.chain.mine_empty(6)
        await catch_up(store, NodeDouble(market.chain))
        told = await rows_of(store, RAW[Outbox])
        market.chain.fall_back(4)
        market.chain.mine_empty(5)
        await catch_up(store, NodeDouble(market.chain))
        assert await everything(store) == await replayed(fresh_store, market.chain)
        assert (await status_of(store))[0].reorgs == 1
        assert await rows_of(store, RAW[Outbox]) == told


class TestBranchThatCannotBeHad:
    async def test_takes_nothing_away(self, store: Store, fresh_store: Store, market: Market) -> None:
        market.mine_blocks(60)
        node = NodeDouble(market.chain)
        await catch_up(store, node)
        before = await everything(store)
        market.fork(12, 13)
        after = await replayed(fresh_store, market.chain)
        in_vain = 0
        while await everything(store) == before:
            self._fall_silent(node, after_questions=in_vain)
            with suppress(NodeUnreachable):
                await catch_up(store, node)
            in_vain += 1
        assert in_vain > len(["id", "genesis", "anchor", "heads", "head", "branch", "logs"])
        assert await everything(store) == after

    def _fall_silent(self, node: NodeDouble, after_questions: int) -> None:
        last = node.posts + after_questions

        def silent(_methods: Sequence[str]) -> None:
            node.faults.drops = int(node.posts > last)

        node.faults.hooks = [silent]


class TestFinality:
    @pytest.mark.parametrize(("tag", "finalized"), [(FINALITY, FINALITY), (None, 7)])
    async def test_by_the_nodes_tag_else_by_depth(
        self, store: Store, market: Market, tag: int | None, finalized: int
    ) -> None:
        market.chain.finality_depth = tag
        market.mine_blocks(90)
        node, tip = NodeDouble(market.chain), market.chain.tip.number
        await catch_up(store, node, IndexerOptions(finality_depth=7, step_blocks=1_000))
        (found,) = await status_of(store)
        assert found.finalized == tip - finalized
        assert found.safe == tip - (finalized if tag is None else tag // 2)
        asked = [params[0] for method, params in node.asked if method == "eth_getLogs"]
        ranges = [int(wanted["toBlock"], 16) for wanted in asked if "toBlock" in wanted]
        hashes = {wanted["blockHash"] for wanted in asked if "blockHash" in wanted}
        assert max(ranges) == tip - finalized
        assert hashes == {"0x" + block.hash.hex() for block in market.chain.blocks[-finalized:]}


class TestToldFork:
    async def test_in_a_line_of_the_log(self, store: Store, market: Market) -> None:
        market.mine_blocks(30)
        await catch_up(store, NodeDouble(market.chain))
        gone = sum(len(block.logs) for block in market.chain.blocks[-4:])
        fork = market.chain.tip.number - 4
        market.fork(4, 5)
        with structlog.testing.capture_logs() as told:
            await catch_up(store, NodeDouble(market.chain))
        (rewound,) = [line for line in told if line["event"] == "indexer.reorg.rewound"]
        expected = {"chain_id": 31_337, "depth": 4, "fork": fork, "retracted": gone, "rebuilt": False}
        assert rewound.items() >= expected.items()


class TestRowTwice:
    @pytest.mark.parametrize("many", [1, 3 * FEW])
    async def test_is_an_error_and_keeps_nothing(self, store: Store, market: Market, many: int) -> None:
        market.mine_blocks(30)
        await catch_up(store, NodeDouble(market.chain))
        before = await everything(store)
        shape, known = RAW[Log], before["logs"][0]
        fresh = [{**known, "block_number": 10**6, "log_index": index} for index in range(many)]
        rows = [tuple(row[name] for name in shape.columns) for row in [*fresh, known]]
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.UniqueViolation)):
            await in_one_write(store, lambda db: db.append(shape, rows))
        assert await everything(store) == before


class TestTwoWriters:
    async def test_are_harmless(self, store: Store, fresh_store: Store, market: Market) -> None:
        node = NodeDouble(market.chain)
        market.mine_blocks(20)
        writers = [indexer_of(store, node) for _ in range(2)]
        for writer in writers:
            await writer.begin()
        thrown_away = 0
        for turn in range(6):
            market.fork(3, 5)
            for writer in (writers[turn % 2], writers[1 - turn % 2]):
                try:
                    await writer.catch_up()
                except DatabaseBusy:
                    thrown_away += 1
            assert await everything(store) == await replayed(fresh_store, market.chain)
        assert thrown_away > 0
        assert await standing_events(store) == events_of(market)
