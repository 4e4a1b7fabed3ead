"""How services are rated: the newest standing review of each account counts. On the caller's connection."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Row, and_, cast, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import ChainId
from backend.db.tables.chain import Outbox, Service

_services: Final[Any] = Service.__table__  # type: ignore[attr-defined]
_outbox: Final[Any] = Outbox.__table__  # type: ignore[attr-defined]
_later: Final[Any] = _outbox.alias("later")
_STARS: Final = cast(_outbox.c.args["rating"].as_string(), Integer)


async def ratings(
    connection: AsyncConnection, chain_id: ChainId, service_ids: list[int]
) -> dict[int, Row[Any]]:
    """`ratings` (how many) and their `total`, of several services; those without any are absent."""
    mine = and_(_outbox.c.chain_id == chain_id, _outbox.c.service_id.in_(service_ids), _counts())
    columns = (_outbox.c.service_id, func.count().label("ratings"), func.sum(_STARS).label("total"))
    found = await connection.execute(select(*columns).where(mine).group_by(_outbox.c.service_id))
    return {row.service_id: row for row in found}


def rated_at_least(stars: int) -> ColumnElement[bool]:
    """Whether a service has ratings, whose mean is so many stars or more."""
    mine = and_(
        _outbox.c.chain_id == _services.c.chain_id,
        _outbox.c.service_id == _services.c.service_id,
        _counts(),
    )
    above = select(func.sum(_STARS - stars)).where(mine).correlate(_services).scalar_subquery()
    return above >= 0


def _counts() -> ColumnElement[bool]:
    newer = and_(
        _later.c.chain_id == _outbox.c.chain_id,
        _later.c.service_id == _outbox.c.service_id,
        _later.c.account == _outbox.c.account,
        _later.c.id > _outbox.c.id,
        _stands(_later),
    )
    return and_(_stands(_outbox), ~exists().where(newer))


def _stands(said: Any) -> ColumnElement[bool]:
    """A review that no fork took back."""
    taken_back = _outbox.alias()
    kept = ~exists().where(taken_back.c.retracts == said.c.id)
    return and_(said.c.event == "Reviewed", said.c.retracts.is_(None), kept)
