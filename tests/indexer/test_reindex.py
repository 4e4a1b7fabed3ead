"""reindex

given a mirror of a forked chain
    it should make every row again as it is, the journal too
    also where a batch of logs ends within a block, and where rows do not stay in memory
given rows that were corrupted
    it should repair them
    and forks after it should still be undone exactly
given readers
    they should go on, and see the old rows until the new ones are there
given an indexer that holds the store
    it should refuse and say what to do
given one that takes the store over in the middle
    nothing should be changed: half of the rows are no rows
given one that wrote since the rows were made
    nothing should be changed
given one that replaced blocks and brought them back meanwhile
    nothing should be changed: what was read may be of both branches
given a database that is lost at any statement
    nothing should be changed, and the next one should make all of it
given another chain in the same store, with the same services and accounts
    it should make the rows of one again, and leave those of the other exactly as they were
given logs of a block that is missing
    it should say so, and change nothing
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast

import pytest
from sqlalchemy import text

from backend.core.errors import DatabaseBusy, DatabaseError, DatabaseUnreachable
from backend.db.session import Store
from backend.db.tables.chain import Holding, Log, Outbox, Undo
from indexer import reindex as module
from indexer import replay
from indexer.lease import sole_writer
from indexer.reindex import reindex
from indexer.shapes import RAW, SHAPES
from indexer.statements import Statements, in_one_write
from tests.chain_double.chain import ChainDouble
from tests.chain_double.emitter import deployment_of
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.indexer.harness import START_BLOCK, catch_up, everything, replayed, rows_of
from tests.indexer.simulation import Breaking

T = TypeVar("T")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def mirrored(store: Store, market: Market) -> NodeDouble:
    market.mine_blocks(90)
    node = NodeDouble(market.chain)
    await catch_up(store, node)
    market.fork(7, 9)
    await catch_up(store, node)
    return node


class LosesDatabase:
    """A writer whose database is lost after so many statements, of whichever transactions."""

    def __init__(self, after: int) -> None:
        self.left = after

    async def __call__(self, store: Store, work: Callable[[Statements], T]) -> T:
        return await in_one_write(store, lambda db: self._until_lost(Breaking(db, self.left), work))

    def _until_lost(self, db: Breaking, work: Callable[[Statements], T]) -> T:
        try:
            return work(cast("Statements", db))
        finally:
            self.left = db.left


class TestReindex:
    async def test_makes_every_row_again(self, store: Store, market: Market) -> None:
        await mirrored(store, market)
        before, journal = await everything(store), await rows_of(store, RAW[Undo])
        done = await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)
        assert await everything(store) == before
        assert await rows_of(store, RAW[Undo]) == journal
        assert done.rows["holdings"] == len(before["holdings"])

    @pytest.mark.parametrize(("batch", "held"), [(1, 10_000), (7, 10_000), (7, 3), (10_000, 0)])
    async def test_makes_them_again_whatever_it_holds_at_once(
        self, store: Store, market: Market, monkeypatch: pytest.MonkeyPatch, batch: int, held: int
    ) -> None:
        await mirrored(store, market)
        before, journal = await everything(store), await rows_of(store, RAW[Undo])
        monkeypatch.setattr(replay, "BATCH", batch)
        monkeypatch.setattr(replay, "HELD", held)
        await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)
        assert await everything(store) == before
        assert await rows_of(store, RAW[Undo]) == journal

    async def test_repairs_corrupted_rows(self, store: Store, fresh_store: Store, market: Market) -> None:
        node = await mirrored(store, market)
        before = await everything(store)
        async with store.write_connection() as connection:
            await connection.execute(text("UPDATE chain.holdings SET units = units + 1"))
            await connection.execute(text("DELETE FROM chain.tabs"))
        await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)
        assert await everything(store) == before
        market.fork(20, 21)
        await catch_up(store, node)
        assert await everything(store) == await replayed(fresh_store, market.chain)

    async def test_readers_go_on(self, store: Store, market: Market) -> None:
        await mirrored(store, market)
        expected = await rows_of(store, SHAPES[Holding])
        running = asyncio.create_task(reindex(store, deployment_of(market.chain, START_BLOCK), now_ms))
        reads = 0
        while not running.done():
            assert await rows_of(store, SHAPES[Holding]) == expected
            reads += 1
        await running
        assert reads > 1

    async def test_refuses_beside_an_indexer(
        self, store: Store, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await mirrored(store, market)
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
        async with sole_writer(store, asyncio.Event(), now_ms):
            with pytest.raises(DatabaseBusy, match="stop it"):
                await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)

    async def test_changes_nothing_when_taken_over(
        self, store: Store, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await mirrored(store, market)
        before, lost = await everything(store), asyncio.Event()

        @asynccontextmanager
        async def losing(*_: object) -> AsyncIterator[asyncio.Event]:
            yield lost

        monkeypatch.setattr(module, "sole_writer", losing)
        monkeypatch.setattr(replay, "BATCH", 10)
        with pytest.raises(DatabaseBusy, match="another indexer"):
            await reindex(
                store, deployment_of(market.chain, START_BLOCK), now_ms, progress=lambda *_: lost.set()
            )
        assert await everything(store) == before

    async def test_changes_nothing_when_another_wrote(
        self, store: Store, fresh_store: Store, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        node = await mirrored(store, market)

        async def filled_too_late(*_: object) -> None:
            market.mine_blocks(3)
            await catch_up(store, node)

        monkeypatch.setattr(module, "_fill_shadows", filled_too_late)
        with pytest.raises(DatabaseBusy, match="another indexer"):
            await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)
        assert await everything(store) == await replayed(fresh_store, market.chain)

    async def test_changes_nothing_when_a_branch_left_and_came_back(
        self, store: Store, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        node, fill = await mirrored(store, market), module._fill_shadows
        before = await everything(store)

        async def meanwhile(*filled: Any) -> None:
            gone = market.chain.fall_back(2)
            market.mine_blocks(3)
            await catch_up(store, node)
            await fill(*filled)
            market.chain.return_to(gone)
            await catch_up(store, node)

        monkeypatch.setattr(module, "_fill_shadows", meanwhile)
        with pytest.raises(DatabaseBusy, match="another indexer"):
            await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)
        assert await everything(store) == before

    async def test_changes_nothing_when_the_database_is_lost(
        self, store: Store, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await mirrored(store, market)
        right, statements = await everything(store), 0
        async with store.write_connection() as connection:
            await connection.execute(text("UPDATE chain.holdings SET units = units + 1"))
        wrong = await everything(store)

        monkeypatch.setattr(replay, "BATCH", 50)
        while await everything(store) == wrong:
            monkeypatch.setattr(module, "in_one_write", LosesDatabase(after=statements))
            with suppress(DatabaseUnreachable):
                await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)
            statements += 13
        assert statements > len(SHAPES)
        assert await everything(store) == right

    async def test_says_which_block_is_missing(self, store: Store, market: Market) -> None:
        await mirrored(store, market)
        number = (await rows_of(store, RAW[Log]))[-1]["block_number"]
        async with store.write_connection() as connection:
            await connection.execute(text(f"DELETE FROM chain.blocks WHERE number = {number}"))
        before = await everything(store)
        with pytest.raises(DatabaseError, match=f"lacks block {number}"):
            await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)
        assert await everything(store) == before


class TestSeveralChains:
    async def test_leaves_the_other_chain_as_it_was(self, store: Store) -> None:
        markets = [Market(two_blocks(seed, chain_id)) for seed, chain_id in ((5, 1), (6, 10))]
        for market in markets:
            await mirrored(store, market)
        right = await kept(store)
        async with store.write_connection() as connection:
            await connection.execute(text("UPDATE chain.holdings SET units = units + 1"))
            await connection.execute(text("DELETE FROM chain.tabs"))
        wrong = await kept(store)
        assert all(of_chain(right, number) != of_chain(wrong, number) for number in (1, 10))
        for market, other in zip(markets, reversed(markets), strict=True):
            await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)
            remade = await kept(store)
            assert of_chain(remade, market.chain.chain_id) == of_chain(right, market.chain.chain_id)
            expected = wrong if market is markets[0] else right
            assert of_chain(remade, other.chain.chain_id) == of_chain(expected, other.chain.chain_id)
        assert await kept(store) == right


def two_blocks(seed: int, chain_id: int) -> ChainDouble:
    chain = ChainDouble(seed, chain_id=chain_id)
    chain.mine()
    return chain


async def kept(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every row, those that tell of the past included."""
    history = {RAW[model].name: await rows_of(store, RAW[model]) for model in (Undo, Outbox)}
    return {**await everything(store), **history}


def of_chain(rows: dict[str, list[dict[str, Any]]], chain_id: int) -> dict[str, list[dict[str, Any]]]:
    return {table: [row for row in each if row["chain_id"] == chain_id] for table, each in rows.items()}
