"""Probes, served calls and figures; each runs on the caller's connection."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId, ServiceId
from backend.db.tables.meter import Usage
from backend.db.tables.probing import Measured, Probe

_probes: Final[Any] = Probe.__table__  # type: ignore[attr-defined]
_measured: Final[Any] = Measured.__table__  # type: ignore[attr-defined]
_usage: Final[Any] = Usage.__table__  # type: ignore[attr-defined]
_KEYS: Final = ("chain_id", "service_id", "measured_by", "source")


async def _all(connection: AsyncConnection, statement: Any) -> list[Row[Any]]:
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return list(rows)


async def add(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Keep a probe."""
    await connection.execute(insert(_probes).values(row))


async def probes(
    connection: AsyncConnection, chain_id: ChainId, service: ServiceId, prober: Address, since: int, most: int
) -> list[Row[Any]]:
    """A prober's newest probes of a service since a time, so many at most."""
    mine = and_(
        _probes.c.chain_id == chain_id,
        _probes.c.service_id == service,
        _probes.c.prober == prober,
        _probes.c.at >= since,
    )
    return await _all(connection, select(_probes).where(mine).order_by(_probes.c.at.desc()).limit(most))


async def served(
    connection: AsyncConnection, chain_id: ChainId, service: ServiceId, since: int, most: int
) -> list[Row[Any]]:
    """The newest requests this gateway answered of a service since a time, so many at most."""
    columns = (
        _usage.c.issued_at,
        _usage.c.outcome,
        _usage.c.units_out,
        _usage.c.first_byte_ms,
        _usage.c.duration_ms,
    )
    mine = and_(_usage.c.chain_id == chain_id, _usage.c.service_id == service, _usage.c.issued_at >= since)
    return await _all(
        connection, select(*columns).where(mine).order_by(_usage.c.issued_at.desc()).limit(most)
    )


async def services_served(connection: AsyncConnection, chain_id: ChainId, since: int) -> list[ServiceId]:
    """Services with a request since a time."""
    lately = and_(_usage.c.chain_id == chain_id, _usage.c.issued_at >= since)
    rows = await _all(connection, select(_usage.c.service_id).where(lately).distinct())
    return [ServiceId(row.service_id) for row in rows]


async def put(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Replace the figures of one service by one who measured it."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    changed = {name: value for name, value in row.items() if name not in _KEYS}
    statement = dialect.insert(_measured).values(row)
    await connection.execute(statement.on_conflict_do_update(index_elements=list(_KEYS), set_=changed))


async def forget(connection: AsyncConnection, chain_id: ChainId, before: int) -> None:
    """Drop probes and figures that ended before a time."""
    for table, column in ((_probes, _probes.c.at), (_measured, _measured.c.until)):
        await connection.execute(delete(table).where(and_(table.c.chain_id == chain_id, column < before)))
