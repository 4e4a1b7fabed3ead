"""Price points; each runs on the caller's connection."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import and_, delete, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.tables.pricing import PricePoint
from backend.pricing.schemas import NamedPoint, Point

_points: Final[Any] = PricePoint.__table__  # type: ignore[attr-defined]
_KEY: Final = tuple_(_points.c.symbol, _points.c.quote, _points.c.at)
_CHUNK: Final = 200


async def put(connection: AsyncConnection, named: Sequence[NamedPoint], source: str) -> None:
    """Keep points; those of the same currency, quote and time are replaced."""
    latest = {(symbol, quote, point.at): point for symbol, quote, point in named}
    keys = list(latest)
    for start in range(0, len(keys), _CHUNK):
        some = keys[start : start + _CHUNK]
        await connection.execute(delete(_points).where(_KEY.in_(some)))
        await connection.execute(insert(_points), list(_rows(some, latest, source)))


def _rows(
    keys: Iterable[tuple[str, str, int]], points: dict[tuple[str, str, int], Point], source: str
) -> Iterable[dict[str, Any]]:
    for symbol, quote, at in keys:
        point = points[symbol, quote, at]
        yield {
            "symbol": symbol,
            "quote": quote,
            "at": at,
            "answer": point.answer,
            "decimals": point.decimals,
            "source": source,
        }


async def between(connection: AsyncConnection, symbol: str, quote: str, first: int, last: int) -> list[Point]:
    """Points of a currency in the order of time."""
    same = and_(_points.c.symbol == symbol, _points.c.quote == quote)
    columns = (_points.c.at, _points.c.answer, _points.c.decimals)
    wanted = select(*columns).where(and_(same, _points.c.at.between(first, last))).order_by(_points.c.at)
    return [Point(row.at, row.answer, row.decimals) for row in await connection.execute(wanted)]


async def count(connection: AsyncConnection) -> int:
    """How many there are."""
    return int((await connection.execute(select(func.count()).select_from(_points))).scalar_one())
