"""Statements on documents; each runs on the caller's connection."""

from typing import Any, Final

from sqlalchemy import Row, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import ZERO_HASH, Hash32
from backend.db.tables.chain import Service
from backend.db.tables.metadata import MetadataDocument, MetadataFetch

_documents: Final[Any] = MetadataDocument.__table__  # type: ignore[attr-defined]
_fetches: Final[Any] = MetadataFetch.__table__  # type: ignore[attr-defined]
_services: Final[Any] = Service.__table__  # type: ignore[attr-defined]


def _insert(connection: AsyncConnection, table: Any) -> Any:
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)


async def add_document(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Keep a document's row; the same again changes nothing."""
    await connection.execute(_insert(connection, _documents).values(row).on_conflict_do_nothing())


async def document(connection: AsyncConnection, content_hash: Hash32) -> Row[Any] | None:
    """A document's row, or None."""
    one = _documents.c.content_hash == content_hash
    return (await connection.execute(select(_documents).where(one))).one_or_none()


async def missing(connection: AsyncConnection, now: int, limit: int) -> list[Row[Any]]:
    """(content_hash, attempts) of services whose document is not here and is due to be tried."""
    joined = _services.outerjoin(_documents, _documents.c.content_hash == _services.c.content_hash).outerjoin(
        _fetches, _fetches.c.content_hash == _services.c.content_hash
    )
    absent = _documents.c.content_hash.is_(None) & (_services.c.content_hash != ZERO_HASH)
    due = or_(_fetches.c.next_at.is_(None), _fetches.c.next_at <= now)
    columns = (
        _services.c.content_hash,
        func.coalesce(func.max(_fetches.c.attempts), 0).label("attempts"),
    )
    statement = select(*columns).select_from(joined).where(absent & due)
    grouped = statement.group_by(_services.c.content_hash).limit(limit)
    return list((await connection.execute(grouped)).all())


async def places(connection: AsyncConnection, content_hash: Hash32, limit: int) -> list[str]:
    """Where services say that a document is, in one order."""
    named = select(_services.c.uri).distinct().where(_services.c.content_hash == content_hash)
    return list((await connection.execute(named.order_by(_services.c.uri).limit(limit))).scalars())


async def note_failure(
    connection: AsyncConnection, content_hash: Hash32, attempts: int, next_at: int, problem: str
) -> None:
    """Say why a document could not be had and when to try again."""
    values = {"attempts": attempts, "next_at": next_at, "problem": problem}
    statement = _insert(connection, _fetches).values(content_hash=content_hash, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["content_hash"], set_=values))
