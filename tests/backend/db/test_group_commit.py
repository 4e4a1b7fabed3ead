"""GroupCommit, on SQLite and PostgreSQL, with portable, hot and stepped work.

submit
├── when stopped or not started: it should refuse with Draining
├── when the work raises: it should tell its caller alone and keep the batch-mates
├── when the work breaks a constraint: the same
├── when the caller left before its turn: it should not run the work
├── when it resolves: it should be durable (another connection sees it)
├── when a transaction collided with another: it should begin it again, and give up at last
├── given stepped members on one row: each should build on what the ones before it made
└── given many members: it should run them in order, in few transactions
stop
└── given members that wait: it should write them all first
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.errors import DatabaseBusy, Draining
from backend.db.group_commit import TRIES, GroupCommit, HotWork, SteppedWork
from backend.db.hot_work import Shared
from backend.db.session import Row, Statement, Store
from tests.backend.db.conftest import LEDGER


class Add:
    """Hot work: one row; returns its number."""

    def __init__(self, n: int) -> None:
        self.n = n

    def on_sqlite(self, connection: sqlite3.Connection) -> int:
        sql = "INSERT INTO gateway.probe_ledger (n) VALUES (?) RETURNING n"
        return int(connection.execute(sql, (self.n,)).fetchone()[0])

    def on_postgresql(self) -> tuple[str, Sequence[object]]:
        return "INSERT INTO gateway.probe_ledger (n) VALUES (%s) RETURNING n", (self.n,)

    def from_rows(self, rows: list[Row]) -> int:
        return int(rows[0][0])


class Link:
    """Stepped work: one row, whose amount is the sum of all numbers so far; returns its number."""

    def __init__(self, n: int) -> None:
        self.n = n

    def on_sqlite(self, connection: sqlite3.Connection) -> int:
        sql = (
            "INSERT INTO gateway.probe_ledger (n, amount) SELECT ?1, "
            "printf('%078d', coalesce(sum(n), 0) + ?1) FROM gateway.probe_ledger RETURNING n"
        )
        return int(connection.execute(sql, (self.n,)).fetchone()[0])

    def reading(self) -> Statement:
        return "SELECT coalesce(sum(n), 0) FROM gateway.probe_ledger", ()

    def writing(self, rows: list[Row], shared: Shared) -> tuple[Statement, int]:
        shared["sum"] = shared.get("sum", int(rows[0][0])) + self.n
        insertion = "INSERT INTO gateway.probe_ledger (n, amount) VALUES (%s, %s)"
        return (insertion, (self.n, shared["sum"])), self.n


class Collides(Add):
    """Collides so many times first."""

    def __init__(self, n: int, times: int) -> None:
        super().__init__(n)
        self.times = times

    def on_postgresql(self) -> tuple[str, Sequence[object]]:
        self.times -= 1
        if self.times >= 0:
            return "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$", ()
        return super().on_postgresql()


def add(n: int) -> Callable[[AsyncConnection], Awaitable[int]]:
    async def work(connection: AsyncConnection) -> int:
        await connection.execute(insert(LEDGER).values(n=n))
        return n

    return work


Maker = Callable[[int], Callable[[AsyncConnection], Awaitable[int]] | HotWork[int] | SteppedWork[int]]
MAKERS: dict[str, Maker] = {"portable": add, "hot": Add, "stepped": Link}


@pytest.fixture(params=list(MAKERS))
def make(request: pytest.FixtureRequest) -> Maker:
    return MAKERS[request.param]


async def numbers(store: Store) -> list[int]:
    async with store.read_connection() as connection:
        return list((await connection.execute(select(LEDGER.c.n).order_by(LEDGER.c.id))).scalars())


class TestSubmit:
    async def test_when_not_started_is_refused(self, gateway: Store) -> None:
        with pytest.raises(Draining):
            await GroupCommit(gateway).submit(add(1))

    async def test_when_stopped_is_refused(self, gateway: Store) -> None:
        async with GroupCommit(gateway) as group:
            pass
        with pytest.raises(Draining):
            await group.submit(add(1))

    async def test_when_one_breaks_a_constraint_keeps_the_others(self, gateway: Store, make: Maker) -> None:
        async with GroupCommit(gateway) as group:
            told = await asyncio.gather(
                *(group.submit(make(n)) for n in (1, 2, 1, 3)), return_exceptions=True
            )
        assert [told[0], told[1], told[3]] == [1, 2, 3]
        assert isinstance(told[2], Exception)
        assert await numbers(gateway) == [1, 2, 3]

    async def test_when_one_raises_undoes_it_alone(self, gateway: Store) -> None:
        async def writes_then_raises(connection: AsyncConnection) -> None:
            await connection.execute(insert(LEDGER).values(n=9))
            raise LookupError("no")

        async with GroupCommit(gateway) as group:
            told = await asyncio.gather(
                group.submit(add(1)),
                group.submit(writes_then_raises),
                group.submit(Add(2)),
                return_exceptions=True,
            )
        assert told[0] == 1
        assert isinstance(told[1], LookupError)
        assert told[2] == 2
        assert await numbers(gateway) == [1, 2]

    async def test_when_the_caller_left_before_its_turn_does_nothing(
        self, gateway: Store, make: Maker
    ) -> None:
        async with GroupCommit(gateway) as group:
            gone = asyncio.create_task(group.submit(make(1)))
            stays = asyncio.create_task(group.submit(make(2)))
            asyncio.get_running_loop().call_soon(gone.cancel)
            await stays
        assert 2 in await numbers(gateway)
        assert gone.cancelled()

    async def test_when_it_resolves_is_durable(self, gateway: Store, make: Maker) -> None:
        async with GroupCommit(gateway) as group:
            for n in range(5):
                assert await group.submit(make(n)) == n
                assert (await numbers(gateway))[-1] == n

    async def test_given_many_keeps_order_in_few_transactions(self, gateway: Store, make: Maker) -> None:
        async with GroupCommit(gateway, max_batch=64) as group:
            results = await asyncio.gather(*(group.submit(make(n)) for n in range(300)))
        assert results == list(range(300)) == await numbers(gateway)

    async def test_when_collided_begins_again(self, gateway: Store) -> None:
        if gateway.dialect == "sqlite":
            return  # its writers queue, none collides
        async with GroupCommit(gateway) as group:
            told = await asyncio.gather(
                group.submit(Collides(1, times=TRIES)),
                group.submit(Add(2)),
                group.submit(Collides(3, times=TRIES + 1)),
                return_exceptions=True,
            )
        assert list(told[:2]) == [1, 2]
        assert isinstance(told[2], DatabaseBusy)
        assert await numbers(gateway) == [1, 2]

    async def test_given_stepped_members_each_builds_on_the_last(self, gateway: Store) -> None:
        async with GroupCommit(gateway) as group:
            await asyncio.gather(*(group.submit(Link(n)) for n in (1, 2, 3)))
            await asyncio.gather(group.submit(Add(4)), group.submit(Link(5)))
        async with gateway.read_connection() as connection:
            sums = (await connection.execute(select(LEDGER.c.amount).order_by(LEDGER.c.n))).scalars().all()
        assert sums == [1, 3, 6, None, 15]


class TestStop:
    async def test_given_waiting_members_writes_them_first(self, gateway: Store, make: Maker) -> None:
        async with GroupCommit(gateway) as group:
            waiting = [asyncio.create_task(group.submit(make(n))) for n in range(20)]
            await asyncio.sleep(0)
        assert [task.result() for task in waiting] == list(range(20))
        async with gateway.read_connection() as connection:
            assert (await connection.execute(select(func.count()).select_from(LEDGER))).scalar_one() == 20
