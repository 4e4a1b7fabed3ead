"""What the index says is overdue: ended positions, services without their bond or without a sign of life."""

from typing import Any, Final

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId, ServiceId, ServiceStatus
from backend.db.tables import chain as mirror

_positions: Final[Any] = mirror.Position.__table__  # type: ignore[attr-defined]
_services: Final[Any] = mirror.Service.__table__  # type: ignore[attr-defined]
_plans: Final[Any] = mirror.Plan.__table__  # type: ignore[attr-defined]


async def ended_positions(
    connection: AsyncConnection, chain_id: ChainId, now: int, most: int
) -> list[tuple[Address, int]]:
    """Positions (owner, index) that ended and still have a score, the longest ended first."""
    statement = select(_positions.c.owner, _positions.c.index).where(
        _positions.c.chain_id == chain_id, _positions.c.end <= now, _positions.c.score > 0
    )
    rows = await connection.execute(statement.order_by(_positions.c.end).limit(most))
    return [(Address(bytes(owner)), int(index)) for owner, index in rows]


async def overdue_services(connection: AsyncConnection, chain_id: ChainId, now: int) -> list[ServiceId]:
    """Services that were flagged, or left a challenge unanswered; the contract knows whether it is time."""
    unanswered = and_(_services.c.challenge_until > 0, _services.c.challenge_until < now)
    statement = select(_services.c.service_id).where(
        _services.c.chain_id == chain_id,
        _services.c.status != ServiceStatus.RETIRED,
        or_(_services.c.underbonded_since > 0, unanswered),
    )
    return [ServiceId(number) for number in (await connection.execute(statement)).scalars()]


async def unflagged_bonds(connection: AsyncConnection, chain_id: ChainId) -> list[tuple[ServiceId, int]]:
    """Services with a plan that are not flagged, and the bond of each that counts.

    One that sells nothing harms nobody, and registering costs less than the flag.
    """
    sells = select(_plans.c.plan_id).where(
        _plans.c.chain_id == _services.c.chain_id, _plans.c.service_id == _services.c.service_id
    )
    statement = select(_services.c.service_id, _services.c.bond, _services.c.unbonding).where(
        _services.c.chain_id == chain_id,
        _services.c.status != ServiceStatus.RETIRED,
        _services.c.underbonded_since == 0,
        sells.exists(),
    )
    rows = (await connection.execute(statement)).all()
    return [(ServiceId(number), bond - min(unbonding, bond)) for number, bond, unbonding in rows]
