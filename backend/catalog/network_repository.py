"""Reads over a whole chain; each runs on the caller's connection."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, distinct, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import ChainId
from backend.db.tables.chain import Holding, Outbox, Plan, Purchase, RewardStream, Service

_outbox: Final[Any] = Outbox.__table__  # type: ignore[attr-defined]
_plans: Final[Any] = Plan.__table__  # type: ignore[attr-defined]
_services: Final[Any] = Service.__table__  # type: ignore[attr-defined]
_holdings: Final[Any] = Holding.__table__  # type: ignore[attr-defined]
_purchases: Final[Any] = Purchase.__table__  # type: ignore[attr-defined]
_streams: Final[Any] = RewardStream.__table__  # type: ignore[attr-defined]


async def _all(connection: AsyncConnection, statement: Any) -> list[Row[Any]]:
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return list(rows)


async def events(
    connection: AsyncConnection, chain_id: ChainId, names: Sequence[str], since: int
) -> list[Row[Any]]:
    """Events of these names from a time on (unix seconds), those left out that a fork took back."""
    mine = (_outbox.c.chain_id == chain_id) & _outbox.c.event.in_(names) & (_outbox.c.timestamp >= since)
    taken = select(_outbox.c.retracts).where(mine & _outbox.c.retracts.is_not(None))
    columns = (_outbox.c.event, _outbox.c.timestamp, _outbox.c.plan_id, _outbox.c.args)
    standing = mine & _outbox.c.retracts.is_(None) & _outbox.c.id.not_in(taken)
    return await _all(connection, select(*columns).where(standing).order_by(_outbox.c.id))


async def plans(connection: AsyncConnection, chain_id: ChainId) -> list[Row[Any]]:
    """Currency and counters of every plan."""
    columns = (_plans.c.plan_id, _plans.c.currency, _plans.c.paid, _plans.c.refunded, _plans.c.revenue)
    return await _all(connection, select(*columns).where(_plans.c.chain_id == chain_id))


async def services(connection: AsyncConnection, chain_id: ChainId) -> list[Row[Any]]:
    """When every service was registered, and its status."""
    columns = (_services.c.created_at, _services.c.status)
    return await _all(connection, select(*columns).where(_services.c.chain_id == chain_id))


async def people(connection: AsyncConnection, chain_id: ChainId) -> tuple[int, int]:
    """Wallets that ever paid, and wallets that hold something."""
    paid = select(func.count(distinct(_purchases.c.payer))).where(
        _purchases.c.chain_id == chain_id, _purchases.c.cost > 0
    )
    held = select(func.count(distinct(_holdings.c.account))).where(
        _holdings.c.chain_id == chain_id, _holdings.c.units > 0
    )
    return (
        int((await connection.execute(paid)).scalar_one()),
        int((await connection.execute(held)).scalar_one()),
    )


async def streams(connection: AsyncConnection, chain_id: ChainId) -> list[Row[Any]]:
    """The reward streams, by currency."""
    mine = _streams.c.chain_id == chain_id
    return await _all(connection, select(_streams).where(mine).order_by(_streams.c.currency))
