"""Statements on what providers earned and on derivations; each runs on the caller's connection."""

from typing import Any, Final

from sqlalchemy import Row, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.catalog.repository import UNSETTLED, unsettled_tabs
from backend.core.units import Address, ChainId
from backend.db.tables.chain import Plan, Service, Settlement, ShareRevenue, Upstream
from backend.db.tables.meter import MeterTab

_services: Final[Any] = Service.__table__  # type: ignore[attr-defined]
_plans: Final[Any] = Plan.__table__  # type: ignore[attr-defined]
_settlements: Final[Any] = Settlement.__table__  # type: ignore[attr-defined]
_shares: Final[Any] = ShareRevenue.__table__  # type: ignore[attr-defined]
_upstreams: Final[Any] = Upstream.__table__  # type: ignore[attr-defined]
_meter_tabs: Final[Any] = MeterTab.__table__  # type: ignore[attr-defined]


def _owned(chain_id: ChainId, owner: Address) -> Any:
    mine = (_services.c.chain_id == chain_id) & (_services.c.owner == owner)
    return select(_services.c.service_id).where(mine)


async def derivations(
    db: AsyncConnection, chain_id: ChainId, ids: list[int], *, downwards: bool, limit: int
) -> list[Row[Any]]:
    """What these services are derived from; `downwards`: what is derived from them."""
    column = _upstreams.c.upstream_id if downwards else _upstreams.c.service_id
    mine = (_upstreams.c.chain_id == chain_id) & column.in_(ids)
    order = (_upstreams.c.service_id, _upstreams.c.upstream_id)
    return list((await db.execute(select(_upstreams).where(mine).order_by(*order).limit(limit))).all())


async def plan_revenue(db: AsyncConnection, chain_id: ChainId, owner: Address) -> list[Row[Any]]:
    """The plans of an owner's services."""
    mine = (_plans.c.chain_id == chain_id) & _plans.c.service_id.in_(_owned(chain_id, owner))
    return list((await db.execute(select(_plans).where(mine).order_by(_plans.c.plan_id))).all())


async def unsettled(db: AsyncConnection, chain_id: ChainId, owner: Address) -> dict[int, int]:
    """Micro-credits served here and not settled on chain, by plan of an owner's services."""
    plans = select(_plans.c.plan_id).where(
        (_plans.c.chain_id == chain_id) & _plans.c.service_id.in_(_owned(chain_id, owner))
    )
    tabs = unsettled_tabs(chain_id, _meter_tabs.c.plan_id, UNSETTLED).where(_meter_tabs.c.plan_id.in_(plans))
    rows = (await db.execute(tabs.group_by(_meter_tabs.c.plan_id))).all()
    return {row.plan_id: int(row.unsettled) for row in rows}


async def share_revenue(db: AsyncConnection, chain_id: ChainId, owner: Address) -> list[Row[Any]]:
    """What was distributed to the share holders of an owner's services."""
    mine = (_shares.c.chain_id == chain_id) & _shares.c.service_id.in_(_owned(chain_id, owner))
    order = (_shares.c.service_id, _shares.c.currency)
    return list((await db.execute(select(_shares).where(mine).order_by(*order))).all())


async def settlements(
    db: AsyncConnection, chain_id: ChainId, owner: Address, before: tuple[int, int] | None, limit: int
) -> list[Row[Any]]:
    """Settled lines of an owner's services with their `service_id`, newest first."""
    same = (_plans.c.chain_id == _settlements.c.chain_id) & (_plans.c.plan_id == _settlements.c.plan_id)
    mine = (_settlements.c.chain_id == chain_id) & _plans.c.service_id.in_(_owned(chain_id, owner))
    place = (_settlements.c.block_number, _settlements.c.log_index)
    if before is not None:
        mine &= tuple_(*place) < before
    statement = select(_settlements, _plans.c.service_id).select_from(_settlements.join(_plans, same))
    newest = statement.where(mine).order_by(*(column.desc() for column in place)).limit(limit)
    return list((await db.execute(newest)).all())
