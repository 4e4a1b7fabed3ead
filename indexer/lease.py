"""One writer a store: a second indexer waits here, warm, and takes over when the first is gone.

PostgreSQL: a session's advisory lock, which the server frees with the connection. SQLite: a row with a lease
that its holder renews. Either only spares work: two writers are harmless, as a step asserts the head it was
built on.
"""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.errors import DatabaseBusy, EmporionError
from backend.core.logs import get_logger
from backend.db.session import Store
from backend.db.tables.chain import Lease
from indexer.shapes import shape_of
from indexer.statements import Statements, in_one_write

LOCK_NUMBER: Final = 0x656D7010
NAME: Final = "indexer"
LEASE_MS: Final = 1_500
RENEW_SECONDS: Final = 0.4
_SHAPE: Final = shape_of(Lease)
_PROC: Final = Path("/proc")

NowMs = Callable[[], int]
Attempt = Callable[[], Awaitable[bool]]


@asynccontextmanager
async def sole_writer(store: Store, stop: asyncio.Event, now_ms: NowMs) -> AsyncIterator[asyncio.Event]:
    """Hold the store while the block runs; yields an event that is set when it was lost.

    Waits as long as another indexer holds it, or until `stop` is set: then the event is set at once.
    """
    holding = _advisory(store, stop) if store.dialect == "postgresql" else _leased(store, stop, now_ms)
    async with holding as lost:
        yield lost


@asynccontextmanager
async def _leased(store: Store, stop: asyncio.Event, now_ms: NowMs) -> AsyncIterator[asyncio.Event]:
    holder = f"{_here()}/{os.getpid()}/{secrets.token_hex(4)}"

    async def renew() -> bool:
        return await in_one_write(store, lambda db: _take(db, holder, now_ms()))

    async def give_back() -> None:
        with suppress(EmporionError):
            await in_one_write(store, lambda db: _give_back(db, holder))

    try:
        async with _kept(renew, renew, stop) as lost:
            yield lost
    except Exception:
        await give_back()
        raise
    await give_back()


def _take(db: Statements, holder: str, now: int) -> bool:
    found = db.run(f"SELECT holder, expires_at_ms FROM chain.leases WHERE name = {db.mark}", NAME)
    if found and found[0][0] != holder and found[0][1] > now and not _is_gone(found[0][0]):
        return False
    db.upsert(_SHAPE, [{"name": NAME, "holder": holder, "expires_at_ms": now + LEASE_MS}])
    return True


def _here() -> str:
    """This machine and its space of process ids; two containers may share a file, not this."""
    space = _PROC / "self" / "ns" / "pid"
    return f"{socket.gethostname()}/{space.readlink() if space.is_symlink() else ''}"


def _is_gone(holder: str) -> bool:
    """Whether a holder was a process of this machine that is no more: its lease need not run out."""
    place, pid, _ = holder.rsplit("/", 2)
    return _PROC.is_dir() and place == _here() and not (_PROC / pid).exists()


def _give_back(db: Statements, holder: str) -> None:
    db.change(
        f"DELETE FROM chain.leases WHERE name = {db.mark} AND holder = {db.mark}",
        NAME,
        holder,
    )


@asynccontextmanager
async def _advisory(store: Store, stop: asyncio.Event) -> AsyncIterator[asyncio.Event]:
    async with store.lookup() as connection:

        async def hold() -> bool:
            return bool(await _scalar(connection, f"SELECT pg_try_advisory_lock({LOCK_NUMBER})"))

        async def lives() -> bool:
            return bool(await _scalar(connection, "SELECT 1"))

        try:
            async with _kept(hold, lives, stop) as lost:
                yield lost
        finally:
            # The lock is the connection's: closed, it is free, however this block was left.
            await connection.invalidate()


async def _scalar(connection: AsyncConnection, sql: str) -> object:
    return (await connection.execute(text(sql))).scalar()


@asynccontextmanager
async def _kept(take: Attempt, keep: Attempt, stop: asyncio.Event) -> AsyncIterator[asyncio.Event]:
    """Take it, keep it while the block runs, and tell when it is lost."""
    lost = asyncio.Event()
    await _wait_for(take, stop)
    keeper = asyncio.create_task(_keep(keep, lost), name="indexer-lease")
    try:
        yield lost
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


async def _wait_for(take: Attempt, stop: asyncio.Event) -> None:
    told = False
    while not stop.is_set() and not await take():
        if not told:
            get_logger("indexer").info("indexer.standby")
            told = True
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), RENEW_SECONDS)


async def _keep(keep: Attempt, lost: asyncio.Event) -> None:
    while not lost.is_set():
        await asyncio.sleep(RENEW_SECONDS)
        try:
            if not await keep():
                lost.set()
        except DatabaseBusy:
            continue  # our own long step holds the database
        except EmporionError:
            lost.set()
