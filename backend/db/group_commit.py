"""Many small writes, one transaction: the cost of being durable is shared by whoever waits at that moment.

Callers await ``submit``; one task drains the queue into one transaction. A caller's future resolves only
after the commit, in the order of submission. A member that fails is undone alone (savepoint) and its
batch-mates are kept; when the commit itself fails, every member of the batch hears it.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Protocol, Self, TypeVar, runtime_checkable

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.errors import Draining
from backend.db.session import Row, Store

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Work = Callable[[AsyncConnection], Awaitable[T]]
"""Statements on the shared connection. It must not begin, commit or keep the connection."""

MAX_BATCH: Final = 256


@runtime_checkable
class HotWork(Protocol[T_co]):
    """A write spelled out per dialect, for paths where a thread switch or round trip each is too much."""

    def on_sqlite(self, connection: sqlite3.Connection) -> T_co:
        """Do it all at once, on SQLite's own thread."""
        ...

    def on_postgresql(self) -> tuple[str, Sequence[object]]:
        """One statement (``%s`` parameters) that does it all; the batch goes out in one round trip."""
        ...

    def from_rows(self, rows: list[Row]) -> T_co:
        """The result, from the rows PostgreSQL returned."""
        ...


@dataclass(slots=True)
class _Member:
    work: Work[Any] | HotWork[Any]
    outcome: "asyncio.Future[Any]"

    @property
    def is_hot(self) -> bool:
        return isinstance(self.work, HotWork)


class GroupCommit:
    """The queue and its one task. Use as ``async with GroupCommit(store) as group``."""

    def __init__(self, store: Store, max_batch: int = MAX_BATCH) -> None:
        self._store = store
        self._max_batch = max_batch
        self._waiting: list[_Member] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name=f"group-commit-{self._store.name}")
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Take no more, write what waits, end."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task

    @property
    def backlog(self) -> int:
        """Members that wait for a transaction."""
        return len(self._waiting)

    async def submit(self, work: "Work[T] | HotWork[T]") -> T:
        """Run ``work`` in the next transaction; returns its result once that is durable.

        Raises what the work raised (nothing of it is kept), Draining after ``stop``, DatabaseError.
        A caller that is cancelled while its batch runs does not undo the work.
        """
        if self._stopping or self._task is None:
            raise Draining("the process is stopping and writes no more; send the request again")
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Member(work, outcome))
        self._wake.set()
        return await outcome

    async def _run(self) -> None:
        while self._waiting or not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[: self._max_batch], self._waiting[self._max_batch :]
                wanted = [member for member in batch if not member.outcome.done()]
                for hot, members in groupby(wanted, key=lambda member: member.is_hot):
                    await self._write(hot, list(members))

    async def _write(self, hot: bool, members: list[_Member]) -> None:
        try:
            if not hot:
                results = await self._write_portable(members)
            elif self._store.dialect == "sqlite":
                results = await self._store.write_sqlite(
                    lambda connection: _each_on_sqlite(connection, members)
                )
            else:
                results = await self._write_pipeline(members)
        except Exception as error:  # noqa: BLE001 - every member hears why its batch was lost
            results = [error] * len(members)
        except BaseException:
            for member in members:
                member.outcome.cancel()
            raise
        for member, result in zip(members, results, strict=True):
            _resolve(member.outcome, result)

    async def _write_portable(self, members: list[_Member]) -> list[Any]:
        async with self._store.write_connection() as connection:
            return [await _alone(connection, member) for member in members]

    async def _write_pipeline(self, members: list[_Member]) -> list[Any]:
        """One round trip for all; when one of them fails, each again in a transaction of its own."""
        try:
            answers = await self._store.write_pipeline([member.work.on_postgresql() for member in members])  # type: ignore[union-attr]
        except Exception:
            if len(members) == 1:
                raise
            return [await self._pipeline_alone(member) for member in members]
        return [_read(member, rows) for member, rows in zip(members, answers, strict=True)]

    async def _pipeline_alone(self, member: _Member) -> Any:
        try:
            return (await self._write_pipeline([member]))[0]
        except Exception as error:  # noqa: BLE001 - told to its caller alone
            return error


async def _alone(connection: AsyncConnection, member: _Member) -> Any:
    """One member's result or error; an error undoes this member only."""
    try:
        async with connection.begin_nested():
            return await member.work(connection)  # type: ignore[operator]
    except Exception as error:
        if connection.invalidated:
            raise
        return error


def _each_on_sqlite(connection: sqlite3.Connection, members: list[_Member]) -> list[Any]:
    return [_alone_on_sqlite(connection, member.work) for member in members]  # type: ignore[arg-type]


def _alone_on_sqlite(connection: sqlite3.Connection, work: HotWork[Any]) -> Any:
    connection.execute("SAVEPOINT member")
    try:
        result = work.on_sqlite(connection)
    except Exception as error:
        if not connection.in_transaction:  # SQLite gave up the whole transaction (disk full, I/O error)
            raise
        connection.execute("ROLLBACK TO member")
        result = error
    connection.execute("RELEASE member")
    return result


def _read(member: _Member, rows: list[Row]) -> Any:
    try:
        return member.work.from_rows(rows)  # type: ignore[union-attr]
    except Exception as error:  # noqa: BLE001 - told to its caller alone
        return error


def _resolve(outcome: "asyncio.Future[Any]", result: Any) -> None:
    if outcome.done():
        return
    if isinstance(result, BaseException):
        outcome.set_exception(result)
    else:
        outcome.set_result(result)
