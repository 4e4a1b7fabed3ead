"""Reading prices from text and picking the one that held at a time. Pure."""

import csv
import io
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from backend.core.errors import Unprocessable
from backend.pricing.schemas import NamedPoint, Point

MAX_AGE_SECONDS: Final = 86_400
"""A price older than this says nothing of a time: the value stays blank."""
COLUMNS: Final = ("time", "currency", "quote", "price")
_PRICE: Final = re.compile(r"([0-9]{1,40})(?:\.([0-9]{1,18}))?")
_SYMBOL: Final = re.compile(r"[A-Za-z0-9.$_-]{1,32}")
_SHOWN: Final = 10
"""Problems listed before the rest is only counted."""


def held_at(points: Sequence[Point], time: int, max_age: int = MAX_AGE_SECONDS) -> Point | None:
    """The last point at or before a time, unless it is too old; `points` sorted by time."""
    place = bisect_right(points, time, key=lambda point: point.at)
    if place == 0 or points[place - 1].at < time - max_age:
        return None
    return points[place - 1]


def read_csv(text: str) -> list[NamedPoint]:
    """Lines of `time,currency,quote,price`, header first. Raises Unprocessable with every line that is wrong.

    Times as ISO 8601 (UTC where no zone is given) or unix seconds; prices as decimal numbers.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if tuple(name.strip().lower() for name in rows.fieldnames or ()) != COLUMNS:
        raise Unprocessable(f"the first line must be {','.join(COLUMNS)}")
    rows.fieldnames = list(COLUMNS)
    found, problems = [], []
    for row in rows:
        try:
            found.append(_read_row(row))
        except ValueError as error:
            problems.append(f"line {rows.line_num}: {error}")
    if problems:
        told = "; ".join(problems[:_SHOWN])
        raise Unprocessable(f"{len(problems)} lines are wrong: {told}", problems=problems[:_SHOWN])
    return found


def _read_row(row: dict[str, str]) -> NamedPoint:
    if None in row or None in row.values():
        raise ValueError(f"it must have {len(COLUMNS)} columns")
    symbol, quote = row["currency"].strip(), row["quote"].strip()
    for name in (symbol, quote):
        if not _SYMBOL.fullmatch(name):
            raise ValueError(f"{name[:40]!r} is no currency's symbol")
    return NamedPoint(symbol, quote, _point(row["time"].strip(), row["price"].strip()))


def _point(time: str, price: str) -> Point:
    match = _PRICE.fullmatch(price)
    if match is None:
        raise ValueError(f"{price[:40]!r} is no price: write 1.25")
    fraction = match[2] or ""
    answer = int(match[1] + fraction)
    if answer == 0:
        raise ValueError("a price of nothing is none: leave the line out")
    return Point(_time(time), answer, len(fraction))


def _time(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 11:
        return int(text)
    try:
        when = datetime.fromisoformat(text)
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is no time: write 2026-01-31 or 2026-01-31T12:00:00Z") from None


def sorted_by_symbol(named: Iterable[NamedPoint], quote: str) -> dict[str, list[Point]]:
    """Points of a quote by symbol, in the order of time; of two at one time the later line holds."""
    found: dict[str, dict[int, Point]] = {}
    for symbol, line_quote, point in named:
        if line_quote == quote:
            found.setdefault(symbol, {})[point.at] = point
    return {symbol: [points[at] for at in sorted(points)] for symbol, points in found.items()}
