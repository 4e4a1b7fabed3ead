"""Store, on SQLite and PostgreSQL.

write / write_connection
├── when the block raises: it should keep nothing
├── when the block ends: it should be durable and visible to a reader
└── given many writers at once: it should let each through, none lost
read / read_connection
├── when it writes: it should be refused
├── given a write during it: it should go on seeing its snapshot
└── given an open write transaction of the other store: it should not wait
lookup
└── given a commit between two statements: it should see it
write_sqlite / write_pipeline
├── when a statement fails: it should keep nothing and leave the store usable
└── when all pass: it should be durable
"""

import asyncio
import sqlite3

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from backend.db.session import Store
from tests.backend.db.conftest import HEADS, LEDGER


async def count(store: Store) -> int:
    async with store.read_connection() as connection:
        return (await connection.execute(select(func.count()).select_from(LEDGER))).scalar_one()


class Failure(Exception):
    pass


class TestWrite:
    async def test_given_an_exception_keeps_nothing(self, gateway: Store) -> None:
        async def fail() -> None:
            async with gateway.write() as session:
                await session.execute(insert(LEDGER).values(n=1))
                raise Failure

        with pytest.raises(Failure):
            await fail()
        assert await count(gateway) == 0

    async def test_given_a_broken_constraint_keeps_nothing(self, gateway: Store) -> None:
        async def add_twice() -> None:
            async with gateway.write_connection() as connection:
                await connection.execute(insert(LEDGER).values(n=1))
                await connection.execute(insert(LEDGER).values(n=1))

        with pytest.raises(IntegrityError):
            await add_twice()
        assert await count(gateway) == 0

    async def test_at_the_end_of_the_block_is_visible(self, gateway: Store) -> None:
        async with gateway.write() as session:
            await session.execute(insert(LEDGER).values(n=1))
        async with gateway.write_connection() as connection:
            await connection.execute(insert(LEDGER).values(n=2))
        assert await count(gateway) == 2

    async def test_given_many_writers_loses_none(self, gateway: Store) -> None:
        async def add(n: int) -> None:
            async with gateway.write() as session:
                top = (await session.execute(select(func.count()).select_from(LEDGER))).scalar_one()
                await session.execute(insert(LEDGER).values(n=n, amount=top))

        await asyncio.gather(*(add(n) for n in range(40)))
        assert await count(gateway) == 40


class TestRead:
    async def test_refuses_to_write(self, gateway: Store) -> None:
        with pytest.raises(DBAPIError):
            async with gateway.read() as session:
                await session.execute(insert(LEDGER).values(n=1))
        assert await count(gateway) == 0

    async def test_keeps_its_snapshot(self, gateway: Store) -> None:
        async with gateway.read_connection() as reader:
            total = select(func.count()).select_from(LEDGER)
            before = (await reader.execute(total)).scalar_one()
            async with gateway.write() as session:
                await session.execute(insert(LEDGER).values(n=1))
            assert (await reader.execute(total)).scalar_one() == before == 0
        assert await count(gateway) == 1

    async def test_beside_an_open_write_of_the_other_store_does_not_wait(
        self, chain: Store, gateway: Store
    ) -> None:
        async with chain.write_connection() as indexer:
            await indexer.execute(insert(HEADS).values(id=1))
            async with asyncio.timeout(5), gateway.write_connection() as meter:
                await meter.execute(insert(LEDGER).values(n=1))
                seen = (await meter.execute(select(func.count()).select_from(HEADS))).scalar_one()
        assert seen == 0
        async with gateway.read_connection() as reader:
            assert (await reader.execute(select(func.count()).select_from(HEADS))).scalar_one() == 1


class TestLookup:
    async def test_sees_each_commit(self, gateway: Store) -> None:
        async with gateway.lookup() as connection:
            total = select(func.count()).select_from(LEDGER)
            assert (await connection.execute(total)).scalar_one() == 0
            async with gateway.write() as session:
                await session.execute(insert(LEDGER).values(n=1))
            assert (await connection.execute(total)).scalar_one() == 1


class TestHotWrites:
    async def test_when_a_statement_fails_keeps_nothing(self, gateway: Store) -> None:
        with pytest.raises(Exception, match=r"(?i)unique"):
            await self.add(gateway, 1, 1)
        assert await count(gateway) == 0
        await self.add(gateway, 1, 2)
        assert await count(gateway) == 2

    async def add(self, store: Store, *numbers: int) -> None:
        if store.dialect == "postgresql":
            await store.write_pipeline(
                [("INSERT INTO gateway.probe_ledger (n) VALUES (%s)", (n,)) for n in numbers]
            )
            return

        def work(connection: sqlite3.Connection) -> None:
            for n in numbers:
                connection.execute("INSERT INTO gateway.probe_ledger (n) VALUES (?)", (n,))

        await store.write_sqlite(work)
