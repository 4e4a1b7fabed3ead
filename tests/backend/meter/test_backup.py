"""Back-up and restore as docs/runbook.md says, on both databases, while the meter writes.

back up
    while requests are served: the copy is of one moment, every tab the sum of its rows
restore
    opens as it is; usage of before is there, a request is served and follows the last receipt
"""

import asyncio
import os
import re
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select

from backend.core.clock import ManualClock
from backend.core.settings import Settings, load_settings
from backend.core.units import MICRO
from backend.db.group_commit import GroupCommit
from backend.db.session import Store
from backend.db.stores import open_gateway_store
from backend.db.tables.meter import MeterTab, Usage
from backend.meter.service import Meter
from tests.backend.meter.conftest import DigestSigner, Mirror, hold, served
from tests.backend.shared_stores import opened_chain_store
from tests.own_servers import program
from tests.servers import PostgresServer

RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook.md"
COMMAND = re.compile(r"<!-- (back-up|restore) (sqlite|postgresql) -->\n```\n(.*?)\n```", re.DOTALL)


def command(what: str, engine: str) -> str:
    """A command of the runbook, which a shell runs with its variables set."""
    (found,) = [
        text for name, kind, text in COMMAND.findall(RUNBOOK.read_text()) if (name, kind) == (what, engine)
    ]
    return str(found)


def run(line: str, **variables: object) -> None:
    path = os.pathsep.join(
        (str(Path(sys.executable).parent), str(Path(program("pg_dump")).parent), os.environ["PATH"])
    )
    environment = {**os.environ, "PATH": path, **{name: str(value) for name, value in variables.items()}}
    subprocess.run(["bash", "-euo", "pipefail", "-c", line], env=environment, check=True)


async def serve(meter: Meter, name: str) -> None:
    assert await meter.reserve(hold(name, 1))
    await meter.capture(served(name, MICRO))


async def tab_and_rows(store: Store) -> tuple[int, int, int, int]:
    """Of the tab: spent, sequence; of its rows: their charges, their count."""
    async with store.read() as session:
        (tab,) = (await session.execute(select(MeterTab))).scalars()
        charged, count = (await session.execute(select(func.sum(Usage.charged), func.count()))).one()
    return tab.spent, tab.sequence, int(charged), count


async def while_serving(meter: Meter, line: str, **variables: object) -> int:
    """Run a command among requests; how many were served before it began."""
    served_before, done = 20, asyncio.Event()
    for number in range(served_before):
        await serve(meter, f"before-{number}")

    async def others() -> None:
        number = 0
        while not done.is_set():
            await serve(meter, f"during-{number}")
            number += 1

    load = asyncio.create_task(others())
    await asyncio.to_thread(run, line, **variables)
    done.set()
    await load
    return served_before


async def require_restored(settings: Settings, before: int) -> None:
    """The store of a back-up: of one moment, and good to go on with."""
    async with AsyncExitStack() as stack:
        async with opened_chain_store(settings) as chain:
            await Mirror(chain).put(balance=100_000)
        store = await open_gateway_store(settings)
        stack.push_async_callback(store.close)
        spent, sequence, charged, count = await tab_and_rows(store)
        assert (spent, sequence) == (charged, count)
        assert count >= before
        group = await stack.enter_async_context(GroupCommit(store))
        meter = Meter(store, group, DigestSigner(), ManualClock())
        newest = await meter.receipt("before-19")
        assert newest is not None
        await serve(meter, "after")
        assert (await tab_and_rows(store))[:2] == (spent + MICRO, sequence + 1)


@pytest.fixture
async def rich(mirror: Mirror) -> None:
    await mirror.put(balance=100_000)


class TestSqlite:
    @pytest.fixture
    def database_url(self) -> str:
        return ""

    async def test_backs_up_and_restores(
        self, settings: Settings, meter: Meter, rich: None, tmp_path: Path
    ) -> None:
        home, copy, new = settings.home_path, tmp_path / "copy.db", tmp_path / "new"
        before = await while_serving(meter, command("back-up", "sqlite"), EMPORION_HOME=home, BACKUP=copy)
        new.mkdir()
        await asyncio.to_thread(run, command("restore", "sqlite"), EMPORION_HOME=new, BACKUP=copy)
        await require_restored(load_settings(home=new, devnet=True), before)


class TestPostgresql:
    @pytest.fixture
    def database_url(self, postgres_url: str) -> str:
        return postgres_url

    async def test_backs_up_and_restores(
        self, settings: Settings, meter: Meter, rich: None, tmp_path: Path, postgres_server: PostgresServer
    ) -> None:
        copy, url = tmp_path / "copy.dump", settings.database_url
        before = await while_serving(
            meter, command("back-up", "postgresql"), EMPORION_DATABASE_URL=url, BACKUP=copy
        )
        new = await asyncio.to_thread(postgres_server.create)
        await asyncio.to_thread(run, command("restore", "postgresql"), EMPORION_DATABASE_URL=new, BACKUP=copy)
        settings = load_settings(home=tmp_path, database_url=new, database_pool=4, devnet=True)
        await require_restored(settings, before)
