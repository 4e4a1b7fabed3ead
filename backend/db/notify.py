"""Hearing, across processes, that a store has changed.

SQLite: ``PRAGMA data_version`` looked at every 50 ms. PostgreSQL: LISTEN/NOTIFY, and a look every 500 ms in
case a notification was lost with its connection.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

from sqlalchemy import Executable, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import Clock, SystemClock
from backend.core.errors import DatabaseError
from backend.core.logs import get_logger
from backend.db.drivers import Errors, driver_errors
from backend.db.session import NOTIFY_CHANNEL, Store, StoreName

SQLITE_POLL_SECONDS: Final = 0.05
POSTGRESQL_POLL_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 0.5


class Changes:
    """Changes of one schema as seen from ``store``.

    ``answered_at`` is the monotonic time of the database's last answer: past MAX_LAG, nothing cached may be
    trusted. ``fingerprint`` is what PostgreSQL's slow look compares, for example the stored head; without
    one each slow look counts as a change. A lost database is retried for ever.
    """

    def __init__(
        self,
        store: Store,
        schema: StoreName,
        fingerprint: Executable | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._schema: StoreName = schema
        self._fingerprint = fingerprint
        self._clock = clock or SystemClock()
        self._log = get_logger("db")
        self.answered_at = self._clock.monotonic()

    async def follow(self, told: Callable[[], Awaitable[None]]) -> None:
        """Call ``told`` at once, then at each change noticed (several may fall together), until cancelled.

        The connection is given back before a cancellation goes on: a bare ``async for`` that is cancelled
        would leave that to the garbage collector.
        """
        async with aclosing(self._noticed()) as changes:
            async for _ in changes:
                await told()

    async def _noticed(self) -> AsyncGenerator[None, None]:
        looks = self._sqlite if self._store.dialect == "sqlite" else self._postgresql
        while True:
            try:
                async with self._store.lookup() as connection, aclosing(looks(connection)) as changes:
                    async for _ in changes:
                        yield
            except lost_database_errors() as error:
                self._log.warning("db.changes.lost", schema=self._schema, error=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _sqlite(self, connection: AsyncConnection) -> AsyncGenerator[None, None]:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        look, seen = f"PRAGMA {self._schema}.data_version", None
        while True:  # twenty times a second, so as cheaply as can be
            version = await driver._execute(_first_cell, driver._conn, look)
            self.answered_at = self._clock.monotonic()
            if version != seen:
                seen = version
                yield
            await asyncio.sleep(SQLITE_POLL_SECONDS)

    async def _postgresql(self, connection: AsyncConnection) -> AsyncGenerator[None, None]:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await connection.execute(text(f"LISTEN {NOTIFY_CHANNEL[self._schema]}"))
        seen: Any = object()
        try:
            while True:
                found = await self._look(connection)
                if found is None or found != seen:
                    seen = found
                    yield
                async for _ in driver.notifies(timeout=POSTGRESQL_POLL_SECONDS, stop_after=1):
                    self.answered_at = self._clock.monotonic()
                    seen = object()
        finally:
            await connection.invalidate()  # it listens still; nobody else may get it from the pool

    async def _look(self, connection: AsyncConnection) -> Any:
        """The fingerprint's rows, or None when there is none to compare."""
        result = await connection.execute(
            text("SELECT 1") if self._fingerprint is None else self._fingerprint
        )
        rows = result.all()
        self.answered_at = self._clock.monotonic()
        return None if self._fingerprint is None else rows


def _first_cell(connection: sqlite3.Connection, statement: str) -> Any:
    return connection.execute(statement).fetchone()[0]


def lost_database_errors() -> Errors:
    """What is raised where a database is gone, by us, by SQLAlchemy or by a driver."""
    return (DatabaseError, DBAPIError, *driver_errors())
