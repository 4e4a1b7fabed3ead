"""Where prices are read that no file brings: feeds on chain, through a port."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from backend.pricing.schemas import Point


class FeedReader(Protocol):
    """Rounds of AggregatorV3 feeds (Chainlink's interface), read by who may reach a node."""

    async def rounds(self, symbol: str, first: int, last: int) -> Sequence[Point] | None:
        """Rounds updated from `first` to `last`, oldest first; None where the currency has no feed.

        A round without a positive answer is left out.
        """
        ...


class RecordedFeeds:
    """Rounds as they are given."""

    def __init__(self, rounds: Mapping[str, Sequence[Point]]) -> None:
        self._rounds = rounds

    async def rounds(self, symbol: str, first: int, last: int) -> Sequence[Point] | None:
        """The recorded rounds of the span."""
        found = self._rounds.get(symbol)
        return None if found is None else [point for point in found if first <= point.at <= last]
