"""What the loop asks of a chain: heads, headers and logs. Read from a node, checked before it is believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from backend.chain.client import NodeClient, parse_header
from backend.chain.events import Header, RawLog
from backend.core.errors import LogsRefused, NodeError
from backend.core.units import hex_of
from indexer.ranges import Range, Width

BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Heads:
    """The three heads of a chain; safe and finalized by number."""

    latest: Header
    safe: int
    finalized: int


class Source(Protocol):
    """A chain as the loop sees it."""

    async def chain_id(self) -> int:
        """EIP-155 id."""
        ...

    async def heads(self) -> Heads:
        """Where the chain stands."""
        ...

    async def headers(self, wanted: Range) -> list[Header]:
        """Headers of these blocks that exist, in order."""
        ...

    async def logs(self, wanted: Range) -> list[RawLog]:
        """Logs of our contracts in these blocks, in order."""
        ...

    async def block_logs(self, blocks: Sequence[Header]) -> list[RawLog]:
        """Logs of our contracts in exactly these blocks, asked for by hash."""
        ...


class NodeSource:
    """One node."""

    def __init__(self, client: NodeClient, addresses: Sequence[bytes], finality_depth: int) -> None:
        self._client = client
        self._addresses = [hex_of(address) for address in addresses]
        self._depth = finality_depth
        self._width = Width()

    async def chain_id(self) -> int:
        """EIP-155 id."""
        return await self._client.chain_id()

    async def heads(self) -> Heads:
        """Latest, safe, finalized; the last two by depth where the chain has no such tags."""
        latest, safe, finalized = await self._client.batch_settled(
            [("eth_getBlockByNumber", (tag, False)) for tag in ("latest", "safe", "finalized")]
        )
        if isinstance(latest, Exception):
            raise latest
        if latest is None:
            raise NodeError(f"the node at {self._client.host} has no latest block; is it syncing?")
        head = parse_header(latest)
        numbers = [
            int(block["number"], 16) if isinstance(block, dict) else max(head.number - self._depth, 0)
            for block in (safe, finalized)
        ]
        return Heads(head, safe=min(numbers[0], head.number), finalized=min(*numbers, head.number))

    async def headers(self, wanted: Range) -> list[Header]:
        """Headers of these blocks that exist, in order, in batches of 100."""
        found = await self._client.headers(list(range(wanted.first, wanted.last + 1)))
        return [header for header in found if header is not None]

    async def logs(self, wanted: Range) -> list[RawLog]:
        """Logs of our contracts in these blocks; the range shrinks until the node answers."""
        found: list[RawLog] = []
        first = wanted.first
        while first <= wanted.last:
            part = Range(first, min(wanted.last, first + self._width.blocks - 1))
            try:
                found += await self._ask({"fromBlock": hex(part.first), "toBlock": hex(part.last)})
            except LogsRefused as refused:
                self._width.refused(part, refused.suggested)
                continue
            self._width.answered(part)
            first = part.last + 1
        return in_order(found)

    async def block_logs(self, blocks: Sequence[Header]) -> list[RawLog]:
        """Logs of exactly these blocks, by hash, in batches of 100."""
        found: list[RawLog] = []
        for start in range(0, len(blocks), BATCH):
            answers = await self._client.batch(
                [self._logs_call({"blockHash": hex_of(b.hash)}) for b in blocks[start : start + BATCH]]
            )
            for answer in answers:
                found += read_logs(answer)
        return in_order(found)

    def _logs_call(self, wanted: dict[str, object]) -> tuple[str, Sequence[object]]:
        return "eth_getLogs", ({"address": self._addresses, **wanted},)

    async def _ask(self, wanted: dict[str, object]) -> list[RawLog]:
        answer = await self._client.call(*_flat(self._logs_call(wanted)))
        return read_logs(answer)


def _flat(call: tuple[str, Sequence[object]]) -> tuple[str, object]:
    return call[0], call[1][0]


def read_logs(entries: Sequence[Mapping[str, Any]]) -> list[RawLog]:
    """Logs of a node's answer. What neighbours share (block, transaction, address) is read once."""
    seen: dict[str, bytes] = {}
    return [_read_log(entry, seen) for entry in entries]


def _read_log(entry: Mapping[str, Any], seen: dict[str, bytes]) -> RawLog:
    topics, timestamp = entry["topics"], entry.get("blockTimestamp")
    return RawLog(
        int(entry["blockNumber"], 16),
        seen.get(entry["blockHash"]) or _read_bytes(entry["blockHash"], seen),
        seen.get(entry["transactionHash"]) or _read_bytes(entry["transactionHash"], seen),
        int(entry["transactionIndex"], 16),
        int(entry["logIndex"], 16),
        seen.get(entry["address"]) or _read_bytes(entry["address"], seen),
        tuple([seen.get(topic) or _read_bytes(topic, seen) for topic in topics]),
        bytes.fromhex(entry["data"][2:]),
        int(timestamp, 16) if timestamp else None,
    )


def _read_bytes(text: str, seen: dict[str, bytes]) -> bytes:
    found = seen[text] = bytes.fromhex(text[2:])
    return found


def in_order(logs: list[RawLog]) -> list[RawLog]:
    """Logs as they happened."""
    return sorted(logs, key=lambda log: (log.block_number, log.log_index))


def linked(headers: Sequence[Header], parent: bytes) -> bool:
    """Whether each block names the one before it, the first one `parent`."""
    for header in headers:
        if header.parent_hash != parent:
            return False
        parent = header.hash
    return True


def checked_against(logs: list[RawLog], headers: Sequence[Header]) -> list[RawLog]:
    """The logs, if each is of one of these blocks by number and hash. Raises NodeError."""
    blocks = {header.number: header.hash for header in headers}
    for log in logs:
        if blocks.get(log.block_number) != log.block_hash:
            raise NodeError(
                f"the node gave a log of block {log.block_number} of another fork than the block; once more"
            )
    return logs
