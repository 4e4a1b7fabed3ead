"""Several nodes as one source: the healthy are preferred, a failing one is passed over, a liar is dropped.

A node whose head falls back, or which has another block where the last head was, is believed only when the
other nodes say the same; else it is dropped for a while, by name. The only node there is, is followed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from backend.chain.events import Header, RawLog
from backend.core.errors import EmporionError, NodeError, NodeUnreachable
from backend.core.logs import get_logger
from indexer.node_receipts import GasReceipt
from indexer.ranges import Range
from indexer.receipts import ReceiptSource
from indexer.source import Heads, Source

T = TypeVar("T")
Now = Callable[[], float]

DROPPED_SECONDS: Final = 60.0
FAILED_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 60.0


class NamedSource(Source, ReceiptSource, Protocol):
    """A source that says where it is."""

    @property
    def host(self) -> str:
        """Host and port, without secrets."""
        ...


class _Endpoint:
    """A source and how it has behaved."""

    def __init__(self, source: NamedSource) -> None:
        self.source = source
        self.failures = 0
        self.resting_until = 0.0


class Endpoints:
    """A source made of several; the first is asked as long as it is well."""

    def __init__(self, sources: Sequence[NamedSource], now: Now) -> None:
        self._endpoints = [_Endpoint(source) for source in sources]
        self._now = now
        self._log = get_logger("indexer")
        self._last: Header | None = None

    async def chain_id(self) -> int:
        """EIP-155 id."""
        return await self._ask(lambda source: source.chain_id())

    async def standing(self, number: int) -> list[bytes]:
        """Which of our contracts were there at a block."""
        return await self._ask(lambda source: source.standing(number))

    async def headers(self, wanted: Range) -> list[Header]:
        """Headers of these blocks that exist, in order."""
        return await self._ask(lambda source: source.headers(wanted))

    async def logs(self, wanted: Range) -> list[RawLog]:
        """Logs of our contracts in these blocks, in order."""
        return await self._ask(lambda source: source.logs(wanted))

    async def block_logs(self, blocks: Sequence[Header]) -> list[RawLog]:
        """Logs of our contracts in exactly these blocks."""
        return await self._ask(lambda source: source.block_logs(blocks))

    async def receipts(self, wanted: Range) -> list[list[GasReceipt]]:
        """Receipts of all transactions in these blocks, a list a block."""
        return await self._ask(lambda source: source.receipts(wanted))

    async def heads(self) -> Heads:
        """Where the chain stands, by the first node that can be believed."""
        while True:
            asked, heads = await self._asked(lambda source: source.heads())
            if await self._is_believed(asked, heads.latest):
                self._last = heads.latest
                return heads
            self._rest(asked, DROPPED_SECONDS, "dropped", f"head {heads.latest.number} is of another branch")

    async def _ask(self, question: Callable[[NamedSource], Awaitable[T]]) -> T:
        return (await self._asked(question))[1]

    async def _asked(self, question: Callable[[NamedSource], Awaitable[T]]) -> tuple[_Endpoint, T]:
        """The first node that answers, and its answer. Raises the last failure."""
        failure: EmporionError | None = None
        for endpoint in self._in_order():
            try:
                answer = await question(endpoint.source)
            except EmporionError as error:
                if not (error.retryable or isinstance(error, NodeError)):
                    raise
                failure = error
                self._failed(endpoint, error)
            else:
                endpoint.failures = 0
                return endpoint, answer
        raise failure or NodeUnreachable("no node is named; set EMPORION_RPC_URLS")

    def _in_order(self) -> list[_Endpoint]:
        """Those that do not rest, in the order given; then the resting ones, the first to return first."""
        now = self._now()
        awake = [endpoint for endpoint in self._endpoints if endpoint.resting_until <= now]
        resting = [endpoint for endpoint in self._endpoints if endpoint.resting_until > now]
        return awake + sorted(resting, key=lambda endpoint: endpoint.resting_until)

    def _failed(self, endpoint: _Endpoint, error: EmporionError) -> None:
        endpoint.failures += 1
        seconds = min(FAILED_SECONDS * 2 ** (endpoint.failures - 1), LONGEST_SECONDS)
        self._rest(endpoint, seconds, "failed", error.message)

    def _rest(self, endpoint: _Endpoint, seconds: float, event: str, reason: str) -> None:
        endpoint.resting_until = self._now() + seconds
        if len(self._endpoints) > 1:
            self._log.warning(
                f"indexer.endpoint.{event}", host=endpoint.source.host, reason=reason, seconds=seconds
            )

    async def _is_believed(self, asked: _Endpoint, tip: Header) -> bool:
        """Whether a new head goes on from the last one, or the other nodes too have left that one behind."""
        last = self._last
        others = [endpoint for endpoint in self._in_order() if endpoint is not asked]
        if last is None or not others or tip.hash == last.hash or tip.parent_hash == last.hash:
            return True
        if await _still_has(asked.source, last):
            return tip.number >= last.number
        keep = await asyncio.gather(*(_still_has(endpoint.source, last) for endpoint in others))
        votes = [vote for vote in keep if vote is not None]
        return not votes or 2 * sum(votes) <= len(votes)


async def _still_has(source: NamedSource, block: Header) -> bool | None:
    """Whether a node has this block; None where it does not answer."""
    try:
        found = await source.headers(Range(block.number, block.number))
    except EmporionError:
        return None
    return [header.hash for header in found] == [block.hash]
