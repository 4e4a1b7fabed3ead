"""How nodes say no: the words of each, and what an indexer makes of them

given a refusal of a range of logs
    it should be told apart from a request to slow down, whatever code it comes under
    a range that the words propose should be read
given a node that refuses in these words
    every log should be had all the same
"""

import pytest

from backend.chain.client import NodeClient
from backend.chain.faults import fault_of
from backend.core.errors import LogsRefused, NodeThrottled
from backend.core.units import to_address
from indexer.node_source import NodeSource
from indexer.ranges import Range
from tests.chain_double.emitter import ADDRESSES, deployment_of
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble

ALCHEMY_SIZE = (
    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit "
    "on the response size, or you can request any block range with a cap of 10K logs in the response. Based "
    "on your parameters and the response size limit,"
)
ALCHEMY_FREE = (
    "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your "
    "parameters,"
)
TRY_WITH = "returned more than 10000 results. Try with this block range [0x64, 0xC8]."
REFUSALS = [
    ("geth", -32005, "query returned more than 10000 results", None),
    ("geth", -32000, "exceed maximum block range: 50000", None),
    ("geth", -32002, "request timed out", None),
    ("erigon", -32000, "query returned more than 20000 logs", None),
    ("erigon", -32000, "block range is too wide", None),
    ("nethermind", -32602, "Too many logs requested. Max logs per response is 20000.", None),
    ("nethermind", -32005, "Number of blocks in the range exceeds the limit", None),
    ("reth", -32602, "query exceeds max block range 100000", None),
    ("reth", -32602, "query exceeds max results 20000, retry with the range 100-250", (100, 250)),
    ("anvil", -32602, "Block range is too large: 100001 (max 100000)", None),
    ("alchemy", -32602, f"{ALCHEMY_SIZE} this block range should work: [0x64, 0xc8]", (0x64, 0xC8)),
    ("alchemy (free)", -32600, f"{ALCHEMY_FREE} this block range should work: [0x64, 0x6d].", (0x64, 0x6D)),
    ("infura", -32005, f"query {TRY_WITH}", (0x64, 0xC8)),
    ("quicknode", -32614, "eth_getLogs is limited to a 10,000 range", None),
    ("quicknode", -32602, "eth_getLogs and eth_newFilter are limited to a 10,000 blocks range", None),
    ("ankr", -32600, "block range is too wide", None),
    (
        "cloudflare",
        -32047,
        "Invalid request. 'fromBlock'-'toBlock' range too large. Max range: 800",
        None,
    ),
    ("chainstack", -32602, "Block range limit exceeded. See more details at the documentation", None),
    ("base", -32020, "backend response too large", None),
    ("bsc", -32005, "limit exceeded", None),
    ("zksync", -32602, f"Query {TRY_WITH}", (0x64, 0xC8)),
    ("blast", -32000, "exceeds the range allowed for your plan (1001 > 1000)", None),
    ("thirdweb", -32005, "Maximum allowed number of requested blocks is 1000", None),
    ("hyperliquid", -32603, "query timeout exceeded", None),
    ("polygon", -32000, "Block range is too large", None),
    ("drpc", 30, "request timeout on the free tier, please upgrade", None),
]
SLOW_DOWN = [
    ("infura", -32005, "daily request count exceeded, request rate limited"),
    ("infura", 429, "project ID request rate exceeded"),
    ("alchemy", 429, "Your app has exceeded its compute units per second capacity."),
    ("quicknode", -32007, "50/second request limit reached - reduce calls per second or upgrade"),
    ("quicknode", -32003, "daily request limit reached - upgrade your account to continue"),
    ("ankr", -32005, "Too many requests, reason: call rate limit exhausted, retry in 10s"),
    ("chainstack", -32005, "You've exceeded the RPS limit available on the current plan."),
    ("cloudflare", -32005, "rate limited"),
    ("drpc", 15, "Too many request, try again later"),
    ("public", -32016, "over rate limit"),
]


class TestWords:
    @pytest.mark.parametrize(("who", "code", "words", "suggested"), REFUSALS)
    def test_a_refused_range(
        self, who: str, code: int, words: str, suggested: tuple[int, int] | None
    ) -> None:
        fault = fault_of("eth_getLogs", {"code": code, "message": words})
        assert isinstance(fault, LogsRefused), f"{who}: {words}"
        assert fault.suggested == suggested

    @pytest.mark.parametrize(("who", "code", "words"), SLOW_DOWN)
    def test_a_wish_for_fewer_requests(self, who: str, code: int, words: str) -> None:
        assert isinstance(fault_of("eth_getLogs", {"code": code, "message": words}), NodeThrottled), words


class TestEveryLog:
    @pytest.mark.parametrize(("who", "code", "words", "suggested"), REFUSALS)
    async def test_is_had_all_the_same(
        self, who: str, code: int, words: str, suggested: tuple[int, int] | None, market: Market
    ) -> None:
        market.mine_blocks(40)
        node = NodeDouble(market.chain)
        node.faults.widest, node.faults.refusal = 7, (code, words)
        deployment = deployment_of(market.chain)
        addresses = [to_address(deployment.address(name)) for name in ADDRESSES]
        source = NodeSource(NodeClient(node, "http://double"), addresses, 64)
        logs = await source.logs(Range(1, market.chain.tip.number))
        assert [(log.block_number, log.log_index) for log in logs] == [
            (block.number, index) for block in market.chain.blocks for index, _ in enumerate(block.logs)
        ]
