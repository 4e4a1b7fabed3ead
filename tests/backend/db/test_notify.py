"""Changes, on SQLite and PostgreSQL.

__aiter__
├── at once: it should yield a first time
├── given nothing written and a fingerprint: it should stay silent, and go on being answered
├── given an indexer's step: it should yield within half a second
└── given an announced write of the gateway: it should yield
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import func, insert, select

from backend.db.notify import Changes
from backend.db.session import Store
from tests.backend.db.conftest import HEADS, LEDGER


@asynccontextmanager
async def heard(changes: Changes) -> AsyncIterator["asyncio.Queue[None]"]:
    queue: asyncio.Queue[None] = asyncio.Queue()

    async def listen() -> None:
        async with contextlib.aclosing(changes.__aiter__()) as items:  # type: ignore[type-var]
            async for _ in items:
                queue.put_nowait(None)

    task = asyncio.create_task(listen())
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
