"""What an indexer is up against

given a node that has pruned its logs
    it should be refused, and say what to use instead; nothing is skipped
given a node that lies about hashes, repeats a log, gives one nobody asked for, or answers out of shape
    nothing of it should be written, and the next honest answer taken
given a deployment record that begins after the contracts' first event
    it should be refused, and say what to set
    by a node that has forgotten the state, it should be refused at the first amount that cannot be
given a full disk
    it should say so, lose nothing, and go on when there is room
given a database connection lost in the middle of a step, or just after its commit
    nothing should be lost or written twice
given several chains in one store
    each should keep its rows apart, also where a fork deeper than the journal has all of one made again
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import pytest

from backend.chain.client import NodeClient
from backend.core.errors import (
    DatabaseUnreachable,
    DeploymentMismatch,
    EmporionError,
    NodeError,
)
from backend.db.session import Store
from backend.db.tables.chain import Block, Log, Outbox
from indexer.advance import Indexer
from indexer.loop import ChainJob, IndexerOptions, index_once, run_indexers
from indexer.mirror import Mirror
from indexer.node_source import NodeSource
from indexer.shapes import FACTS, PROJECTED, RAW
from indexer.statements import Statements, in_one_write
from indexer.status import status_of
from tests.chain_double.chain import ChainDouble
from tests.chain_double.emitter import deployment_of
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.indexer.harness import OPTIONS, START_BLOCK, catch_up, everything, replayed, rows_of

T = TypeVar("T")


class TestPrunedNode:
    async def test_is_refused_from_the_start(self, store: Store, market: Market) -> None:
        market.mine_blocks(150)
        node = NodeDouble(market.chain)
        node.faults.empty_logs = 1_000
        with pytest.raises(NodeError, match="archive"):
            await catch_up(store, node)
        assert await rows_of(store, RAW[Outbox]) == []

    async def test_is_refused_after_a_long_stop(
        self, store: Store, fresh_store: Store, market: Market
    ) -> None:
        market.mine_blocks(20)
        await catch_up(store, NodeDouble(market.chain))
        market.mine_blocks(200)
        node = NodeDouble(market.chain)
        node.faults.empty_logs = 1_000
        with pytest.raises(NodeError, match="pruned"):
            await catch_up(store, node)
        await catch_up(store, NodeDouble(market.chain))
        assert await everything(store) == await replayed(fresh_store, market.chain)


def other_hash(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "blockHash": "0x" + "ee" * 32}


def lies_about_logs(method: str, result: Any) -> Any:
    return [other_hash(entry) for entry in result] if method == "eth_getLogs" else result


def gives_another_number(method: str, result: Any) -> Any:
    return {**result, "number": hex(int(result["number"], 16) + 1)} if method.endswith("ByNumber") else result


def breaks_the_chain(method: str, result: Any) -> Any:
    return {**result, "parentHash": "0x" + "dd" * 32} if method.endswith("ByNumber") else result


def forgets_a_field(method: str, result: Any) -> Any:
    if method != "eth_getLogs":
        return result
    return [{key: value for key, value in entry.items() if key != "data"} for entry in result]


def gives_no_list(method: str, result: Any) -> Any:
    return None if method == "eth_getLogs" else result


def cuts_a_hash(method: str, result: Any) -> Any:
    if method != "eth_getLogs":
        return result
    return [{**entry, "transactionHash": entry["transactionHash"][:-2]} for entry in result]


def repeats_a_log(method: str, result: Any) -> Any:
    return [*result, *result[:1]] if method == "eth_getLogs" else result


def adds_a_strangers_log(method: str, result: Any) -> Any:
    if method != "eth_getLogs" or not result:
        return result
    return [*result, {**result[-1], "address": "0x" + "cc" * 20, "logIndex": "0xfff"}]


LIES = [
    lies_about_logs,
    gives_another_number,
    breaks_the_chain,
    forgets_a_field,
    gives_no_list,
    cuts_a_hash,
    repeats_a_log,
    adds_a_strangers_log,
]


class TestLyingNode:
    @pytest.mark.parametrize("lie", LIES)
    async def test_start_block_not_moved_before_the_query_succeeded(
        self, store: Store, fresh_store: Store, market: Market, lie: Callable[[str, Any], Any]
    ) -> None:
        market.mine_blocks(120)
        node = NodeDouble(market.chain)
        await catch_up(store, node)
        before = await everything(store)
        market.mine_blocks(30)
        node.faults.lie = lie
        with pytest.raises(NodeError):
            await catch_up(store, node)
        assert await everything(store) == before
        node.faults.lie = None
        await catch_up(store, node)
        assert await everything(store) == await replayed(fresh_store, market.chain)


class TestLateRecord:
    LATE = 60

    async def test_is_refused(self, store: Store, market: Market) -> None:
        market.mine_blocks(150)
        client = NodeClient(NodeDouble(market.chain), "http://double")
        with pytest.raises(DeploymentMismatch, match="AccessToken.* stood on the chain .*start_block"):
            await index_once(store, client, deployment_of(market.chain, self.LATE), OPTIONS)
        assert await status_of(store) == []

    async def test_is_refused_when_nobody_remembers(self, store: Store, market: Market) -> None:
        market.mine_blocks(150)
        node = NodeDouble(market.chain)
        node.forgets_state = True
        client, record = NodeClient(node, "http://double"), deployment_of(market.chain, self.LATE)
        with pytest.raises(DeploymentMismatch, match="start_block"):
            await index_once(store, client, record, OPTIONS)
        assert await rows_of(store, RAW[Outbox]) == []

    async def test_forgotten_state_is_no_reason(
        self, store: Store, fresh_store: Store, market: Market
    ) -> None:
        market.mine_blocks(20)
        node = NodeDouble(market.chain)
        node.forgets_state = True
        await catch_up(store, node)
        assert await everything(store) == await replayed(fresh_store, market.chain)


class FillsDisk:
    """A writer whose PostgreSQL finds no room at the end of a step, as the server says it."""

    full = True

    async def __call__(self, store: Store, work: Callable[[Statements], T]) -> T:
        def filled(db: Statements) -> T:
            result = work(db)
            if self.full:
                db.run("DO $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$")
            return result

        return await in_one_write(store, filled)


class TestFullDisk:
    async def test_is_said_and_survived(self, store: Store, fresh_store: Store, market: Market) -> None:
        market.mine_blocks(10)
        node, writer = NodeDouble(market.chain), FillsDisk()
        await catch_up(store, node)
        before = await everything(store)
        market.mine_blocks(60)
        await self._fill(store)
        with pytest.raises(DatabaseUnreachable, match="disk is full"):
            await (
                catch_up(store, node) if store.dialect == "sqlite" else self._written_by(writer, store, node)
            )
        assert await everything(store) == before
        await self._make_room(store)
        await catch_up(store, node)
        assert await everything(store) == await replayed(fresh_store, market.chain)

    async def _written_by(self, writer: FillsDisk, store: Store, node: NodeDouble) -> None:
        mirror = Mirror(store, deployment_of(node.chain, START_BLOCK), writer)
        indexer = Indexer(
            mirror, NodeSource(NodeClient(node, "http://double"), mirror.addresses, 64), OPTIONS
        )
        await indexer.begin()
        await indexer.catch_up()

    async def _fill(self, store: Store) -> None:
        if store.dialect == "sqlite":
            await self._limit(store, pages=0)

    async def _make_room(self, store: Store) -> None:
        if store.dialect == "sqlite":
            await self._limit(store, pages=2**30)

    async def _limit(self, store: Store, pages: int) -> None:
        """On the connection that steps are written by: the limit is each connection's own."""

        def limit(connection: sqlite3.Connection) -> None:
            (used,) = connection.execute("PRAGMA chain.page_count").fetchone()
            connection.execute(f"PRAGMA chain.max_page_count={max(pages, used)}")

        await store.write_sqlite(limit)


class LosesConnection:
    """A writer whose connection is lost after the work, before or after the commit."""

    def __init__(self, after_commit: bool) -> None:
        self.after_commit = after_commit
        self.times = 1

    async def __call__(self, store: Store, work: Callable[[Statements], T]) -> T:
        loses, self.times = self.times > 0, self.times - 1

        def broken(db: Statements) -> T:
            result = work(db)
            if loses and not self.after_commit:
                raise DatabaseUnreachable("lost before the commit")
            return result

        result = await in_one_write(store, broken)
        if loses and self.after_commit:
            raise DatabaseUnreachable("lost with the answer")
        return result


class EndsConnection:
    """A writer whose server ends the connection in the middle of the step."""

    ends = True

    async def __call__(self, store: Store, work: Callable[[Statements], T]) -> T:
        def ended(db: Statements) -> T:
            result = work(db)
            if self.ends:
                db.run("SELECT pg_terminate_backend(pg_backend_pid())")
            return result

        return await in_one_write(store, ended)


class TestLostConnection:
    @pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
    async def test_that_the_server_ended_is_made_again(
        self, store: Store, fresh_store: Store, market: Market
    ) -> None:
        market.mine_blocks(30)
        node = NodeDouble(market.chain)
        await catch_up(store, node)
        before, writer = await everything(store), EndsConnection()
        mirror = Mirror(store, deployment_of(market.chain, START_BLOCK), writer)
        source = NodeSource(NodeClient(node, "http://double"), mirror.addresses, 64)
        indexer = Indexer(mirror, source, OPTIONS)
        await indexer.begin()
        market.fork(5, 9)
        with pytest.raises(DatabaseUnreachable, match="does not answer") as lost:
            await indexer.catch_up()
        assert lost.value.retryable
        assert await everything(store) == before
        writer.ends = False
        await indexer.catch_up()
        assert await everything(store) == await replayed(fresh_store, market.chain)

    @pytest.mark.parametrize("after_commit", [False, True])
    async def test_loses_and_doubles_nothing(
        self, store: Store, fresh_store: Store, market: Market, after_commit: bool
    ) -> None:
        market.mine_blocks(90)
        node, writer = NodeDouble(market.chain), LosesConnection(after_commit)
        writer.times = 0
        mirror = Mirror(store, deployment_of(market.chain, START_BLOCK), writer)
        source = NodeSource(NodeClient(node, "http://double"), mirror.addresses, 64)
        indexer = Indexer(mirror, source, OPTIONS)
        await indexer.begin()
        for _ in range(6):
            writer.times = 1
            with suppress(EmporionError):
                await indexer.catch_up()
            market.fork(2, 4)
        await indexer.catch_up()
        assert await everything(store) == await replayed(fresh_store, market.chain)
        outbox = await rows_of(store, RAW[Outbox])
        places = [(row["block_hash"], row["log_index"]) for row in outbox if row["retracts"] is None]
        assert len(places) == len(set(places))


class TestSeveralChains:
    async def test_keep_apart(self, store: Store, fresh_store: Store) -> None:
        markets = []
        for number, seed in ((1, 5), (10, 6)):
            chain = ChainDouble(seed, chain_id=number)
            chain.mine()
            markets.append(Market(chain))
        stop, jobs = asyncio.Event(), []
        for market in markets:
            market.mine_blocks(70)
            client = NodeClient(NodeDouble(market.chain), "http://double")
            record = deployment_of(market.chain, START_BLOCK)
            jobs.append(ChainJob(record, client, options=IndexerOptions(poll_interval_ms=20)))
        running = asyncio.create_task(run_indexers(store, jobs, stop))
        for depths in ((3, 3), (67, 3), (3, 68)):  # within the journal, and deeper: all rows made again
            await self._both_at_head(store, markets)
            for market, depth in zip(markets, depths, strict=True):
                market.fork(depth, depth + 2)
        await self._both_at_head(store, markets)
        stop.set()
        await running
        for market in markets:
            record = deployment_of(market.chain, START_BLOCK)
            await index_once(fresh_store, NodeClient(NodeDouble(market.chain), "http://double"), record)
        for shape in [*PROJECTED.values(), *FACTS.values(), RAW[Log], RAW[Block]]:
            assert await rows_of(store, shape) == await rows_of(fresh_store, shape)

    async def _both_at_head(self, store: Store, markets: list[Market]) -> None:
        for _ in range(6_000):
            if [row.hash for row in await status_of(store)] == [market.chain.tip.hash for market in markets]:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("a chain was not followed")
