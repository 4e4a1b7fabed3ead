"""Endpoints

given several nodes
    it should ask the first one that is well
    when one fails, it should ask the next at once, and come back to the first after a while
    when all fail, it should raise the last failure
given a node whose head falls back while the others stand
    it should be dropped, named, and passed over
given a node with another block where the last head was
    when the others still have that block, it should be dropped
    when the others have left it too, it should be believed
given a single node
    it should be followed wherever it goes
the indexer over several nodes
    it should stay right while one of them lags, lies and fails
"""

import pytest
import structlog

from backend.chain.client import NodeClient
from backend.core.errors import NodeUnreachable
from backend.db.session import Store
from indexer.endpoints import DROPPED_SECONDS, FAILED_SECONDS, Endpoints
from indexer.loop import index_once
from indexer.node_source import NodeSource
from tests.chain_double.chain import ChainDouble
from tests.chain_double.emitter import ADDRESSES, deployment_of
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.indexer.harness import START_BLOCK, everything, replayed


class Cluster:
    """Nodes of one chain, a source over them, and a clock moved by hand."""

    def __init__(self, *chains: ChainDouble) -> None:
        self.nodes = [NodeDouble(chain) for chain in chains]
        self.time = 0.0
        clients = [NodeClient(node, f"http://node{index}:8545") for index, node in enumerate(self.nodes)]
        sources = [NodeSource(client, list(ADDRESSES.values()), 64) for client in clients]
        self.source = Endpoints(sources, lambda: self.time)

    def asked(self) -> list[int]:
        return [node.posts for node in self.nodes]


def twin(chain: ChainDouble) -> ChainDouble:
    """Another view of the same blocks, which can go its own way."""
    copy = ChainDouble(chain_id=chain.chain_id)
    copy.blocks, copy.by_hash = list(chain.blocks), dict(chain.by_hash)
    copy.random.seed(99)
    return copy


class TestFailover:
    async def test_asks_the_first_that_is_well(self, chain: ChainDouble) -> None:
        cluster = Cluster(chain, chain)
        for _ in range(3):
            await cluster.source.heads()
        assert cluster.asked() == [3, 0]

    async def test_passes_over_a_failing_one_for_a_while(self, chain: ChainDouble) -> None:
        cluster = Cluster(chain, chain)
        cluster.nodes[0].faults.drops = 1
        await cluster.source.heads()
        await cluster.source.chain_id()
        assert cluster.asked() == [1, 2]
        cluster.time += FAILED_SECONDS + 1
        await cluster.source.chain_id()
        assert cluster.asked() == [2, 2]

    async def test_raises_when_all_fail(self, chain: ChainDouble) -> None:
        cluster = Cluster(chain, chain)
        for node in cluster.nodes:
            node.faults.drops = 1
        with pytest.raises(NodeUnreachable):
            await cluster.source.heads()
        assert (await cluster.source.heads()).latest.number == chain.tip.number


class TestFallingBack:
    async def test_is_dropped_and_named(self, chain: ChainDouble) -> None:
        chain.mine_empty(10)
        cluster = Cluster(chain, chain, chain)
        await cluster.source.heads()
        cluster.nodes[0].lag = 4
        with structlog.testing.capture_logs() as lines:
            heads = await cluster.source.heads()
        assert heads.latest.hash == chain.tip.hash
        assert [(line["event"], line["host"]) for line in lines] == [
            ("indexer.endpoint.dropped", "node0:8545")
        ]
        asked = cluster.nodes[0].posts
        await cluster.source.heads()
        assert cluster.nodes[0].posts == asked
        cluster.time += DROPPED_SECONDS + 1
        cluster.nodes[0].lag = 0
        await cluster.source.heads()
        assert cluster.nodes[0].posts == asked + 1

    async def test_the_only_node_is_followed(self, chain: ChainDouble) -> None:
        chain.mine_empty(10)
        cluster = Cluster(chain)
        await cluster.source.heads()
        chain.fall_back(4)
        assert (await cluster.source.heads()).latest.hash == chain.tip.hash


class TestOtherBranch:
    async def test_of_one_against_the_rest_is_dropped(self, chain: ChainDouble) -> None:
        chain.mine_empty(10)
        stray = twin(chain)
        cluster = Cluster(stray, chain, chain)
        await cluster.source.heads()
        stray.fall_back(3)
        stray.mine_empty(5)
        assert (await cluster.source.heads()).latest.hash == chain.tip.hash

    async def test_of_all_is_believed(self, chain: ChainDouble) -> None:
        chain.mine_empty(10)
        cluster = Cluster(chain, chain, chain)
        await cluster.source.heads()
        chain.fall_back(3)
        chain.mine_empty(4)
        assert (await cluster.source.heads()).latest.hash == chain.tip.hash


class TestIndexerOverSeveral:
    async def test_stays_right(self, store: Store, fresh_store: Store, market: Market) -> None:
        cluster = Cluster(market.chain, market.chain, market.chain)
        clients = [NodeClient(node, f"http://node{index}:8545") for index, node in enumerate(cluster.nodes)]
        for turn in range(6):
            market.mine_blocks(15)
            if turn % 2:
                market.fork(3, 5)
            first, second, _ = cluster.nodes
            first.lag, second.faults.drops, first.faults.garbage = turn % 3, turn % 2, 1
            await index_once(store, clients, deployment_of(market.chain, START_BLOCK))
        cluster.nodes[0].lag = 0
        await index_once(store, clients, deployment_of(market.chain, START_BLOCK))
        assert await everything(store) == await replayed(fresh_store, market.chain)
