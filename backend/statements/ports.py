"""Where prices come from: handed in, so that a statement knows no source of them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Worth(Protocol):
    """Worth of one whole unit of a currency: `answer / 10**decimals` of the quote."""

    @property
    def answer(self) -> int:
        """A positive number."""
        ...

    @property
    def decimals(self) -> int:
        """How many of its digits are decimals."""
        ...


class Price(NamedTuple):
    """A worth, written down."""

    answer: int
    decimals: int


class Prices(Protocol):
    """Prices of the past."""

    @property
    def quote(self) -> str:
        """What prices are in: `USD`."""
        ...

    async def at(self, symbol: str, times: Sequence[int]) -> Mapping[int, Worth]:
        """Price of a currency at each unix time where there is one; a time without a price is left out."""
        ...


class NoPrices:
    """No source: every value stays blank."""

    quote = "USD"

    async def at(self, symbol: str, times: Sequence[int]) -> Mapping[int, Worth]:
        """Nothing."""
        return {}


class FixedPrices:
    """The same price at any time, by symbol."""

    def __init__(self, prices: Mapping[str, Price], quote: str = "USD") -> None:
        self.quote = quote
        self._prices = dict(prices)

    async def at(self, symbol: str, times: Sequence[int]) -> Mapping[int, Worth]:
        """The price of the symbol, if it has one."""
        found = self._prices.get(symbol)
        return {} if found is None else dict.fromkeys(times, found)
