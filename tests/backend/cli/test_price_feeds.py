"""AggregatorV3 feeds as a source of prices

rounds
├── of the span, oldest first; those without a positive answer, or that never came to one, are left out
├── of the newest phase alone: what only an earlier one knows stays blank
└── of a currency without a feed: none
read_feeds: SYMBOL=address; anything else is refused
"""

import pytest
from eth_abi.abi import decode, encode

from backend.cli.price_feeds import ChainFeeds, read_feeds
from backend.core.errors import MalformedRequest, TransactionReverted
from backend.core.units import Address, keccak
from backend.pricing.schemas import Point
from backend.pricing.service import FeedPrices

FEED = Address(b"\xfe" * 20)
PHASE = 3 * 2**64
SHAPE = ["uint80", "int256", "uint256", "uint256", "uint80"]


class Aggregator:
    """A feed with 8 decimals whose rounds are given from number 1 of its phase on; None reverts."""

    def __init__(self, rounds: list[tuple[int, int] | None]) -> None:
        self._rounds = rounds
        self.asked = 0

    async def read(self, to: bytes, data: bytes) -> bytes:
        assert to == FEED
        self.asked += 1
        if data == keccak(b"decimals()")[:4]:
            return encode(["uint8"], [8])
        if data == keccak(b"latestRoundData()")[:4]:
            return self._told(len(self._rounds))
        assert data[:4] == keccak(b"getRoundData(uint80)")[:4]
        return self._told(decode(["uint80"], data[4:])[0] - PHASE)

    def _told(self, number: int) -> bytes:
        found = self._rounds[number - 1] if 1 <= number <= len(self._rounds) else None
        if found is None:
            raise TransactionReverted("No data present")
        answer, at = found
        return encode(SHAPE, [PHASE + number, answer, at, at, PHASE + number])


class TestRounds:
    async def test_are_those_of_the_span(self) -> None:
        rounds = [(10 + n, 100 * n) for n in range(1, 8)]
        feeds = ChainFeeds(Aggregator([*rounds[:3], (0, 400), *rounds[4:]]), {"EMP": FEED})
        assert await feeds.rounds("EMP", 150, 620) == [
            Point(200, 12, 8),
            Point(300, 13, 8),
            Point(500, 15, 8),
            Point(600, 16, 8),
        ]
        assert await feeds.rounds("EMP", 900, 950) == []
        assert await feeds.rounds("tUSD", 0, 950) is None

    async def test_are_found_by_bisection(self) -> None:
        feed = Aggregator([(5, 10 * n) for n in range(1, 1_001)])
        assert await ChainFeeds(feed, {"EMP": FEED}).rounds("EMP", 9_990, 10_000) == [
            Point(9_990, 5, 8),
            Point(10_000, 5, 8),
        ]
        assert feed.asked < 20

    async def test_price_what_they_knew_at_the_time(self) -> None:
        prices = FeedPrices(ChainFeeds(Aggregator([(50, 1_000), (60, 2_000)]), {"EMP": FEED}))
        found = await prices.at("EMP", [999, 1_999, 2_000])
        assert {time: price.answer for time, price in found.items()} == {1_999: 50, 2_000: 60}


class TestReadFeeds:
    def test_reads_symbols_and_addresses(self) -> None:
        assert read_feeds(["EMP=0x" + "fe" * 20]) == {"EMP": FEED}

    @pytest.mark.parametrize("text", ["", "EMP", "=0x" + "fe" * 20, "EMP=12"])
    def test_refuses_anything_else(self, text: str) -> None:
        with pytest.raises(MalformedRequest):
            read_feeds([text])
