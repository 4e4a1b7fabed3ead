"""Statements on the outbox and on webhooks; each runs on the caller's connection."""

from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId
from backend.db.tables.chain import Chain, Outbox
from backend.db.tables.feed import WebhookDelivery, WebhookEndpoint
from backend.feed.schemas import Wanted

_outbox: Final[Any] = Outbox.__table__  # type: ignore[attr-defined]
_chains: Final[Any] = Chain.__table__  # type: ignore[attr-defined]
_endpoints: Final[Any] = WebhookEndpoint.__table__  # type: ignore[attr-defined]
_deliveries: Final[Any] = WebhookDelivery.__table__  # type: ignore[attr-defined]


async def events_after(
    db: AsyncConnection, chain_id: ChainId, after: int, limit: int, wanted: Wanted
) -> list[Row[Any]]:
    """Events with ids above `after`, oldest first."""
    mine = (_outbox.c.chain_id == chain_id) & (_outbox.c.id > after)
    if wanted.service_id is not None:
        mine &= _outbox.c.service_id == wanted.service_id
    if wanted.account is not None:
        mine &= _outbox.c.account == wanted.account
    return list((await db.execute(select(_outbox).where(mine).order_by(_outbox.c.id).limit(limit))).all())


async def retracted(db: AsyncConnection, ids: list[int]) -> set[int]:
    """Those of the events that were taken back."""
    found = await db.execute(select(_outbox.c.retracts).where(_outbox.c.retracts.in_(ids)))
    return {int(row.retracts) for row in found}


async def newest_event(db: AsyncConnection, chain_id: ChainId) -> int:
    """The highest id; 0 where there is none."""
    found = await db.execute(select(func.max(_outbox.c.id)).where(_outbox.c.chain_id == chain_id))
    return int(found.scalar_one() or 0)


async def finalized_number(db: AsyncConnection, chain_id: ChainId) -> int:
    """The highest block that can no longer be taken back; -1 before the index has begun."""
    found = await db.execute(select(_chains.c.finalized_number).where(_chains.c.chain_id == chain_id))
    number = found.scalar_one_or_none()
    return -1 if number is None else int(number)


async def add_endpoint(db: AsyncConnection, row: dict[str, Any]) -> None:
    """A new endpoint."""
    await db.execute(insert(_endpoints), row)


async def endpoints_of(db: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """An account's endpoints, oldest first."""
    mine = (_endpoints.c.chain_id == chain_id) & (_endpoints.c.account == account)
    order = (_endpoints.c.created_at, _endpoints.c.endpoint_id)
    return list((await db.execute(select(_endpoints).where(mine).order_by(*order))).all())


async def endpoint(db: AsyncConnection, endpoint_id: str) -> Row[Any] | None:
    """An endpoint by its id."""
    return (await db.execute(select(_endpoints).where(_endpoints.c.endpoint_id == endpoint_id))).one_or_none()


async def live_endpoints(db: AsyncConnection, chain_id: ChainId) -> list[Row[Any]]:
    """Endpoints that are not disabled."""
    live = (_endpoints.c.chain_id == chain_id) & _endpoints.c.disabled_at.is_(None)
    return list((await db.execute(select(_endpoints).where(live))).all())


async def change_endpoint(db: AsyncConnection, endpoint_id: str, values: dict[str, Any]) -> None:
    """Set columns of an endpoint."""
    await db.execute(update(_endpoints).where(_endpoints.c.endpoint_id == endpoint_id).values(**values))


async def all_endpoints(db: AsyncConnection) -> list[Row[Any]]:
    """The endpoints of every account."""
    return list((await db.execute(select(_endpoints))).all())


async def remove_endpoint(db: AsyncConnection, endpoint_id: str) -> None:
    """Delete an endpoint and its deliveries."""
    await db.execute(delete(_deliveries).where(_deliveries.c.endpoint_id == endpoint_id))
    await db.execute(delete(_endpoints).where(_endpoints.c.endpoint_id == endpoint_id))


async def move_cursor(db: AsyncConnection, endpoint_id: str, seen: int, cursor: int) -> bool:
    """Move on from `seen`; False where another process has."""
    mine = (_endpoints.c.endpoint_id == endpoint_id) & (_endpoints.c.cursor == seen)
    return (await db.execute(update(_endpoints).where(mine).values(cursor=cursor))).rowcount == 1


async def add_deliveries(db: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Queue events; one that is queued already is left as it is."""
    kind = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    if rows:
        await db.execute(kind(_deliveries).on_conflict_do_nothing(), rows)


async def due(db: AsyncConnection, now: int, limit: int) -> list[Any]:
    """Deliveries to be tried now, with their endpoints."""
    joined = _deliveries.join(_endpoints, _endpoints.c.endpoint_id == _deliveries.c.endpoint_id)
    ripe = (
        (_deliveries.c.state == "due") & (_deliveries.c.next_at <= now) & _endpoints.c.disabled_at.is_(None)
    )
    columns = (
        _deliveries,
        _endpoints.c.url,
        _endpoints.c.secret,
        _endpoints.c.earlier_secret,
        _endpoints.c.earlier_until,
    )
    statement = select(*columns).select_from(joined).where(ripe).order_by(_deliveries.c.next_at).limit(limit)
    return list((await db.execute(statement)).all())


async def claim(db: AsyncConnection, delivery_id: int, attempts: int, until: int) -> bool:
    """Take a delivery for one try; False where another process has it."""
    mine = (_deliveries.c.id == delivery_id) & (_deliveries.c.attempts == attempts)
    taken = update(_deliveries).where(mine, _deliveries.c.state == "due")
    return (await db.execute(taken.values(attempts=attempts + 1, next_at=until))).rowcount == 1


async def change_delivery(db: AsyncConnection, delivery_id: int, values: dict[str, Any]) -> None:
    """Set columns of a delivery."""
    await db.execute(update(_deliveries).where(_deliveries.c.id == delivery_id).values(**values))


async def deliveries_of(
    db: AsyncConnection, endpoint_id: str, state: str | None, before: int | None, limit: int
) -> list[Row[Any]]:
    """Deliveries of an endpoint, newest first, ids below `before`."""
    mine = _deliveries.c.endpoint_id == endpoint_id
    if state is not None:
        mine &= _deliveries.c.state == state
    if before is not None:
        mine &= _deliveries.c.id < before
    statement = select(_deliveries).where(mine).order_by(_deliveries.c.id.desc()).limit(limit)
    return list((await db.execute(statement)).all())


async def revive(db: AsyncConnection, endpoint_id: str, now: int) -> int:
    """Try every dead letter of an endpoint again; returns how many."""
    dead = (_deliveries.c.endpoint_id == endpoint_id) & (_deliveries.c.state == "dead")
    return int(
        (
            await db.execute(update(_deliveries).where(dead).values(state="due", attempts=0, next_at=now))
        ).rowcount
    )
