"""The two indexers as processes: started on a chain, waited for, measured, killed."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from yarl import URL

from backend.cli.devnet.ports import free_port
from backend.core.deployment import write_deployment
from backend.core.errors import UpstreamError
from backend.core.units import checksum
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from scripts.bench_indexer import readers
from scripts.bench_indexer.chain import BenchChain
from scripts.bench_indexer.processes import Cost, cost
from scripts.bench_indexer.readers import SCHEMA, Reader

ROOT: Final = Path(__file__).resolve().parents[2]
PONDER: Final = Path(__file__).parent / "ponder_app"
WAIT_SECONDS: Final = 900.0
LOOK_SECONDS: Final = 0.02
LAST_WORDS: Final = 3_000
_NO_BYTECODE: Final = "PYTHONDONTWRITEBYTECODE"
NPM_INSTALL: Final = ("npm", "install", "--no-audit", "--no-fund")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an indexer works: a folder of its own, an empty PostgreSQL database or none, and its node."""

    home: Path
    database_url: str
    rpc_url: str
    ws_url: str = ""
    cached: bool = False
    """Whether Ponder keeps what the node said, as ours always does."""
    again: bool = False
    """Whether everything is made again from what is kept."""


class Contestant(Protocol):
    """An indexer that can be run."""

    name: str

    def command(self, chain: BenchChain, place: Place) -> tuple[list[str], dict[str, str], Path]:
        """Program with arguments, environment, and working folder."""
        ...

    def reader(self, place: Place) -> AbstractContextManager[Reader]:
        """An outside reader of what it wrote."""
        ...

    async def is_ready(self, reader: Reader, number: int) -> bool:
        """Whether its backfill up to a transfer's block has ended and readers see it."""
        ...


class Ours:
    """This project's indexer."""

    name = "ours"

    def command(self, chain: BenchChain, place: Place) -> tuple[list[str], dict[str, str], Path]:
        """Write the record the indexer reads, and start it as `emporion index` or `reindex` does."""
        write_deployment(place.home / "deployment.json", chain.deployment)
        arguments = [place.rpc_url, place.ws_url, str(place.home), place.database_url]
        module = [sys.executable, "-m", "scripts.bench_indexer.ours"]
        # Compiled anew at every start, its modules take a second: no installation is like that.
        environment = {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}
        return [*module, "reindex" if place.again else "index", *arguments], environment, ROOT

    @contextmanager
    def reader(self, place: Place) -> Iterator[Reader]:
        """On the database, or on the SQLite file in its folder."""
        if place.database_url:
            with readers.postgres(place.database_url) as ask:
                yield readers.our_reader(ask, "chain.")
        else:
            with readers.sqlite(place.home / "chain.db") as ask:
                yield readers.our_reader(ask)

    async def is_ready(self, reader: Reader, number: int) -> bool:
        """Whether its rows are there."""
        return reader.newest_block() >= number


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
        """`ponder start` with the same contract and start block; again: into a schema of its own."""
        environment = {
            **os.environ,
            "DATABASE_URL": place.database_url,
            "RPC_URL": place.rpc_url,
            "WS_URL": place.ws_url,
            "TOKEN": checksum(chain.token),
            "START_BLOCK": str(chain.deployment.start_block),
            "CACHED": "1" if place.cached else "",
            "PONDER_TELEMETRY_DISABLED": "1",
        }
        program = str(self.folder / "node_modules" / ".bin" / "ponder")
        schema = f"{SCHEMA}_again" if place.again else SCHEMA
        return [program, "start", "--port", str(self.port), "--schema", schema], environment, self.folder

    @contextmanager
    def reader(self, place: Place) -> Iterator[Reader]:
        """On the database."""
        with readers.postgres(place.database_url) as ask:
            yield readers.ponders_reader(ask)

    async def is_ready(self, reader: Reader, number: int) -> bool:
        """Whether it says that its backfill has ended."""
        async with HttpClient(LOOPBACK_ONLY) as http:
            with suppress(UpstreamError):
                async with http.stream("GET", URL(f"http://127.0.0.1:{self.port}/ready")) as reply:
                    return reply.status == 200
        return False


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
    except BaseException:
        print(f"{contestant.name} said last:\n{(place.home / 'indexer.log').read_text()[-LAST_WORDS:]}")
        raise
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def cold(contestant: Contestant, chain: BenchChain, place: Place) -> Outcome:
    """Index the chain into an empty place."""
    began = time.monotonic()
    async with running(contestant, chain, place) as process:
        await ready(contestant, chain, place, process)
        return Outcome(time.monotonic() - began, cost(process.pid))


async def ready(
    contestant: Contestant, chain: BenchChain, place: Place, process: asyncio.subprocess.Process
) -> None:
    """Wait for it. Raises SystemExit when the process ends or it takes too long."""
    began = time.monotonic()
    with contestant.reader(place) as reader:
        while not await contestant.is_ready(reader, chain.newest):
            if process.returncode is not None or time.monotonic() - began > WAIT_SECONDS:
                raise _stuck(contestant, place)
            await asyncio.sleep(LOOK_SECONDS)


async def made_again(contestant: Contestant, chain: BenchChain, place: Place) -> float:
    """Seconds to make every row again from what a run before kept, the program's start counted."""
    again, began = replace(place, again=True), time.monotonic()
    async with running(contestant, chain, again) as process:
        if not isinstance(contestant, Ours):
            await ready(contestant, chain, again, process)
        elif await process.wait():
            raise _stuck(contestant, place)
        return time.monotonic() - began


def _stuck(contestant: Contestant, place: Place) -> SystemExit:
    return SystemExit(f"{contestant.name} did not get there in {place.home}")
