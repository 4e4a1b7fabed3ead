"""Changes, on SQLite and PostgreSQL.

follow
├── at once: it should tell a first time
├── given nothing written and a fingerprint: it should stay silent, and go on being answered
├── given an indexer's step: it should tell within half a second
├── given an announced write of the gateway: it should tell
└── cancelled while it tells: it should have given its connection back
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from backend.db.notify import Changes
from backend.db.session import Store
from tests.backend.db.conftest import HEADS, LEDGER


@asynccontextmanager
async def heard(changes: Changes) -> AsyncIterator["asyncio.Queue[None]"]:
    queue: asyncio.Queue[None] = asyncio.Queue()

    task = asyncio.create_task(changes.follow(partial(queue.put, None)))
    try:
        yield queue
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class TestChanges:
    async def test_given_nothing_written_stays_silent_but_answered(
        self, chain: Store, gateway: Store
    ) -> None:
        changes = Changes(gateway, "chain", fingerprint=select(func.count()).select_from(HEADS))
        async with heard(changes) as queue:
            async with asyncio.timeout(5):
                await queue.get()
            before = changes.answered_at
            await asyncio.sleep(0.8)
            assert queue.empty()
            assert changes.answered_at > before

    async def test_given_an_indexers_step_yields_soon(self, chain: Store, gateway: Store) -> None:
        async with heard(
            Changes(gateway, "chain", fingerprint=select(func.count()).select_from(HEADS))
        ) as queue:
            async with asyncio.timeout(5):
                await queue.get()
            async with chain.write_connection() as connection:
                await connection.execute(insert(HEADS).values(id=1))
            async with asyncio.timeout(0.5):
                await queue.get()

    @pytest.mark.parametrize("announced", [True, False])
    async def test_given_a_write_of_the_gateway_yields(self, gateway: Store, announced: bool) -> None:
        async with heard(Changes(gateway, "gateway")) as queue:
            async with asyncio.timeout(5):
                await queue.get()
            async with gateway.write_connection() as connection:
                await connection.execute(insert(LEDGER).values(n=1))
                if announced:
                    await gateway.announce(connection)
            async with asyncio.timeout(2):
                await queue.get()

    async def test_cancelled_while_it_tells_gives_its_connection_back(self, gateway: Store) -> None:
        telling = asyncio.Event()

        async def tell() -> None:
            telling.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(Changes(gateway, "gateway").follow(tell))
        async with asyncio.timeout(5):
            await telling.wait()
        assert out_of_the_pools(gateway) == 1
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert out_of_the_pools(gateway) == 0


def out_of_the_pools(store: Store) -> int:
    """Connections that somebody holds."""
    pools: list[Any] = [engine.pool for engine in store._engines.values()]
    return sum(pool.checkedout() for pool in pools)
