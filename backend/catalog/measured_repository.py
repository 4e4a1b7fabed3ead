"""What was measured of services; each runs on the caller's connection."""

from typing import Any, Final

from sqlalchemy import Row, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.catalog.schemas import Sort
from backend.core.units import ChainId
from backend.db.tables.chain import Service
from backend.db.tables.probing import Measured

_services: Final[Any] = Service.__table__  # type: ignore[attr-defined]
_measured: Final[Any] = Measured.__table__  # type: ignore[attr-defined]
_HIGHEST: Final = 2**40
"""Above every speed and time that is measured; twice it stands for none, so that the unmeasured come last."""


async def measured(
    connection: AsyncConnection, chain_id: ChainId, service_ids: list[int], since: int
) -> list[Row[Any]]:
    """Figures of several services that are not older than a time; those with most samples first."""
    young = and_(
        _measured.c.chain_id == chain_id,
        _measured.c.service_id.in_(service_ids),
        _measured.c.until >= since,
    )
    statement = select(_measured).where(young).order_by(_measured.c.samples.desc(), _measured.c.measured_by)
    return list((await connection.execute(statement)).all())


def sort_key(sort: Sort, since: int) -> Any:
    """A number of the service that grows from best to worst, by the worst that anybody measured of it."""
    worst = {
        Sort.UPTIME: _HIGHEST - func.min(_measured.c.uptime_ppm),
        Sort.FIRST_TOKEN: func.max(_measured.c.first_token_ms),
        Sort.SPEED: _HIGHEST - func.min(_measured.c.speed),
    }[sort]
    young = and_(
        _measured.c.chain_id == _services.c.chain_id,
        _measured.c.service_id == _services.c.service_id,
        _measured.c.until >= since,
    )
    found = select(worst).where(young).correlate(_services).scalar_subquery()
    return func.coalesce(found, 2 * _HIGHEST)
