"""Indexer.catch_up

given an empty store
    it should hold every header, log and row of the chain after a backfill in several steps, and PostgreSQL
    should know how many they are
    it should hold the same rows as the contracts' state
given a chain that forked
    it should equal a replay of the final branch, at any depth
    it should tell what it took back
    when the fork is deeper than the journal, it should rebuild from the raw logs
    when the chain is shorter than the store, it should fall back with it
    when even the block before the deployment was replaced, it should start over from there
given a node that is late
    it should stay where it is
given the same head again
    it should write nothing but the heartbeat
"""

import pytest
from sqlalchemy import text

from backend.db.session import Store
from backend.db.tables.chain import Chain, Heartbeat, Holding, Outbox, Share, ShareAccount, Tab
from indexer.loop import IndexerOptions
from indexer.shapes import RAW, SHAPES, shape_of
from tests.chain_double.chain import ChainDouble
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.indexer.harness import OPTIONS, catch_up, everything, replayed, rows_of

CHAIN, BEATS = shape_of(Chain), shape_of(Heartbeat)


class TestBackfill:
    async def test_holds_every_header_and_row(self, store: Store, fresh_store: Store, market: Market) -> None:
        market.mine_blocks(160)
        await catch_up(store, NodeDouble(market.chain))
        held = await everything(store)
        assert [row["hash"] for row in held["blocks"]] == [b.hash for b in market.chain.blocks[1:]]
        assert len(held["logs"]) == sum(len(block.logs) for block in market.chain.blocks)
        whole = IndexerOptions(finality_depth=1, step_blocks=10_000)
        await catch_up(fresh_store, NodeDouble(market.chain), whole)
        assert held == await everything(fresh_store)

    @pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
    async def test_lets_the_database_plan_for_what_it_wrote(self, store: Store, market: Market) -> None:
        market.mine_blocks(160)
        await catch_up(store, NodeDouble(market.chain))
        async with store.read_connection() as connection:
            known = text("SELECT reltuples FROM pg_class WHERE oid = 'chain.blocks'::regclass")
            assert (await connection.execute(known)).scalar_one() >= 160 - OPTIONS.finality_depth

    async def test_equals_the_contracts_state(self, store: Store, market: Market) -> None:
        market.mine_blocks(120)
        await catch_up(store, NodeDouble(market.chain))
        state = market.state
        held = await rows_of(store, SHAPES[Holding])
        assert {(r["plan_id"], r["account"]): r["units"] for r in held if r["units"]} == {
            key: units for key, units in state.units.items() if units
        }
        tabs = await rows_of(store, SHAPES[Tab])
        assert {(r["plan_id"], r["payer"]): [r["balance"], r["settled"]] for r in tabs} == dict(state.tabs)
        shares = await rows_of(store, SHAPES[Share])
        assert {(r["service_id"], r["account"]): r["units"] for r in shares} == dict(state.shares)
        owed = await rows_of(store, SHAPES[ShareAccount])
        assert {(r["service_id"], r["account"]): [r["owed"], r["checkpoint"]] for r in owed} == {
            key: value for key, value in state.owed.items() if value != [0, 0]
        }


class TestReorg:
    @pytest.mark.parametrize("depth", [1, 2, 3, 8, 20, 60])
    async def test_equals_a_replay(
        self, store: Store, fresh_store: Store, market: Market, depth: int
    ) -> None:
        market.mine_blocks(90)
        node = NodeDouble(market.chain)
        await catch_up(store, node)
        market.fork(depth, depth + 1)
        await catch_up(store, node)
        assert await everything(store) == await replayed(fresh_store, market.chain)
        assert (await rows_of(store, CHAIN))[0]["reorgs"] == 1

    async def test_tells_what_it_took_back(self, store: Store, market: Market) -> None:
        market.mine_blocks(40)
        node = NodeDouble(market.chain)
        await catch_up(store, node)
        gone = sum(len(block.logs) for block in market.chain.blocks[-5:])
        market.fork(5, 6)
        await catch_up(store, node)
        rows = await rows_of(store, RAW[Outbox])
        retractions = [row for row in rows if row["retracts"] is not None]
        assert len(retractions) == gone > 0
        told = {row["id"]: row for row in rows}
        assert all(told[row["retracts"]]["tx_hash"] == row["tx_hash"] for row in retractions)
        assert [row["id"] for row in rows] == list(range(1, len(rows) + 1))

    async def test_deeper_than_the_journal_rebuilds(
        self, store: Store, fresh_store: Store, market: Market
    ) -> None:
        market.mine_blocks(120)
        node = NodeDouble(market.chain)
        await catch_up(store, node, IndexerOptions(finality_depth=5, step_blocks=50))
        market.fork(80, 81)
        await catch_up(store, node, IndexerOptions(finality_depth=5, step_blocks=50))
        market.fork(3, 4)
        await catch_up(store, node, IndexerOptions(finality_depth=5, step_blocks=50))
        assert await everything(store) == await replayed(fresh_store, market.chain)

    async def test_falls_back_with_the_chain(self, store: Store, fresh_store: Store, market: Market) -> None:
        market.mine_blocks(60)
        node = NodeDouble(market.chain)
        await catch_up(store, node)
        market.chain.fall_back(17)
        await catch_up(store, node)
        assert (await rows_of(store, CHAIN))[0]["number"] == market.chain.tip.number
        assert await everything(store) == await replayed(fresh_store, market.chain)

    async def test_replaced_from_before_the_deployment(
        self, store: Store, fresh_store: Store, market: Market
    ) -> None:
        market.mine_blocks(30)
        node = NodeDouble(market.chain)
        await catch_up(store, node)
        genesis = market.states[market.chain.blocks[1].hash]
        market.chain.fall_back(len(market.chain.blocks) - 1)
        market.states[market.chain.mine().hash] = genesis
        market.mine_blocks(10)
        await catch_up(store, node)
        assert await everything(store) == await replayed(fresh_store, market.chain)

    async def test_a_branch_that_returns_is_told_again(
        self, store: Store, fresh_store: Store, market: Market
    ) -> None:
        market.mine_blocks(30)
        node = NodeDouble(market.chain)
        await catch_up(store, node)
        first = market.chain.blocks[-4:]
        market.fork(4, 5)
        await catch_up(store, node)
        market.chain.return_to(first)
        market.mine_blocks(3)
        await catch_up(store, node)
        assert await everything(store) == await replayed(fresh_store, market.chain)
        rows = await rows_of(store, RAW[Outbox])
        back = {row["retracts"] for row in rows}
        standing = [r for r in rows if r["retracts"] is None and r["id"] not in back]
        assert len(standing) == sum(len(block.logs) for block in market.chain.blocks)


class TestLateNode:
    async def test_stays_where_it_is(self, store: Store, market: Market) -> None:
        market.mine_blocks(20)
        node = NodeDouble(market.chain)
        await catch_up(store, node)
        node.faults.lie = lambda method, result: result
        before = await everything(store)

        def late(method: str, result: object) -> object:
            is_head = isinstance(result, dict) and result.get("number") == hex(market.chain.tip.number)
            if method == "eth_getBlockByNumber" and is_head and not late_once:
                late_once.append(True)
                return header_of(market.chain, -3)
            return result

        late_once: list[bool] = []
        node.faults.lie = late
        await catch_up(store, node, OPTIONS)
        assert await everything(store) == before
        assert (await rows_of(store, CHAIN))[0]["reorgs"] == 0


class TestIdle:
    async def test_only_the_heart_beats(self, store: Store, market: Market) -> None:
        market.mine_blocks(10)
        times = iter(range(1_000, 1_000_000, 1_000))
        options = IndexerOptions(now_ms=lambda: next(times))
        await catch_up(store, NodeDouble(market.chain), options)
        first = await rows_of(store, BEATS)
        await catch_up(store, NodeDouble(market.chain), options)
        second = await rows_of(store, BEATS)
        assert second[0]["confirmed_at_ms"] > first[0]["confirmed_at_ms"]
        assert len(await rows_of(store, CHAIN)) == 1


def header_of(chain: ChainDouble, index: int) -> dict[str, object]:
    from tests.chain_double.node import header_json

    return header_json(chain.blocks[index])
