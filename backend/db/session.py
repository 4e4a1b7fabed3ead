"""Transactions: the only module that commits.

A ``Store`` is one of the two, opened. Reads see one snapshot; a write is all or nothing and durable when its
block ends without an exception.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import Any, Final, Literal, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from backend.core.errors import DatabaseBusy, DatabaseUnreachable
from backend.db.drivers import driver_errors, int8, operational_errors, psycopg_operational
from backend.db.engines import AUTOCOMMIT_OPTION

T = TypeVar("T")
Row = tuple[Any, ...]
Statement = tuple[str, Sequence[object]]
"""SQL with ``%s`` parameters, and their values."""
StoreName = Literal["chain", "gateway"]
Dialect = Literal["sqlite", "postgresql"]

_DISK_FULL: Final = "53100"
_FULL: Final = "the disk is full: make room; nothing is lost, it goes on by itself"
NOTIFY_CHANNEL: Final = {"chain": "emporion_chain", "gateway": "emporion_gateway"}


class Store:
    """One store: ``chain`` or ``gateway``, on SQLite or PostgreSQL.

    ``read``/``write`` give an AsyncSession, ``read_connection``/``write_connection`` an AsyncConnection for
    Core statements; ``lookup`` an AsyncConnection outside any transaction, for a single statement on a hot
    path. All raise DatabaseUnreachable or DatabaseBusy.
    """

    def __init__(self, name: StoreName, dialect: Dialect, reader: AsyncEngine, writer: AsyncEngine) -> None:
        self.name: StoreName = name
        self.dialect: Dialect = dialect
        self._writer = writer
        self._writer_direct = writer.execution_options(**{AUTOCOMMIT_OPTION: True})
        if dialect == "sqlite":
            self._reader = reader
            self._direct = reader.execution_options(**{AUTOCOMMIT_OPTION: True})
        else:
            self._reader = reader.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._direct = reader.execution_options(isolation_level="AUTOCOMMIT")
        self._engines = {id(engine): engine for engine in (reader, writer)}
        self._turn = asyncio.Lock()
        self._hot: tuple[AsyncConnection, Any] | None = None
        """The connection of the hot writes, and the driver's own in it."""

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session on one snapshot of the database; what it changes is thrown away."""
        with _translated():
            async with AsyncSession(self._reader, expire_on_commit=False) as session:
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed at the end of the block, undone on any exception."""
        with _translated():
            async with self._turn_of(), AsyncSession(self._writer, expire_on_commit=False) as session:
                yield session
                await session.flush()
                await self._announce(await session.connection())
                await session.commit()

    @asynccontextmanager
    async def read_connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection on one snapshot of the database."""
        with _translated():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write_connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose work is committed at the end of the block, undone on any exception."""
        with _translated():
            async with self._turn_of(), self._writer.connect() as connection:
                await connection.begin()
                yield connection
                await self._announce(connection)
                await connection.commit()

    @asynccontextmanager
    async def lookup(self) -> AsyncIterator[AsyncConnection]:
        """A connection where each statement stands alone: no BEGIN, no snapshot across statements."""
        with _translated():
            async with self._direct.connect() as connection:
                yield connection

    async def write_sqlite(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on the raw SQLite connection in one write transaction and one visit to its thread.

        For hot paths: the portable ways cost a thread switch for every statement, and taking a connection
        out of the pool costs five times the visit, so this one is kept.
        """
        with _translated():
            async with self._turn:
                _, driver = await self._kept()
                # aiosqlite has no public way to run a function on its thread; SQLAlchemy's dialect leans on
                # the same.
                result: T = await driver._execute(_in_transaction, driver._conn, work)
                return result

    async def write_pipeline(
        self,
        statements: Sequence[Statement],
        then: Callable[[list[list[Row]]], Sequence[Statement]] | None = None,
    ) -> list[list[Row]]:
        """Run PostgreSQL statements as one transaction in one round trip; rows of each.

        With ``then``, the statements it makes of those rows go out with the commit in a second round trip.
        Either all of them count or none. Whole numbers are bound as 64-bit ones. The connection is kept, as
        SQLite's is; one that does not come back from a failure is not used again.
        """
        async with self._kept_transaction() as (_, driver):
            return await _piped(driver, statements, then)

    async def write_driver(self, work: Callable[[Any], tuple[T, Sequence[Statement]]]) -> T:
        """Run ``work`` on psycopg's connection, under ``run_sync``, as one transaction of PostgreSQL.

        The statements that it leaves go out with the commit in one round trip. The connection is kept, as
        `write_pipeline`'s is.
        """
        async with self._kept_transaction() as (connection, driver):
            result, left = await connection.run_sync(lambda _: work(driver))
            async with driver.pipeline():
                for sql, values in left:
                    await driver.execute(sql, values, prepare=True)
                if self.name == "chain":  # each indexer step is news to everybody
                    await driver.execute(f"NOTIFY {NOTIFY_CHANNEL[self.name]}")
                await driver.commit()
            return result

    async def announce(self, connection: AsyncConnection) -> None:
        """Wake other processes when this transaction commits (SQLite's see the file change by themselves)."""
        if self.dialect == "postgresql":
            await connection.execute(text(f"NOTIFY {NOTIFY_CHANNEL[self.name]}"))

    async def close(self) -> None:
        """Close every connection."""
        hot, self._hot = self._hot, None
        if hot is not None:
            await hot[0].close()
        for engine in self._engines.values():
            await engine.dispose()

    @asynccontextmanager
    async def _kept_transaction(self) -> AsyncIterator[tuple[AsyncConnection, Any]]:
        """PostgreSQL's connection of the hot writes; dropped where it does not come back from a failure."""
        with _translated():
            async with self._turn:
                connection, driver = await self._kept()
                try:
                    yield connection, driver
                except Exception:
                    if not await _rolled_back(driver):
                        await self._drop()
                    raise
                except BaseException:
                    await self._drop()
                    raise

    async def _kept(self) -> tuple[AsyncConnection, Any]:
        if self._hot is None:
            connection = await self._writer_direct.connect()
            self._hot = connection, (await connection.get_raw_connection()).driver_connection
        return self._hot

    async def _drop(self) -> None:
        hot, self._hot = self._hot, None
        if hot is not None:
            await hot[0].invalidate()
            await hot[0].close()

    def _turn_of(self) -> AbstractAsyncContextManager[None]:
        """SQLite has one writer at a time: those of this process wait here instead of colliding there."""
        return self._turn if self.dialect == "sqlite" else nullcontext()

    async def _announce(self, connection: AsyncConnection) -> None:
        # Each indexer step is news to everybody. The gateway's hot path is not: NOTIFY takes a global lock at
        # commit, so there only what must be seen at once (a revoked key) calls ``announce`` itself.
        if self.name == "chain":
            await self.announce(connection)


async def _piped(
    driver: Any,
    statements: Sequence[Statement],
    then: Callable[[list[list[Row]]], Sequence[Statement]] | None,
) -> list[list[Row]]:
    async with driver.pipeline() as pipeline:
        cursors = [await _sent(driver, statement) for statement in statements]
        rows = None
        if then is not None:
            await pipeline.sync()
            rows = [await _rows(cursor) for cursor in cursors]
            for statement in then(rows):
                await _sent(driver, statement)
        await driver.commit()
    return [await _rows(cursor) for cursor in cursors] if rows is None else rows


async def _rolled_back(driver: Any) -> bool:
    """Whether a connection is as good as new after a failure."""
    try:
        await driver.rollback()
    except driver_errors():
        return False
    return not driver.closed


async def _sent(driver: Any, statement: Statement) -> Any:
    """Psycopg picks the smallest type a number fits, and PostgreSQL plans a statement anew for every type."""
    sql, values = statement
    number = int8()
    bound = [number(value) if type(value) is int else value for value in values]
    return await driver.execute(sql, bound, prepare=True)


async def _rows(cursor: Any) -> list[Row]:
    return await cursor.fetchall() if cursor.description else []


def _in_transaction(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseBusy(
            "no database connection became free in time; try again, or raise the pool"
        ) from error
    except (OperationalError, InterfaceError) as error:
        raise _told(error, error.orig or error) from error
    except operational_errors() as error:
        raise _told(error, error) from error


def _told(error: Exception, cause: BaseException) -> Exception:
    """The error of ours that says it, else the driver's own.

    psycopg gives no SQLSTATE where no server spoke; classes 08, 53, 57 are lost, refused, ended connections,
    class 40 is two transactions that collided (PostgreSQL, Appendix A).
    """
    words = (str(cause).strip() or repr(cause)).splitlines()[0]
    if isinstance(cause, psycopg_operational()):
        code = getattr(cause, "sqlstate", None) or "08"
        state = code[:2]
        if state == "40":
            return DatabaseBusy(f"two transactions collided ({words}); try again", collided=True)
        if code == _DISK_FULL:
            return DatabaseUnreachable(_FULL)
        lost = state in ("08", "53", "57")
    else:
        lost = "unable to open" in words
        if "disk is full" in words:
            return DatabaseUnreachable(_FULL)
        if "locked" in words or "busy" in words:
            return DatabaseBusy("another process holds the database's write lock; is one running twice?")
    if not lost:
        return error
    return DatabaseUnreachable(
        f"the database does not answer ({words}); start it or check EMPORION_DATABASE_URL"
    )
