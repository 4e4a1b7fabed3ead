"""Several processes on the same SQLite files, or on one PostgreSQL: nobody hears "database is locked".

given an indexer process that writes without pause and a gateway's group commit beside readers
├── every member should be written, none refused
└── every reader should be answered
given a second process of the same store
└── its writes should wait their turn
given a write that is cancelled, at whatever moment
└── it should hold up nobody after it
"""

import asyncio
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text

from backend.core.settings import Settings, child_environment, load_settings
from backend.db.group_commit import GroupCommit
from backend.db.session import Store
from backend.db.stores import open_chain_store
from tests.backend.db.conftest import HEADS, LEDGER, with_table
from tests.backend.db.test_group_commit import Add

WRITER = """
import asyncio, sys
from sqlalchemy import insert
from backend.core.settings import load_settings
from backend.db.stores import open_chain_store
from tests.backend.db.conftest import HEADS

async def main(first, rounds):
    store = await open_chain_store(load_settings())
    for step in range(rounds):
        async with store.write_connection() as connection:
            await connection.execute(insert(HEADS), [{"id": first + step * 50 + row} for row in range(50)])
    await store.close()

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
"""
ROOT = Path(__file__).parents[3]
ROUNDS = 40


async def start_writer(settings: Settings, first: int) -> asyncio.subprocess.Process:
    environment = {**child_environment(settings), "PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(first), str(ROUNDS), env=environment
    )


@pytest.mark.integration
class TestContention:
    async def test_given_a_busy_indexer_serves_the_gateway(
        self, settings: Settings, chain: Store, gateway: Store
    ) -> None:
        writer = await start_writer(settings, first=1)
        written = 0
        async with GroupCommit(gateway) as group:
            while writer.returncode is None or written < 200:
                results = await asyncio.gather(
                    *(group.submit(Add(written + n)) for n in range(20)), self.look(gateway)
                )
                assert results[:-1] == list(range(written, written + 20))
                written += 20
                if writer.returncode is None:
                    await asyncio.wait([asyncio.create_task(writer.wait())], timeout=0.01)
        assert writer.returncode == 0
        async with gateway.read_connection() as connection:
            assert (
                await connection.execute(select(func.count()).select_from(LEDGER))
            ).scalar_one() == written
            assert (
                await connection.execute(select(func.count()).select_from(HEADS))
            ).scalar_one() == 50 * ROUNDS

    async def look(self, gateway: Store) -> int:
        async with gateway.read_connection() as connection:
            return (await connection.execute(select(func.count()).select_from(HEADS))).scalar_one()

    async def test_given_a_second_writer_waits_its_turn(self, settings: Settings, chain: Store) -> None:
        writers = [await start_writer(settings, first) for first in (1, 1_000_000)]
        for row in range(100):
            async with chain.write_connection() as connection:
                await connection.execute(insert(HEADS).values(id=5_000_000 + row))
        assert [await writer.wait() for writer in writers] == [0, 0]
        async with chain.read_connection() as connection:
            total = (await connection.execute(select(func.count()).select_from(HEADS))).scalar_one()
        assert total == 2 * 50 * ROUNDS + 100


class TestCancelled:
    async def test_given_a_cancelled_write_holds_up_nobody(self, tmp_path: Path) -> None:
        """The cancelled statement's cursor outlived its connection, and kept SQLite's only write lock."""
        slow = text(
            "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t WHERE x < 20000) "
            "SELECT max(x) FROM t"
        )

        async def write(store: Store, begun: asyncio.Event) -> None:
            async with store.write_connection() as connection:
                begun.set()
                while True:
                    await connection.execute(slow)

        opened = await open_chain_store(load_settings(home=tmp_path, database_url="", devnet=True))
        async with with_table(opened, HEADS) as store:
            for moment in range(30):
                begun = asyncio.Event()
                writing = asyncio.create_task(write(store, begun))
                await begun.wait()
                await asyncio.sleep(moment * 0.0005)
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
                async with asyncio.timeout(5), store.write_connection() as connection:
                    await connection.execute(insert(HEADS), [{"id": moment}])
            async with store.read_connection() as connection:
                found = (await connection.execute(select(func.count()).select_from(HEADS))).scalar_one()
            assert found == 30
