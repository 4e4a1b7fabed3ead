"""What a service's usage adds up to; each runs on the caller's connection."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, distinct, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.catalog.usage_repository import voided_by_request
from backend.core.units import ChainId, ServiceId
from backend.db.tables.chain import Plan, Purchase
from backend.db.tables.meter import Usage

_usage: Final[Any] = Usage.__table__  # type: ignore[attr-defined]
_plans: Final[Any] = Plan.__table__  # type: ignore[attr-defined]
_purchases: Final[Any] = Purchase.__table__  # type: ignore[attr-defined]


async def _all(connection: AsyncConnection, statement: Any) -> list[Row[Any]]:
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return list(rows)


def _served(chain_id: ChainId, service: ServiceId, start: int, end: int) -> Any:
    return and_(
        _usage.c.chain_id == chain_id,
        _usage.c.service_id == service,
        _usage.c.issued_at >= start,
        _usage.c.issued_at < end,
    )


async def by_time(
    connection: AsyncConnection, chain_id: ChainId, service: ServiceId, start: int, end: int, seconds: int
) -> list[Row[Any]]:
    """Sums of each span of so many seconds that has a call, by plan, oldest first.

    `charged` counts what was voided too.
    """
    void = voided_by_request(chain_id)
    span = (_usage.c.issued_at // seconds).label("span")
    columns = (
        span,
        _usage.c.plan_id,
        func.count().label("calls"),
        func.sum(_usage.c.units_in).label("units_in"),
        func.sum(_usage.c.units_out).label("units_out"),
        func.sum(_usage.c.charged).label("charged"),
        func.sum(func.coalesce(void.c.micro_credits, 0)).label("voided"),
        func.sum(_usage.c.lost).label("lost"),
        func.count(distinct(_usage.c.payer)).label("buyers"),
    )
    joined = _usage.outerjoin(void, void.c.request_id == _usage.c.request_id)
    wanted = select(*columns).select_from(joined).where(_served(chain_id, service, start, end))
    return await _all(connection, wanted.group_by(span, _usage.c.plan_id).order_by(span, _usage.c.plan_id))


async def outcomes(
    connection: AsyncConnection, chain_id: ChainId, service: ServiceId, start: int, end: int, seconds: int
) -> list[Row[Any]]:
    """Calls by span, plan, route, outcome and fault."""
    span = (_usage.c.issued_at // seconds).label("span")
    by = (span, _usage.c.plan_id, _usage.c.route, _usage.c.outcome, _usage.c.fault)
    wanted = select(*by, func.count().label("calls")).where(_served(chain_id, service, start, end))
    return await _all(connection, wanted.group_by(*by))


async def durations(
    connection: AsyncConnection, chain_id: ChainId, service: ServiceId, start: int, end: int
) -> list[Row[Any]]:
    """How many delivered calls took so many milliseconds; those with a first byte, to it."""
    delivered = and_(_served(chain_id, service, start, end), _usage.c.outcome != "failed")
    columns = (_usage.c.duration_ms, _usage.c.first_byte_ms, func.count().label("calls"))
    wanted = select(*columns).where(delivered).group_by(_usage.c.duration_ms, _usage.c.first_byte_ms)
    return await _all(connection, wanted)


async def weeks_of_buyers(
    connection: AsyncConnection, chain_id: ChainId, service: ServiceId, end: int, seconds: int
) -> list[Row[Any]]:
    """Each week a buyer called in, from the first on."""
    week = (_usage.c.issued_at // seconds).label("week")
    wanted = select(_usage.c.payer, week).where(_served(chain_id, service, 0, end)).distinct()
    return await _all(connection, wanted.order_by(week))


async def sales(
    connection: AsyncConnection, chain_id: ChainId, service: ServiceId, start: int, end: int
) -> list[Row[Any]]:
    """Purchases of the service's plans in the period."""
    plans = select(_plans.c.plan_id).where(
        and_(_plans.c.chain_id == chain_id, _plans.c.service_id == service)
    )
    wanted = and_(
        _purchases.c.chain_id == chain_id,
        _purchases.c.plan_id.in_(plans),
        _purchases.c.timestamp >= start,
        _purchases.c.timestamp < end,
    )
    columns = (_purchases.c.plan_id, _purchases.c.units, _purchases.c.cost, _purchases.c.payer)
    return await _all(connection, select(*columns).where(wanted))


async def plans(connection: AsyncConnection, chain_id: ChainId, service: ServiceId) -> list[Row[Any]]:
    """Price and currency of the service's plans."""
    mine = and_(_plans.c.chain_id == chain_id, _plans.c.service_id == service)
    columns = (_plans.c.plan_id, _plans.c.currency, _plans.c.unit_price)
    return await _all(connection, select(*columns).where(mine).order_by(_plans.c.plan_id))
