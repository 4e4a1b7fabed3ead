"""Sources of prices: kept points, a file, feeds, or the first of several that knows.

Each has `quote` and `at(symbol, times)`: what `backend.statements` asks of a source.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from backend.core.errors import Unprocessable
from backend.db.session import Store
from backend.pricing import repository
from backend.pricing.points import MAX_AGE_SECONDS, held_at, read_csv, sorted_by_symbol
from backend.pricing.ports import FeedReader
from backend.pricing.schemas import Point

QUOTE: Final = "USD"


class Quoted(NamedTuple):
    """Worth of one whole unit: `answer / 10**decimals` of the quote."""

    answer: int
    decimals: int


class Source(Protocol):
    """Prices of the past in one quote."""

    @property
    def quote(self) -> str:
        """What prices are in."""
        ...

    async def at(self, symbol: str, times: Sequence[int]) -> Mapping[int, Quoted]:
        """Prices of a currency at unix times; a time without one is left out."""
        ...


def _picked(points: Sequence[Point], times: Sequence[int], max_age: int) -> dict[int, Quoted]:
    found = {time: held_at(points, time, max_age) for time in times}
    return {time: Quoted(point.answer, point.decimals) for time, point in found.items() if point}


class FilePrices:
    """Prices of a CSV text, kept in memory. Raises Unprocessable with every line that is wrong."""

    def __init__(self, text: str, quote: str = QUOTE, max_age: int = MAX_AGE_SECONDS) -> None:
        self.quote = quote
        self._max_age = max_age
        self._points = sorted_by_symbol(read_csv(text), quote)
        if not self._points:
            raise Unprocessable(f"the file has no price in {quote}; check its column `quote`")

    async def at(self, symbol: str, times: Sequence[int]) -> Mapping[int, Quoted]:
        """Prices at these times."""
        return _picked(self._points.get(symbol, []), times, self._max_age)


class StoredPrices:
    """Points kept in the gateway's store."""

    def __init__(self, store: Store, quote: str = QUOTE, max_age: int = MAX_AGE_SECONDS) -> None:
        self.quote = quote
        self._store = store
        self._max_age = max_age

    async def keep(self, text: str, source: str) -> int:
        """Import a CSV text; how many lines. Twice the same changes nothing. Raises Unprocessable."""
        named = read_csv(text)
        async with self._store.write_connection() as db:
            await repository.put(db, named, source)
        return len(named)

    async def at(self, symbol: str, times: Sequence[int]) -> Mapping[int, Quoted]:
        """Prices at these times."""
        if not times:
            return {}
        async with self._store.read_connection() as db:
            first, last = min(times) - self._max_age, max(times)
            points = await repository.between(db, symbol, self.quote, first, last)
        return _picked(points, times, self._max_age)


class FeedPrices:
    """Feeds on chain, through the port."""

    def __init__(self, feeds: FeedReader, quote: str = QUOTE, max_age: int = MAX_AGE_SECONDS) -> None:
        self.quote = quote
        self._feeds = feeds
        self._max_age = max_age

    async def at(self, symbol: str, times: Sequence[int]) -> Mapping[int, Quoted]:
        """Prices at these times."""
        if not times:
            return {}
        rounds = await self._feeds.rounds(symbol, min(times) - self._max_age, max(times))
        return _picked([point for point in rounds or () if point.answer > 0], times, self._max_age)


class FirstOf:
    """For each time the first source that has a price. All must have one quote: ValueError if not."""

    def __init__(self, *sources: Source) -> None:
        quotes = {source.quote for source in sources}
        if len(quotes) != 1:
            raise ValueError(f"sources quote in {sorted(quotes)}; they must agree")
        self.quote = quotes.pop()
        self._sources = sources

    async def at(self, symbol: str, times: Sequence[int]) -> Mapping[int, Quoted]:
        """Prices at these times."""
        found: dict[int, Quoted] = {}
        for source in self._sources:
            missing = [time for time in times if time not in found]
            if missing:
                found.update(await source.at(symbol, missing))
        return found
