"""A node in front of a chain double: answers JSON-RPC as far as an indexer asks, from the tip it serves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from tests.chain_double.chain import ChainDouble, MinedBlock
from tests.chain_double.faults import FaultTable, RpcFault


class NodeDouble:
    """One endpoint: a `Transport` whose `lag` hides the newest blocks and whose faults are a table."""

    def __init__(self, chain: ChainDouble, faults: FaultTable | None = None) -> None:
        self.chain = chain
        self.faults = faults or FaultTable()
        self.lag = 0
        self.forgets_state = False
        self.posts = 0
        self.asked: list[tuple[str, list[Any]]] = []

    @property
    def tip(self) -> int:
        """The newest block this node serves."""
        return max(self.chain.tip.number - self.lag, 0)

    async def post(self, _url: str, body: bytes) -> bytes:
        """Answer a request or a batch."""
        self.posts += 1
        request = orjson.loads(body)
        requests = request if isinstance(request, list) else [request]
        await self.faults.before([entry["method"] for entry in requests])
        answers = [self._answer(entry) for entry in requests]
        answers = self.faults.batch(answers)
        return self.faults.body(orjson.dumps(answers if isinstance(request, list) else answers[0]))

    def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        method, params = request["method"], request["params"]
        self.asked.append((method, params))
        head = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            self.faults.refuse(method, params)
            result = self._methods()[method](*params)
        except RpcFault as fault:
            return {**head, "error": fault.error}
        return {**head, "result": self.faults.result(method, result)}

    def _methods(self) -> dict[str, Callable[..., Any]]:
        return {
            "eth_chainId": lambda: hex(self.chain.chain_id),
            "eth_blockNumber": lambda: hex(self.tip),
            "eth_getBlockByNumber": self._by_number,
            "eth_getBlockByHash": self._by_hash,
            "eth_getCode": self._code,
            "eth_getLogs": self._logs,
            "eth_getBlockReceipts": self._receipts,
        }

    def _by_number(self, tag: str, _full: bool) -> dict[str, Any] | None:
        if tag in ("safe", "finalized"):
            depth = self.chain.finality_depth
            if depth is None:
                raise RpcFault(-32602, f"{tag} block not found")
            number = max(self.tip - (depth if tag == "finalized" else depth // 2), 0)
        else:
            number = self.tip if tag == "latest" else int(tag, 16)
        return header_json(self.chain.blocks[number]) if number <= self.tip else None

    def _by_hash(self, block_hash: str, _full: bool) -> dict[str, Any] | None:
        block = self.chain.by_hash.get(bytes.fromhex(block_hash[2:]))
        return None if block is None else header_json(block)

    def _logs(self, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        addresses = {bytes.fromhex(address[2:]) for address in wanted["address"]}
        blocks: Sequence[MinedBlock]
        if "blockHash" in wanted:
            block = self.chain.by_hash.get(bytes.fromhex(wanted["blockHash"][2:]))
            if block is None:
                raise RpcFault(-32000, "unknown block")
            blocks = [block]
        else:
            first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
            blocks = self.chain.blocks[first : min(last, self.tip) + 1]
        return [entry for block in blocks for entry in logs_json(block) if _address(entry) in addresses]

    def _code(self, address: str, tag: str) -> str:
        """A contract stands from its first log on."""
        if self.forgets_state:
            raise RpcFault(-32000, "missing trie node: state is not available")
        wanted = bytes.fromhex(address[2:])
        past = self.chain.blocks[: int(tag, 16) + 1]
        return "0x60" if any(log[0] == wanted for block in past for log in block.logs) else "0x"

    def _receipts(self, tag: str) -> list[dict[str, Any]] | None:
        number = int(tag, 16)
        return receipts_json(self.chain.blocks[number]) if number <= self.tip else None


def _address(entry: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(entry["address"][2:])


def header_json(block: MinedBlock) -> dict[str, Any]:
    """A block as nodes spell it."""
    return {
        "number": hex(block.number),
        "hash": "0x" + block.hash.hex(),
        "parentHash": "0x" + block.parent_hash.hex(),
        "timestamp": hex(block.timestamp),
    }


def receipts_json(block: MinedBlock) -> list[dict[str, Any]]:
    """A block's receipts: of each log's transaction, of one that failed, and of one to a stranger."""
    addresses = [address for address, _, _ in block.logs]
    if addresses:
        addresses += [addresses[0], b"s" * 20]
    return [
        {
            "blockNumber": hex(block.number),
            "blockHash": "0x" + block.hash.hex(),
            "transactionHash": "0x" + block.tx_hash(index).hex(),
            "transactionIndex": hex(index),
            "from": "0x" + (b"f" * 20).hex(),
            "to": "0x" + address.hex(),
            "gasUsed": hex(21_000 + index),
            "effectiveGasPrice": hex(10**9),
            "status": hex(index < len(block.logs)),
        }
        for index, address in enumerate(addresses)
    ]


def logs_json(block: MinedBlock) -> list[dict[str, Any]]:
    """A block's logs as nodes spell them."""
    return [
        {
            "blockNumber": hex(block.number),
            "blockHash": "0x" + block.hash.hex(),
            "blockTimestamp": hex(block.timestamp),
            "transactionHash": "0x" + block.tx_hash(index).hex(),
            "transactionIndex": hex(index),
            "logIndex": hex(index),
            "address": "0x" + address.hex(),
            "topics": ["0x" + topic.hex() for topic in topics],
            "data": "0x" + data.hex(),
            "removed": False,
        }
        for index, (address, topics, data) in enumerate(block.logs)
    ]
