"""Engines: how each database is opened. Nothing here knows a table.

SQLite: every connection is an empty in-memory database to which the files are attached under their schema's
name, so ``chain.x`` and ``gateway.x`` mean the same in both databases. The gateway's connections attach
``chain.db`` read-only, so its ``BEGIN IMMEDIATE`` takes the gateway's write lock and never the indexer's.
"""

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util.concurrency import in_greenlet

from backend.core.errors import DatabaseUnreachable, SettingsError

AUTOCOMMIT_OPTION: Final = "emporion_autocommit"
BUSY_SECONDS: Final = 30
"""How long a writer of another process is waited for."""
READERS: Final = 8
WRITERS: Final = 2
"""One for hot paths, kept by them, and one for all others; the store lets them write in turns."""
CONNECT_SECONDS: Final = 5

Synchronous = Literal["FULL", "NORMAL"]


def prepare_sqlite_file(path: Path) -> None:
    """Create the file if need be and put it in WAL mode, once: the mode stays with the file.

    Two processes may do so at once; the switch is not covered by SQLite's own wait, so it is tried again.
    Raises DatabaseUnreachable where the folder cannot be written or the file is no database.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()
            return
        except (sqlite3.DatabaseError, OSError) as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise DatabaseUnreachable(
                    f"cannot open {path}: {error}; check that EMPORION_HOME is a folder you may write"
                ) from error
            time.sleep(0.05)


def sqlite_engine(
    files: Mapping[str, Path], owned: str, synchronous: Synchronous, writer: bool
) -> AsyncEngine:
    """An engine over ``files`` (schema name to path); only ``owned`` can be written."""
    engine = create_async_engine(
        "sqlite+aiosqlite:///:memory:",
        poolclass=AsyncAdaptedQueuePool,
        pool_size=WRITERS if writer else READERS,
        max_overflow=0,
        pool_timeout=2 * BUSY_SECONDS,
        pool_reset_on_return=None,  # every way in ends its transaction itself; a reset costs a thread switch
        connect_args={"timeout": BUSY_SECONDS, "uri": True},
    )

    def attach(dbapi_connection: Any, _record: object) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        for schema, path in files.items():
            mode = "rw" if schema == owned else "ro"
            cursor.execute(f"ATTACH DATABASE 'file:{quote(str(path))}?mode={mode}' AS {schema}")
        cursor.execute(f"PRAGMA {owned}.synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        if not writer:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    def begin(connection: Connection) -> None:
        if not connection.get_execution_options().get(AUTOCOMMIT_OPTION):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    def ended(dbapi_connection: Any, _record: object) -> None:
        # A closed connection keeps its transaction, and with it the only write lock, while a cursor of it
        # lives on: that of a cancelled statement does, in a traceback, until the collector comes.
        if in_greenlet():
            dbapi_connection.rollback()

    event.listen(engine.sync_engine, "connect", attach)
    event.listen(engine.sync_engine, "begin", begin)
    event.listen(engine.sync_engine, "close", ended)
    return engine


def postgresql_engine(url: str, pool_size: int) -> AsyncEngine:
    """An engine on PostgreSQL through psycopg 3. Raises SettingsError for a URL that is none."""
    return create_async_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "emporion"},
    )


def driver_url(url: str) -> URL:
    """``postgresql://`` or ``postgres://`` with our driver named."""
    try:
        return make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise SettingsError(
            "EMPORION_DATABASE_URL is not a URL; write postgresql://user@host:5432/name"
        ) from None
