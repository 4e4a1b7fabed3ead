"""A chain read from one node by JSON-RPC, its answers checked before they are believed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, Final

from backend.chain.client import NodeClient, parse_header
from backend.chain.events import Header, RawLog
from backend.core.errors import LogsRefused, NodeError, NodeThrottled, NodeUnreachable
from backend.core.units import hex_of
from indexer.bloom import LogFilter
from indexer.node_receipts import GasReceipt, read_receipt
from indexer.ranges import Range, Width
from indexer.source import Heads

BATCH: Final = 100
HASH: Final = 32
ADDRESS: Final = 20
_PLACE: Final = itemgetter("blockNumber", "blockHash", "transactionHash", "transactionIndex", "address")
"""Where a log is from: the same for all logs that a contract writes in one transaction."""
_Shared = tuple[int, bytes, bytes, int, bytes, int | None]
"""Block number and hash, transaction hash and index, address, time."""
_new: Final = tuple.__new__
"""A named tuple made by its own `__new__` takes twice as long."""


class NodeSource:
    """One node."""

    def __init__(self, client: NodeClient, addresses: Sequence[bytes], finality_depth: int) -> None:
        self.host = client.host
        self._client = client
        self._addresses = [hex_of(address) for address in addresses]
        self._filter = LogFilter(addresses)
        self._depth = finality_depth
        self._width = Width()

    async def chain_id(self) -> int:
        """EIP-155 id."""
        return await self._client.chain_id()

    async def standing(self, number: int) -> list[bytes]:
        """Which of our contracts were there at a block; none where the node has forgotten its state."""
        calls = [("eth_getCode", (address, hex(number))) for address in self._addresses]
        codes = await self._client.batch_settled(calls)
        return [
            bytes.fromhex(address[2:])
            for address, code in zip(self._addresses, codes, strict=True)
            if isinstance(code, str) and len(code) > len("0x")
        ]

    async def heads(self) -> Heads:
        """Latest, safe, finalized; the last two by depth where the chain has no such tags."""
        latest, safe, finalized = await self._client.batch_settled(
            [("eth_getBlockByNumber", (tag, False)) for tag in ("latest", "safe", "finalized")]
        )
        if isinstance(latest, Exception):
            raise latest
        if latest is None:
            raise NodeError(f"the node at {self.host} has no latest block; is it syncing?")
        with self._understood():
            head = parse_header(latest)
            numbers = [
                int(block["number"], 16) if isinstance(block, dict) else max(head.number - self._depth, 0)
                for block in (safe, finalized)
            ]
        return Heads(head, safe=min(numbers[0], head.number), finalized=min(*numbers, head.number))

    async def headers(self, wanted: Range) -> list[Header]:
        """Headers of these blocks that exist, in order, in batches of 100."""
        with self._understood():
            found = await self._client.headers(list(range(wanted.first, wanted.last + 1)))
        for number, header in enumerate(found, wanted.first):
            if header is not None and header.number != number:
                raise NodeError(f"the node at {self.host} gave block {header.number} for block {number}")
        return [header for header in found if header is not None]

    async def logs(self, wanted: Range) -> list[RawLog]:
        """Logs of our contracts in these blocks; the range shrinks until the node answers."""
        found: list[RawLog] = []
        first = wanted.first
        while first <= wanted.last:
            part = Range(first, min(wanted.last, first + self._width.blocks - 1))
            try:
                found += await self._range_logs(part)
            except LogsRefused as refused:
                self._width.refused(part, refused.suggested)
                continue
            except NodeUnreachable as lost:
                if part.width > 1 and not isinstance(lost, NodeThrottled):
                    self._width.refused(part, None)  # perhaps it took too long: ask for less next time
                raise
            self._width.answered(part)
            first = part.last + 1
        return found

    async def _range_logs(self, part: Range) -> list[RawLog]:
        call = self._logs_call({"fromBlock": hex(part.first), "toBlock": hex(part.last)})
        (answer,) = await self._client.batch([call])
        logs = self._read(answer)
        if logs and not part.first <= logs[0].block_number <= logs[-1].block_number <= part.last:
            raise NodeError(f"the node at {self.host} gave logs outside blocks {part.first} to {part.last}")
        return logs

    async def block_logs(self, blocks: Sequence[Header]) -> list[RawLog]:
        """Logs of exactly these blocks, by hash, in batches of 100. Blocks that cannot hold any are left out.

        Raises NodeError for a block whose logs the node no longer gives.
        """
        wanted = [block for block in blocks if self._filter.may_be_in(block)]
        found: list[RawLog] = []
        for start in range(0, len(wanted), BATCH):
            part = wanted[start : start + BATCH]
            answers = await self._client.batch(
                [self._logs_call({"blockHash": hex_of(block.hash)}) for block in part]
            )
            for block, answer in zip(part, answers, strict=True):
                if logs := self._read(answer):
                    self._filter.learn(block)
                    found += logs
        return found

    async def receipts(self, wanted: Range) -> list[list[GasReceipt]]:
        """Receipts of all transactions in these blocks, a list a block."""
        calls = [("eth_getBlockReceipts", (hex(n),)) for n in range(wanted.first, wanted.last + 1)]
        answers = await self._client.batch(calls)
        if not all(isinstance(answer, list) for answer in answers):
            raise NodeError(f"the node at {self.host} lacks receipts of blocks {wanted.first}-{wanted.last}")
        with self._understood():
            return [[read_receipt(entry) for entry in answer] for answer in answers]

    def _logs_call(self, wanted: Mapping[str, object]) -> tuple[str, Sequence[object]]:
        return "eth_getLogs", ({"address": self._addresses, **wanted},)

    def _read(self, answer: Any) -> list[RawLog]:
        if not isinstance(answer, list):
            raise NodeError(f"the node at {self.host} gave no logs; has it pruned them? Use an archive node")
        with self._understood():
            logs = read_logs(answer)
        logs.sort(key=lambda log: (log.block_number, log.log_index))
        return logs

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Raise NodeError for an answer that is not shaped as the execution API has it."""
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NodeError(
                f"the node at {self.host} answers in an unknown shape ({error!r:.100}); use another node"
            ) from error


def read_logs(entries: Sequence[Mapping[str, Any]]) -> list[RawLog]:
    """Logs of a node's answer. What neighbours share (block, transaction, address) is read once."""
    seen: dict[str, bytes] = {}
    place: tuple[str, ...] = ()
    shared: _Shared = (0, b"", b"", 0, b"", None)
    logs: list[RawLog] = []
    for entry in entries:
        if (here := _PLACE(entry)) != place:
            place, shared = here, _read_place(entry)
        number, block_hash, tx_hash, tx_index, address, timestamp = shared
        topics = tuple([seen.get(topic) or _read_bytes(topic, seen) for topic in entry["topics"]])
        index, data = int(entry["logIndex"], 16), bytes.fromhex(entry["data"][2:])
        log = (number, block_hash, tx_hash, tx_index, index, address, topics, data, timestamp)
        logs.append(_new(RawLog, log))
    return logs


def _read_place(entry: Mapping[str, Any]) -> _Shared:
    timestamp = entry.get("blockTimestamp")
    return (
        int(entry["blockNumber"], 16),
        _sized(entry["blockHash"], HASH),
        _sized(entry["transactionHash"], HASH),
        int(entry["transactionIndex"], 16),
        _sized(entry["address"], ADDRESS),
        int(timestamp, 16) if timestamp else None,
    )


def _read_bytes(text: str, seen: dict[str, bytes]) -> bytes:
    found = seen[text] = _sized(text, HASH)
    return found


def _sized(text: str, size: int) -> bytes:
    found = bytes.fromhex(text[2:])
    if len(found) != size:
        raise ValueError(f"{text:.80} is not of {size} bytes")
    return found
