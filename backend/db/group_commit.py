"""Many small writes, one transaction: the cost of being durable is shared by whoever waits at that moment.

Callers await ``submit``; one task drains the queue into one transaction. A caller's future resolves only
after the commit, in the order of submission. A member that fails is undone alone (savepoint) and its
batch-mates are kept; when the commit itself fails, every member of the batch hears it.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, Self, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.errors import DatabaseBusy, Draining
from backend.db.hot_work import (
    APART,
    HotWork,
    SteppedWork,
    is_hot,
    is_stepped,
    lock_order_of,
    reads_of,
    united,
    writes_of,
)
from backend.db.session import Row, Store

__all__ = ["GroupCommit", "HotWork", "SteppedWork", "Work"]

T = TypeVar("T")

Work = Callable[[AsyncConnection], Awaitable[T]]
"""Statements on the shared connection. It must not begin, commit or keep the connection."""

MAX_BATCH: Final = 256
TRIES: Final = 4
"""How often a PostgreSQL transaction that collided with another is begun."""


@dataclass(slots=True)
class _Member:
    work: Work[Any] | HotWork[Any] | SteppedWork[Any]
    outcome: "asyncio.Future[Any]"
    is_hot: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_hot = is_hot(self.work)


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

    async def submit(self, work: "Work[T] | HotWork[T] | SteppedWork[T]") -> T:
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
                works: list[HotWork[Any]] = [member.work for member in members]  # type: ignore[misc]
                results = await self._store.write_sqlite(lambda connection: _on_sqlite(connection, works))
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
        """One transaction for all; when it fails, each again in a transaction of its own."""
        try:
            results = await self._write_together([member.work for member in members])
        except Exception:  # noqa: BLE001 - whose error it is shows when each is alone
            results = [APART] * len(members)
        pairs = zip(members, results, strict=True)
        return [await self._pipeline_alone(one) if result is APART else result for one, result in pairs]

    async def _write_together(self, members: list[Any]) -> list[Any]:
        units = sorted(united(members), key=lambda unit: lock_order_of(unit.work))
        works = [unit.work for unit in units]
        results: list[Any] = []

        def then(answers: list[list[Row]]) -> list[Any]:
            statements, found = writes_of(works, answers)
            results.extend(found)
            return statements

        stepped = any(is_stepped(work) for work in works)
        answers = await self._store.write_pipeline(reads_of(works), then if stepped else None)
        if not stepped:
            results = writes_of(works, answers)[1]
        told: list[Any] = [None] * len(members)
        for unit, result in zip(units, results, strict=True):
            unit.tell(result, told)
        return told

    async def _pipeline_alone(self, member: _Member) -> Any:
        """A member's result or error; what collided is begun again, a little later each time."""
        tries = 0
        while True:
            tries += 1
            try:
                return (await self._write_together([member.work]))[0]
            except DatabaseBusy as error:
                if not error.details.get("collided") or tries == TRIES:
                    return error
            except Exception as error:  # noqa: BLE001 - told to its caller alone
                return error
            await asyncio.sleep(0.01 * 2**tries)


async def _alone(connection: AsyncConnection, member: _Member) -> Any:
    """One member's result or error; an error undoes this member only."""
    try:
        async with connection.begin_nested():
            return await member.work(connection)  # type: ignore[operator]
    except Exception as error:
        if connection.invalidated:
            raise
        return error


def _on_sqlite(connection: sqlite3.Connection, works: list[HotWork[Any]]) -> list[Any]:
    """All works in the transaction; when one fails, it is begun again with each under its own savepoint."""
    told: list[Any] = [None] * len(works)
    try:
        for unit in united(works):
            unit.tell(unit.work.on_sqlite(connection), told)
    except Exception:
        if not connection.in_transaction:  # SQLite gave up the whole transaction (disk full, I/O error)
            raise
        connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        return [_alone_on_sqlite(connection, work) for work in works]
    return told


def _alone_on_sqlite(connection: sqlite3.Connection, work: HotWork[Any]) -> Any:
    connection.execute("SAVEPOINT member")
    try:
        result = work.on_sqlite(connection)
    except Exception as error:
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO member")
        result = error
    connection.execute("RELEASE member")
    return result


def _resolve(outcome: "asyncio.Future[Any]", result: Any) -> None:
    if outcome.done():
        return
    if isinstance(result, BaseException):
        outcome.set_exception(result)
    else:
        outcome.set_result(result)
