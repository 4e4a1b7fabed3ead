"""JSON-RPC to one node.

batch
├── when the body is not JSON, or not JSON-RPC: refused, retryable or final
├── when the node refuses the request as a whole: that error
├── when some answers are missing: retryable
└── given answers in any order: results in the order asked
call: errors by type
├── a revert with data: decoded; without: plain
├── many requests, too many logs (with a suggested range), no funds: each its own type
└── anything else: the node's error
require_chain: another chain is refused with the way out
headers, logs, receipts: typed values, in batches of 100
"""

from typing import Any

import orjson
import pytest

from backend.chain.client import NodeClient
from backend.core.errors import (
    ChainError,
    ContractRevert,
    InsufficientFunds,
    LogsRefused,
    NodeError,
    NodeThrottled,
    NodeUnreachable,
    TransactionReverted,
    WrongChain,
)
from backend.core.units import keccak
from tests.backend.chain.fakes import FakeTransport, RpcError

HASH = "0x" + "11" * 32
BALANCE_ERROR = keccak(b"ERC20InsufficientBalance(address,uint256,uint256)")[:4]


def a_block(number: int) -> dict[str, str]:
    return {"number": hex(number), "hash": HASH, "parentHash": "0x" + "22" * 32, "timestamp": "0x10"}


def a_client(**methods: Any) -> tuple[NodeClient, FakeTransport]:
    transport = FakeTransport(methods)
    return NodeClient(transport, "http://user:secret@node.test:8545/key"), transport


def refusing(code: int, message: str, data: Any = None) -> Any:
    def answer(*_: Any) -> Any:
        raise RpcError(code, message, data)

    return answer


class TestBatch:
    async def test_refuses_what_is_no_json(self) -> None:
        client, transport = a_client()
        transport.raw = b"<html>"
        with pytest.raises(NodeUnreachable, match=r"node\.test:8545") as caught:
            await client.chain_id()
        assert "secret" not in caught.value.message

    async def test_refuses_what_is_no_json_rpc(self) -> None:
        client, transport = a_client()
        transport.raw = b"7"
        with pytest.raises(NodeError, match="JSON-RPC"):
            await client.chain_id()

    async def test_raises_what_refuses_the_whole_request(self) -> None:
        client, transport = a_client()
        transport.raw = orjson.dumps({"id": None, "error": {"code": 429, "message": "slow down"}})
        with pytest.raises(NodeThrottled):
            await client.batch([("eth_chainId", []), ("eth_blockNumber", [])])

    async def test_says_when_answers_are_missing(self) -> None:
        client, transport = a_client()
        transport.raw = orjson.dumps([{"id": 0, "result": "0x1"}])
        with pytest.raises(NodeUnreachable, match="1 of 2"):
            await client.batch([("eth_chainId", []), ("eth_blockNumber", [])])

    async def test_gives_results_in_the_order_asked(self) -> None:
        client, transport = a_client(eth_chainId=lambda: "0x1", eth_blockNumber=lambda: "0x2")
        assert await client.batch([("eth_chainId", []), ("eth_blockNumber", [])]) == ["0x1", "0x2"]
        assert transport.posts == 1

    async def test_asks_nothing_for_nothing(self) -> None:
        client, transport = a_client()
        assert await client.batch([]) == []
        assert transport.posts == 0


class TestCall:
    async def test_decodes_a_revert(self) -> None:
        data = BALANCE_ERROR + bytes(12) + b"\7" * 20 + (5).to_bytes(32, "big") + (9).to_bytes(32, "big")
        for wrapped in ("0x" + data.hex(), {"data": "0x" + data.hex()}):
            client, _ = a_client(eth_call=refusing(3, "execution reverted", wrapped))
            with pytest.raises(TransactionReverted):
                await client.read(bytes(20), b"")

    async def test_says_when_a_revert_has_no_reason(self) -> None:
        client, _ = a_client(eth_call=refusing(3, "execution reverted"))
        with pytest.raises(TransactionReverted, match="no reason"):
            await client.read(bytes(20), b"")

    async def test_names_an_unknown_selector(self) -> None:
        client, _ = a_client(eth_call=refusing(3, "execution reverted", "0xdeadbeef"))
        with pytest.raises(ContractRevert, match="version"):
            await client.read(bytes(20), b"")

    @pytest.mark.parametrize(
        ("code", "message", "kind"),
        [
            (-32005, "daily request count exceeded, request rate limited", NodeThrottled),
            (429, "whatever", NodeThrottled),
            (-32000, "Your app has exceeded its compute units per second capacity", NodeThrottled),
            (-32005, "query returned more than 10000 results", LogsRefused),
            (-32614, "eth_getLogs is limited to a 10,000 range", LogsRefused),
            (-32602, "block range is too wide", LogsRefused),
            (-32000, "query timeout exceeded", LogsRefused),
            (-32000, "insufficient funds for gas * price + value", InsufficientFunds),
            (-32601, "method not found", NodeError),
        ],
    )
    async def test_gives_each_refusal_its_type(self, code: int, message: str, kind: type[ChainError]) -> None:
        client, _ = a_client(eth_getLogs=refusing(code, message))
        with pytest.raises(kind) as caught:
            await client.logs([bytes(20)], 1, 2)
        assert type(caught.value) is kind

    async def test_reads_the_range_a_node_suggests(self) -> None:
        words = "Log response size exceeded. this block range should work: [0x10, 0x1f]"
        client, _ = a_client(eth_getLogs=refusing(-32602, words))
        with pytest.raises(LogsRefused) as caught:
            await client.logs([bytes(20)], 1, 99)
        assert caught.value.suggested == (16, 31)


class TestRequireChain:
    async def test_refuses_another_chain(self) -> None:
        client, _ = a_client(eth_chainId=lambda: "0x5")
        with pytest.raises(WrongChain, match="EMPORION_RPC_URLS"):
            await client.require_chain(31337)

    async def test_accepts_the_right_one(self) -> None:
        client, _ = a_client(eth_chainId=lambda: hex(31337))
        await client.require_chain(31337)


class TestHeaders:
    async def test_asks_in_batches_of_a_hundred(self) -> None:
        client, transport = a_client(eth_getBlockByNumber=lambda tag, _: a_block(int(tag, 16)))
        headers = await client.headers(range(250))
        assert [h.number for h in headers if h] == list(range(250))
        assert transport.posts == 3

    async def test_gives_none_for_an_unknown_hash(self) -> None:
        client, transport = a_client(eth_getBlockByHash=lambda *_: None)
        assert await client.header(b"\1" * 32) is None
        assert transport.asked == [("eth_getBlockByHash", ["0x" + "01" * 32, False])]
