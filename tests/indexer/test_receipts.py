"""ReceiptKeeper

given final blocks
    it should keep the receipts of transactions to our contracts, failed ones too, strangers' not
    it should leave blocks alone that are not final
given a node without receipts
    the mirror should go on, and the reason be said once
given receipts of another block than the mirror's
    nothing should be kept
given a fork deeper than finality
    receipts above it should go and be read again
"""

import structlog

from backend.db.session import Store
from backend.db.tables.chain import TransactionReceipt
from indexer.advance import IndexerOptions
from indexer.shapes import shape_of
from tests.chain_double.chain import ChainDouble
from tests.chain_double.emitter import ADDRESSES
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.indexer.harness import catch_up, everything, replayed, rows_of

SHAPE = shape_of(TransactionReceipt)
SHALLOW = IndexerOptions(finality_depth=10, step_blocks=50)


def expected(chain: ChainDouble, final: int) -> list[tuple[int, bool]]:
    """Block and outcome of every transaction to us: one a log, and one that failed."""
    blocks = [block for block in chain.blocks[2 : final + 1] if block.logs]
    return sorted((b.number, ok) for b in blocks for ok in [*(True for _ in b.logs), False])


async def kept(store: Store) -> list[tuple[int, bool]]:
    return sorted((row["block_number"], row["ok"]) for row in await rows_of(store, SHAPE))


class TestReceiptKeeper:
    async def test_keeps_ours_of_final_blocks(self, store: Store, market: Market) -> None:
        market.mine_blocks(70)
        await catch_up(store, NodeDouble(market.chain), SHALLOW)
        assert await kept(store) == expected(market.chain, market.chain.tip.number - 10)
        rows = await rows_of(store, SHAPE)
        assert {row["receiver"] for row in rows} <= set(ADDRESSES.values())
        market.mine_blocks(20)
        await catch_up(store, NodeDouble(market.chain), SHALLOW)
        assert await kept(store) == expected(market.chain, market.chain.tip.number - 10)

    async def test_goes_on_without_them(self, store: Store, fresh_store: Store, market: Market) -> None:
        market.mine_blocks(70)
        node = NodeDouble(market.chain)
        node.faults.errors = [("eth_getBlockReceipts", -32601, "the method does not exist")] * 100
        with structlog.testing.capture_logs() as lines:
            await catch_up(store, node, SHALLOW)
        assert [line["event"] for line in lines if "receipts" in line["event"]] == [
            "indexer.receipts.waiting"
        ]
        assert await everything(store) == await replayed(fresh_store, market.chain)

    async def test_refuses_those_of_another_block(self, store: Store, market: Market) -> None:
        market.mine_blocks(70)
        node = NodeDouble(market.chain)

        def lie(method: str, result: list[dict[str, object]]) -> object:
            if method != "eth_getBlockReceipts":
                return result
            return [{**entry, "blockHash": "0x" + "ee" * 32} for entry in result]

        node.faults.lie = lie
        await catch_up(store, node, SHALLOW)
        assert await kept(store) == []

    async def test_follows_a_fork_deeper_than_finality(self, store: Store, market: Market) -> None:
        market.mine_blocks(70)
        await catch_up(store, NodeDouble(market.chain), SHALLOW)
        market.fork(40, 45)
        await catch_up(store, NodeDouble(market.chain), SHALLOW)
        assert await kept(store) == expected(market.chain, market.chain.tip.number - 10)
