"""Raw JSON-RPC to one node: single calls, batches, and typed answers of what we ask nodes for.

The execution API (github.com/ethereum/execution-apis) over a `Transport`. web3 is left out: its decoding is
what makes an indexer slow. Retrying and failing over is the caller's affair; errors say whether it may help.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from backend.chain.events import Header, RawLog
from backend.chain.faults import fault_of
from backend.chain.transport import Transport
from backend.core.errors import ChainError, NodeError, NodeUnreachable, WrongChain
from backend.core.units import hex_of

BATCH: Final = 100
Call = tuple[str, Sequence[Any]]
"""A method and its parameters."""
BlockTag = int | str
"""A number, or `latest`, `pending`, `safe`, `finalized`."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction: who, where, what it cost (wei), whether it stood, its logs."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    sender: bytes
    to: bytes | None
    contract: bytes | None
    gas_used: int
    gas_price: int
    ok: bool
    logs: tuple[RawLog, ...]


class NodeClient:
    """One node behind one URL."""

    def __init__(self, transport: Transport, url: str) -> None:
        self._transport = transport
        self._next_id = 0
        self.url = url
        self.host = urlsplit(url).netloc.rpartition("@")[2]

    async def call(self, method: str, *params: Any) -> Any:
        """One call. Raises NodeUnreachable (retryable), NodeError, LogsRefused, TransactionReverted."""
        return (await self.batch([(method, params)]))[0]

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Many calls in one request, results in order. Raises the first error there is, in their order."""
        results = await self.batch_settled(calls)
        for result in results:
            if isinstance(result, ChainError):
                raise result
        return results

    async def batch_settled(self, calls: Sequence[Call]) -> list[Any]:
        """As `batch`, but a call that failed gives its ChainError as its result."""
        if not calls:
            return []
        first, self._next_id = self._next_id, self._next_id + len(calls)
        requests = [
            {"jsonrpc": "2.0", "id": first + index, "method": method, "params": params}
            for index, (method, params) in enumerate(calls)
        ]
        body = orjson.dumps(requests[0] if len(requests) == 1 else requests)
        answers = self._parsed(await self._transport.post(self.url, body), calls)
        missing = NodeUnreachable(f"the node at {self.host} answered {len(answers)} of {len(calls)} calls")
        return [
            _result(method, answers[first + index]) if first + index in answers else missing
            for index, (method, _) in enumerate(calls)
        ]

    def _parsed(self, body: bytes, calls: Sequence[Call]) -> dict[Any, Mapping[str, Any]]:
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise NodeUnreachable(f"the node at {self.host} answered no JSON; is it an RPC URL?") from error
        if isinstance(answer, dict) and "error" in answer and (len(calls) > 1 or answer.get("id") is None):
            raise fault_of(calls[0][0], answer["error"])  # the request as a whole was refused
        entries = [answer] if isinstance(answer, dict) else answer
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise NodeError(f"the node at {self.host} does not speak JSON-RPC 2.0")
        return {entry.get("id"): entry for entry in entries}

    async def chain_id(self) -> int:
        """The chain's id (EIP-155)."""
        return _number(await self.call("eth_chainId"))

    async def require_chain(self, chain_id: int) -> None:
        """Raises WrongChain unless the node is on this chain."""
        actual = await self.chain_id()
        if actual != chain_id:
            raise WrongChain(
                f"the node at {self.host} is on chain {actual}, not {chain_id}; point EMPORION_RPC_URLS at "
                f"chain {chain_id} or use a deployment record of chain {actual}",
                expected=chain_id,
                actual=actual,
            )

    async def block_number(self) -> int:
        """Number of the newest block."""
        return _number(await self.call("eth_blockNumber"))

    async def timestamp(self) -> int:
        """Unix time of the newest block."""
        header = await self.header("latest")
        if header is None:
            raise NodeError(f"the node at {self.host} has no newest block; is it still starting?")
        return header.timestamp

    async def genesis_hash(self) -> bytes:
        """Hash of block 0, which tells two chains of one id apart."""
        header = await self.header(0)
        if header is None:
            raise NodeError(f"the node at {self.host} does not give block 0; use one that keeps it")
        return header.hash

    async def header(self, block: BlockTag | bytes) -> Header | None:
        """A header by number, tag or hash; None where the node has no such block."""
        return (await self.headers([block]))[0]

    async def headers(self, blocks: Sequence[BlockTag | bytes]) -> list[Header | None]:
        """Headers in order, asked for in batches of 100."""
        calls = [_header_call(block) for block in blocks]
        found: list[Header | None] = []
        for start in range(0, len(calls), BATCH):
            answers = await self.batch(calls[start : start + BATCH])
            found += [None if answer is None else parse_header(answer) for answer in answers]
        return found

    async def logs(self, addresses: Sequence[bytes], first: int, last: int) -> list[RawLog]:
        """Logs of these contracts in blocks first..last. Raises LogsRefused where it is too much at once."""
        return await self._logs(
            {"address": [hex_of(a) for a in addresses], "fromBlock": hex(first), "toBlock": hex(last)}
        )

    async def block_logs(self, addresses: Sequence[bytes], block_hash: bytes) -> list[RawLog]:
        """Logs of these contracts in one block named by hash, so that a reply cannot mix forks."""
        return await self._logs({"address": [hex_of(a) for a in addresses], "blockHash": hex_of(block_hash)})

    async def _logs(self, wanted: Mapping[str, Any]) -> list[RawLog]:
        answer = await self.call("eth_getLogs", wanted)
        return [parse_log(entry) for entry in answer if not entry.get("removed")]

    async def code(self, address: bytes, block: BlockTag = "latest") -> bytes:
        """Runtime code of an account; empty where there is none."""
        return _bytes(await self.call("eth_getCode", hex_of(address), _tag(block)))

    async def codes(self, addresses: Sequence[bytes], block: BlockTag = "latest") -> list[bytes]:
        """Runtime code of several accounts, in order."""
        calls = [("eth_getCode", (hex_of(address), _tag(block))) for address in addresses]
        return [_bytes(code) for code in await self.batch(calls)]

    async def nonce(self, address: bytes, block: BlockTag = "pending") -> int:
        """Transactions an account has sent."""
        return _number(await self.call("eth_getTransactionCount", hex_of(address), _tag(block)))

    async def balance(self, address: bytes, block: BlockTag = "latest") -> int:
        """Wei of an account."""
        return _number(await self.call("eth_getBalance", hex_of(address), _tag(block)))

    async def read(
        self, to: bytes, data: bytes, *, sender: bytes | None = None, block: BlockTag | bytes = "latest"
    ) -> bytes:
        """`eth_call`. Raises ContractRevert with the decoded reason."""
        request = {"to": hex_of(to), "data": hex_of(data)}
        if sender is not None:
            request["from"] = hex_of(sender)
        return _bytes(await self.call("eth_call", request, _at(block)))

    async def read_many(
        self, requests: Sequence[tuple[bytes, bytes]], *, block: BlockTag | bytes = "latest"
    ) -> list[bytes]:
        """`eth_call` of (to, data) pairs in one batch, at one block."""
        calls = [
            ("eth_call", ({"to": hex_of(to), "data": hex_of(data)}, _at(block))) for to, data in requests
        ]
        return [_bytes(answer) for answer in await self.batch(calls)]

    async def send_raw(self, signed: bytes) -> bytes:
        """Hand a signed transaction to the node; its hash."""
        return _bytes(await self.call("eth_sendRawTransaction", hex_of(signed)))

    async def receipt(self, tx_hash: bytes) -> Receipt | None:
        """The receipt; None while it is not mined."""
        return (await self.receipts([tx_hash]))[0]

    async def receipts(self, tx_hashes: Sequence[bytes]) -> list[Receipt | None]:
        """Receipts in order, None for what is not mined."""
        answers = await self.batch([("eth_getTransactionReceipt", [hex_of(tx)]) for tx in tx_hashes])
        return [None if answer is None else parse_receipt(answer) for answer in answers]


def parse_header(answer: Mapping[str, Any]) -> Header:
    """A header of the node's block object."""
    return Header(
        number=int(answer["number"], 16),
        hash=bytes.fromhex(answer["hash"][2:]),
        parent_hash=bytes.fromhex(answer["parentHash"][2:]),
        timestamp=int(answer["timestamp"], 16),
        bloom=bytes.fromhex((answer.get("logsBloom") or "0x")[2:]),
    )


def parse_log(entry: Mapping[str, Any]) -> RawLog:
    """A log of the node's log object."""
    timestamp = entry.get("blockTimestamp")
    return RawLog(
        block_number=int(entry["blockNumber"], 16),
        block_hash=bytes.fromhex(entry["blockHash"][2:]),
        tx_hash=bytes.fromhex(entry["transactionHash"][2:]),
        tx_index=int(entry["transactionIndex"], 16),
        log_index=int(entry["logIndex"], 16),
        address=bytes.fromhex(entry["address"][2:]),
        topics=tuple(bytes.fromhex(topic[2:]) for topic in entry["topics"]),
        data=bytes.fromhex(entry["data"][2:]),
        block_timestamp=int(timestamp, 16) if timestamp else None,
    )


def parse_receipt(answer: Mapping[str, Any]) -> Receipt:
    """A receipt of the node's receipt object."""
    return Receipt(
        tx_hash=_bytes(answer["transactionHash"]),
        block_number=_number(answer["blockNumber"]),
        block_hash=_bytes(answer["blockHash"]),
        sender=_bytes(answer["from"]),
        to=_bytes(answer["to"]) if answer.get("to") else None,
        contract=_bytes(answer["contractAddress"]) if answer.get("contractAddress") else None,
        gas_used=_number(answer["gasUsed"]),
        gas_price=_number(answer.get("effectiveGasPrice", "0x0")),
        ok=_number(answer["status"]) == 1,
        logs=tuple(parse_log(entry) for entry in answer["logs"]),
    )


def _result(method: str, answer: Mapping[str, Any]) -> Any:
    error = answer.get("error")
    return fault_of(method, error) if error else answer.get("result")


def _header_call(block: BlockTag | bytes) -> Call:
    if isinstance(block, bytes):
        return "eth_getBlockByHash", (hex_of(block), False)
    return "eth_getBlockByNumber", (_tag(block), False)


def _tag(block: BlockTag) -> str:
    return hex(block) if isinstance(block, int) else block


def _at(block: BlockTag | bytes) -> Any:
    """A block for state reads; by hash as EIP-1898 has it."""
    return {"blockHash": hex_of(block)} if isinstance(block, bytes) else _tag(block)


def _number(text: Any) -> int:
    return int(text, 16)


def _bytes(text: Any) -> bytes:
    return bytes.fromhex(text[2:])
