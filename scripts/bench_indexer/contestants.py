"""The two indexers as processes: started on a chain, waited for, measured, killed."""

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import psycopg
from yarl import URL

from backend.cli.devnet.ports import free_port
from backend.core.deployment import write_deployment
from backend.core.errors import UpstreamError
from backend.core.units import checksum
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from scripts.bench_indexer.chain import BenchChain
from scripts.bench_indexer.processes import Cost, cost

ROOT: Final = Path(__file__).resolve().parents[2]
PONDER: Final = Path(__file__).parent / "ponder_app"
WAIT_SECONDS: Final = 600.0
SCHEMA: Final = "bench"
NPM_INSTALL: Final = ("npm", "install", "--no-audit", "--no-fund")


Newest = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an indexer works: a folder of its own, an empty PostgreSQL database or none, and its node."""

    home: Path
    database_url: str
    rpc_url: str
    ws_url: str = ""


class Contestant(Protocol):
    """An indexer that can be run."""

    name: str

    def command(self, chain: BenchChain, place: Place) -> tuple[list[str], dict[str, str], Path]:
        """Program with arguments, environment, and working folder."""
        ...

    async def is_ready(self, place: Place, number: int) -> bool:
        """Whether its backfill up to a block has ended and readers see it."""
        ...

    def newest(self, place: Place) -> AbstractContextManager[Newest]:
        """An outside reader: the block of the newest transfer it sees, 0 where there is none."""
        ...


class Ours:
    """This project's indexer."""

    name = "ours"

    def command(self, chain: BenchChain, place: Place) -> tuple[list[str], dict[str, str], Path]:
        """Write the record the indexer reads, and start it as `emporion index` does."""
        write_deployment(place.home / "deployment.json", chain.deployment)
        arguments = [place.rpc_url, place.ws_url, str(place.home), place.database_url]
        return [sys.executable, "-m", "scripts.bench_indexer.ours", *arguments], dict(os.environ), ROOT

    async def is_ready(self, place: Place, number: int) -> bool:
        """Whether the stored head is there."""
        with self._reader(place, "SELECT max(number) FROM {}chains") as read:
            return read() >= number

    def newest(self, place: Place) -> AbstractContextManager[Newest]:
        """The block of the newest row of the outbox."""
        return self._reader(place, "SELECT block_number FROM {}outbox ORDER BY id DESC LIMIT 1")

    def _reader(self, place: Place, query: str) -> AbstractContextManager[Newest]:
        if place.database_url:
            return _postgres_reader(place.database_url, query.format("chain."))
        return _sqlite_reader(place.home / "chain.db", query.format(""))


class Ponder:
    """Ponder 0.16.10, installed from npm into a folder of its own by `install`."""

    name = "ponder"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port(0)

    async def install(self) -> None:
        """Copy the app and install it, once."""
        shutil.copytree(PONDER, self.folder, dirs_exist_ok=True)
        if (self.folder / "node_modules").exists():
            return
        npm = await asyncio.create_subprocess_exec(*NPM_INSTALL, cwd=self.folder)
        if await npm.wait():
            raise SystemExit("npm could not install Ponder; is a registry reachable?")

    def command(self, chain: BenchChain, place: Place) -> tuple[list[str], dict[str, str], Path]:
        """`ponder start`, its cache off, with the same contract and start block."""
        environment = {
            **os.environ,
            "RPC_URL": place.rpc_url,
            "WS_URL": place.ws_url,
            "TOKEN": checksum(chain.token),
            "START_BLOCK": str(chain.deployment.start_block),
            "PONDER_TELEMETRY_DISABLED": "1",
            "PGLITE_DIRECTORY": str(place.home / "pglite"),
        }
        if place.database_url:
            environment["DATABASE_URL"] = place.database_url
        program = str(self.folder / "node_modules" / ".bin" / "ponder")
        return [program, "start", "--port", str(self.port), "--schema", SCHEMA], environment, self.folder

    async def is_ready(self, place: Place, number: int) -> bool:
        """Whether it says that its backfill has ended."""
        async with HttpClient(LOOPBACK_ONLY) as http:
            with suppress(UpstreamError):
                async with http.stream("GET", URL(f"http://127.0.0.1:{self.port}/ready")) as reply:
                    return reply.status == 200
        return False

    def newest(self, place: Place) -> AbstractContextManager[Newest]:
        """The block of the newest transfer; PostgreSQL only, PGlite has no outside readers."""
        return _postgres_reader(place.database_url, f"SELECT max(block) FROM {SCHEMA}.transfer")  # noqa: S608


@contextmanager
def _postgres_reader(url: str, query: str) -> Iterator[Newest]:
    with psycopg.connect(url, autocommit=True) as connection:

        def read() -> int:
            with suppress(psycopg.Error):
                return int((connection.execute(query).fetchone() or [0])[0] or 0)
            return 0

        yield read


@contextmanager
def _sqlite_reader(path: Path, query: str) -> Iterator[Newest]:
    connection = sqlite3.connect(path)

    def read() -> int:
        with suppress(sqlite3.Error):
            return int((connection.execute(query).fetchone() or [0])[0] or 0)
        return 0

    try:
        yield read
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds until readers saw everything, and what it cost until then."""

    wall: float
    cost: Cost


@asynccontextmanager
async def running(
    contestant: Contestant, chain: BenchChain, place: Place
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The indexer's process, killed with its children at the end."""
    place.home.mkdir(parents=True, exist_ok=True)
    command, environment, folder = contestant.command(chain, place)
    with (place.home / "indexer.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def cold(contestant: Contestant, chain: BenchChain, place: Place) -> Outcome:
    """Index the chain into an empty place."""
    tip = await chain.client.block_number()
    began = time.monotonic()
    async with running(contestant, chain, place) as process:
        await ready(contestant, place, tip, process)
        return Outcome(time.monotonic() - began, cost(process.pid))


async def ready(
    contestant: Contestant, place: Place, number: int, process: asyncio.subprocess.Process
) -> None:
    """Wait for it. Raises SystemExit when the process ends or it takes too long."""
    began = time.monotonic()
    while not await contestant.is_ready(place, number):
        if process.returncode is not None or time.monotonic() - began > WAIT_SECONDS:
            raise SystemExit(f"{contestant.name} did not get there; see {place.home / 'indexer.log'}")
        await asyncio.sleep(0.02)
