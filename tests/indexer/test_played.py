"""The real indexer against a chain whose events are the model's: every stored row is what the model says.

Blocks of random play
├── after catching up
├── after forks, the abandoned branch indexed before
└── and a difference of one column in one row is found
"""

from __future__ import annotations

from backend.db.session import Store
from indexer.shapes import PROJECTED
from tests.chain_double.chain import ChainDouble
from tests.chain_double.node import NodeDouble
from tests.chain_double.played import PlayedMarket
from tests.indexer.harness import catch_up, rows_of
from tests.model.rows import unlike_model


async def unlike(store: Store, market: PlayedMarket) -> list[str]:
    found = {
        table: {shape.key_of(row): row for row in await rows_of(store, shape)}
        for table, shape in PROJECTED.items()
    }
    return list(unlike_model(market.model, found))


class TestRows:
    async def test_after_catching_up_and_after_forks(
        self,
        chain: ChainDouble,
        store: Store,
    ) -> None:
        market, node = PlayedMarket(chain, chain.random.randrange(1_000)), NodeDouble(chain)
        market.mine_blocks(40)
        await catch_up(store, node)
        assert not await unlike(store, market)
        for depth, length in ((3, 5), (12, 13)):
            market.fork(depth, length)
            await catch_up(store, node)
            assert not await unlike(store, market)

    async def test_a_planted_difference_is_found(self, chain: ChainDouble, store: Store) -> None:
        market = PlayedMarket(chain)
        await catch_up(store, NodeDouble(chain))
        assert not await unlike(store, market)
        market.mine(0)
        model = market.model
        model.state.escrow.tabs[next(iter(model.state.escrow.tabs))].spent += 1
        found = {t: {s.key_of(r): r for r in await rows_of(store, s)} for t, s in PROJECTED.items()}
        assert [words.split()[0] for words in unlike_model(model, found)] == ["tabs"]
