"""Prices from AggregatorV3 feeds (Chainlink's interface) on the node's chain, for statements.

Rounds are numbered without a gap within a phase (the low 64 bits of their ids). Earlier phases of a feed are
left out, so what only they know stays blank.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from eth_abi.abi import decode, encode

from backend.core.errors import MalformedRequest, TransactionReverted
from backend.core.units import Address, keccak, to_address
from backend.pricing.schemas import Point

MOST_ROUNDS: Final = 2_000
"""Rounds read at most; a longer span begins later, and what is before it stays blank."""
_PHASE: Final = 2**64
_ROUND: Final = ["uint80", "int256", "uint256", "uint256", "uint80"]


class Reads(Protocol):
    """The part of a node's client that is needed."""

    async def read(self, to: bytes, data: bytes) -> bytes:
        """Call a view."""
        ...


class ChainFeeds:
    """Rounds of feeds by the symbol of their currency."""

    def __init__(self, node: Reads, feeds: Mapping[str, Address]) -> None:
        self._node = node
        self._feeds = dict(feeds)

    async def rounds(self, symbol: str, first: int, last: int) -> Sequence[Point] | None:
        """Rounds updated from `first` to `last`, oldest first; None where the currency has no feed."""
        feed = self._feeds.get(symbol)
        if feed is None:
            return None
        (decimals,) = await self._ask(feed, "decimals()", ["uint8"])
        newest = (await self._ask(feed, "latestRoundData()", _ROUND))[0]
        begin = await self._first_since(feed, newest, first)
        found = []
        for number in range(max(begin, newest - MOST_ROUNDS + 1), newest + 1):
            answer, updated = await self._round(feed, number)
            if updated > last:
                break
            if answer > 0 and updated >= first:
                found.append(Point(updated, answer, decimals))
        return found

    async def _first_since(self, feed: Address, newest: int, time: int) -> int:
        """The first round of the newest one's phase that was updated at or after a time, by bisection."""
        low, high = newest // _PHASE * _PHASE + 1, newest + 1
        while low < high:
            middle = (low + high) // 2
            _, updated = await self._round(feed, middle)
            low, high = (middle + 1, high) if updated < time else (low, middle)
        return low

    async def _round(self, feed: Address, number: int) -> tuple[int, int]:
        """Answer and time of a round; zeros for one that never came to an answer."""
        try:
            told = await self._ask(feed, "getRoundData(uint80)", _ROUND, number)
        except TransactionReverted:
            return 0, 0
        return int(told[1]), int(told[3])

    async def _ask(self, feed: Address, function: str, types: list[str], *values: int) -> tuple[Any, ...]:
        data = keccak(function.encode())[:4] + encode(["uint80"] * len(values), list(values))
        return decode(types, await self._node.read(feed, data))


def read_feeds(texts: Sequence[str]) -> dict[str, Address]:
    """Feeds of `SYMBOL=0x...` each. Raises MalformedRequest."""
    found = {}
    for text in texts:
        symbol, sign, address = text.partition("=")
        if not sign or not symbol:
            raise MalformedRequest(f"{text[:80]!r} is no feed: write EMP=0x... with the feed's address")
        found[symbol] = to_address(address)
    return found
