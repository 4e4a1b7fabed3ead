"""A database server that ends our connections.

write_connection, write_pipeline
├── when the connection is ended: it should raise DatabaseUnreachable, retryable
└── the next time: it should work again
GroupCommit
└── when the connection is ended under a batch: every member should hear it, and the next batch pass
Changes
└── when its connection is ended: it should connect again and go on
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.errors import DatabaseUnreachable
from backend.core.settings import load_settings
from backend.db.group_commit import GroupCommit
from backend.db.notify import Changes
from backend.db.session import Store
from backend.db.stores import open_gateway_store
from tests.backend.db.conftest import LEDGER, with_table
from tests.backend.db.test_group_commit import Add, add
from tests.backend.db.test_notify import heard

END = "SELECT pg_terminate_backend(pg_backend_pid())"
END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
async def gateway(tmp_path: Path, new_postgres_url: str) -> AsyncIterator[Store]:
    settings = load_settings(home=tmp_path, database_url=new_postgres_url)
    async with with_table(await open_gateway_store(settings), LEDGER) as store:
        yield store


async def end(connection: AsyncConnection) -> None:
    await connection.execute(text(END))


class TestWrite:
    async def test_when_ended_says_so_and_recovers(self, gateway: Store) -> None:
        async def write() -> None:
            async with gateway.write_connection() as connection:
                await end(connection)

        with pytest.raises(DatabaseUnreachable):
            await write()
        async with gateway.write_connection() as connection:
            assert (await connection.execute(select(func.count()).select_from(LEDGER))).scalar_one() == 0


class TestWritePipeline:
    async def test_when_ended_says_so_and_recovers(self, gateway: Store) -> None:
        with pytest.raises(DatabaseUnreachable):
            await gateway.write_pipeline([(END, ())])
        for _ in range(3):
            assert await gateway.write_pipeline([("SELECT 1", ())]) == [[(1,)]]


class TestGroupCommit:
    async def test_when_ended_tells_every_member_and_recovers(self, gateway: Store) -> None:
        async with GroupCommit(gateway) as group:
            told = await asyncio.gather(
                *(group.submit(w) for w in (add(1), end, add(2))), return_exceptions=True
            )
            assert [type(result) for result in told] == [DatabaseUnreachable] * 3
            assert await group.submit(Add(3)) == 3
        async with gateway.read_connection() as connection:
            assert (await connection.execute(select(LEDGER.c.n))).scalars().all() == [3]


class TestChanges:
    async def test_when_ended_connects_again(self, gateway: Store) -> None:
        async with heard(Changes(gateway, "gateway", fingerprint=select(func.max(LEDGER.c.n)))) as queue:
            async with asyncio.timeout(5):
                await queue.get()
            await gateway.write_pipeline([(END_OTHERS, ())])
            async with asyncio.timeout(10):
                await queue.get()
                await gateway.write_pipeline([("INSERT INTO gateway.probe_ledger (n) VALUES (%s)", (1,))])
                await queue.get()
