"""Shapes of prices."""

from typing import NamedTuple


class Point(NamedTuple):
    """A price that holds from a unix time on: `answer / 10**decimals` of the quote for one whole unit."""

    at: int
    answer: int
    decimals: int


class NamedPoint(NamedTuple):
    """A line of a file of prices."""

    symbol: str
    quote: str
    point: Point
