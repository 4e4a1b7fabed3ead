"""Reads of one account's usage rows; each runs on the caller's connection."""

from typing import Any, Final

from sqlalchemy import Row, and_, case, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId
from backend.db.tables.meter import Usage, UsageEvent

DAY: Final = 86_400
_usage: Final[Any] = Usage.__table__  # type: ignore[attr-defined]
_events: Final[Any] = UsageEvent.__table__  # type: ignore[attr-defined]
_AGE: Final = (_usage.c.issued_at, _usage.c.sequence, _usage.c.plan_id)
"""Orders one payer's rows: those of a second by their place in the tab, then by plan; no two are equal."""


def _mine(chain_id: ChainId, payer: Address) -> Any:
    return and_(_usage.c.chain_id == chain_id, _usage.c.payer == payer)


def voided_by_request(chain_id: ChainId) -> Any:
    """(request_id, micro_credits) of every request of which something was voided, to be joined."""
    columns = (_events.c.request_id, func.sum(_events.c.micro_credits).label("micro_credits"))
    mine = select(*columns).where(_events.c.chain_id == chain_id)
    return mine.group_by(_events.c.request_id).subquery("voided")


async def by_day(
    connection: AsyncConnection, chain_id: ChainId, payer: Address, since: int
) -> list[Row[Any]]:
    """Sums of each UTC day and plan from a time on, oldest first. `charged` counts what was voided too."""
    void = voided_by_request(chain_id)
    day = (_usage.c.issued_at // DAY).label("day")
    keys = (day, _usage.c.plan_id, _usage.c.service_id)
    columns = (
        *keys,
        func.count().label("calls"),
        func.sum(case((_usage.c.outcome == "failed", 1), else_=0)).label("failed"),
        func.sum(_usage.c.units_in).label("units_in"),
        func.sum(_usage.c.units_out).label("units_out"),
        func.sum(_usage.c.charged).label("charged"),
        func.sum(func.coalesce(void.c.micro_credits, 0)).label("voided"),
    )
    wanted = (
        select(*columns)
        .select_from(_usage.outerjoin(void, void.c.request_id == _usage.c.request_id))
        .where(_mine(chain_id, payer), _usage.c.issued_at >= since)
        .group_by(*keys)
        .order_by(*keys)
    )
    return list((await connection.execute(wanted)).all())


async def calls(
    connection: AsyncConnection, chain_id: ChainId, payer: Address, before: str | None, limit: int
) -> list[Row[Any]]:
    """Requests older than the one named, newest first."""
    mine = _mine(chain_id, payer)
    events = select(func.sum(_events.c.micro_credits)).where(_events.c.request_id == _usage.c.request_id)
    wanted = select(_usage, events.scalar_subquery().label("voided")).where(mine)
    if before is not None:
        named = select(*_AGE).where(mine, _usage.c.request_id == before).scalar_subquery()
        wanted = wanted.where(tuple_(*_AGE) < named)
    newest = wanted.order_by(*(column.desc() for column in _AGE)).limit(limit)
    return list((await connection.execute(newest)).all())


async def voided(connection: AsyncConnection, chain_id: ChainId) -> int:
    """Micro-credits of all requests that are not asked for any more."""
    total = select(func.coalesce(func.sum(_events.c.micro_credits), 0)).where(_events.c.chain_id == chain_id)
    return int((await connection.execute(total)).scalar_one())
