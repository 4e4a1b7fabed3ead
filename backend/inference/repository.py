"""Statements on upstream bindings; each runs inside the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.tables.inference import BoundUpstream
from backend.inference.schemas import ServiceKey


async def of_service(session: AsyncSession, service: ServiceKey) -> list[BoundUpstream]:
    """A service's upstreams, by id."""
    statement = (
        select(BoundUpstream)
        .where(BoundUpstream.chain_id == service.chain_id)  # type: ignore[arg-type]
        .where(BoundUpstream.service_id == service.service_id)  # type: ignore[arg-type]
        .order_by(BoundUpstream.upstream_id)
    )
    return list((await session.execute(statement)).scalars())


async def with_secrets(session: AsyncSession) -> list[BoundUpstream]:
    """Every upstream that has a secret."""
    statement = select(BoundUpstream).where(BoundUpstream.secret.is_not(None))  # type: ignore[union-attr]
    return list((await session.execute(statement)).scalars())


async def replace(session: AsyncSession, service: ServiceKey, rows: Sequence[BoundUpstream]) -> None:
    """Let these be all of a service's upstreams."""
    statement = (
        delete(BoundUpstream)
        .where(BoundUpstream.chain_id == service.chain_id)  # type: ignore[arg-type]
        .where(BoundUpstream.service_id == service.service_id)  # type: ignore[arg-type]
    )
    await session.execute(statement)
    session.add_all(rows)
    await session.flush()
