"""What every test may ask for: a database of its own on both engines, Redis, and a closed internet.

A test that needs a server which does not answer is skipped and says so; with EMPORION_TEST_NO_SKIPS=1, which
`.ci/run` sets, any skip is a failure.
"""

import asyncio
import gc
import logging
import os
import shutil
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest
import structlog
from hypothesis import HealthCheck, settings

from backend.core.settings import Settings, load_settings
from backend.db.stores import open_gateway_store
from tests.loopback import close_the_internet
from tests.servers import PostgresServer, RedisServer, ServerAbsent

close_the_internet()

# The library's own way to show a crash draws the source around each frame in colours: a tenth of the time.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback

# Every run tries the same examples, so that luck decides no landing; `run.py deep` looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None, max_examples=60)
settings.register_profile(
    "deep", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("same")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
NO_SKIPS = os.environ.get("EMPORION_TEST_NO_SKIPS") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return without_skips(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return without_skips(report)


def without_skips(report: Report) -> Report:
    """Turn a skip into a failure where a full machine was promised; expected failures stay what they are."""
    if NO_SKIPS and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which EMPORION_TEST_NO_SKIPS=1 forbids: {report.longrepr}"
    return report


def pytest_collection_finish() -> None:
    """What collecting made stays: looking it through again and again took a seventh of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.fixture(autouse=True)
def logs_left_alone() -> Iterator[None]:
    """A command or a program under test sets up the logs, maybe to a stream that is closed after it."""
    handlers, level = list(logging.root.handlers), logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = [one for one in logging.root.handlers if one in handlers]
    logging.root.setLevel(level)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The PostgreSQL server of this machine; databases made on it are dropped at the end."""
    try:
        server = PostgresServer.found()
    except ServerAbsent as absent:
        pytest.skip(str(absent))
    yield server
    server.drop_all()


@pytest.fixture(scope="session")
def postgres_server_url(postgres_server: PostgresServer) -> str:
    """`postgresql://user@127.0.0.1:5432`, without a database."""
    return postgres_server.url


@pytest.fixture
def new_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test's own, for tests of how tables are made."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def shared_postgres_url(postgres_server: PostgresServer) -> str:
    """A PostgreSQL database that the tests of a process share: making its tables takes longer than a test."""
    return postgres_server.create()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, shared_postgres_url: str) -> str:
    """The URL of the shared PostgreSQL database, without a row."""
    postgres_server.empty(shared_postgres_url)
    return shared_postgres_url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """EMPORION_DATABASE_URL on both engines, without a row: "" is the two SQLite files in EMPORION_HOME."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", "postgres"])
def new_database_url(request: pytest.FixtureRequest) -> str:
    """The same, without tables."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("new_postgres_url"))


@pytest.fixture(scope="session")
def made_stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SQLite files of both stores, made once in each process."""
    home = tmp_path_factory.mktemp("stores")
    asyncio.run(_make_stores(load_settings(home=home, devnet=True)))
    for file in home.glob("*.db"):
        # The last to close a file takes its log in, unless it only read.
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return home


async def _make_stores(settings: Settings) -> None:
    store = await open_gateway_store(settings)
    await store.close()


@pytest.fixture
def stores_home(made_stores: Path, tmp_path: Path) -> Path:
    """An EMPORION_HOME whose SQLite files have tables and no row: copied, which is quicker than made."""
    for file in made_stores.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    return tmp_path


@pytest.fixture(scope="session")
def redis_url() -> str:
    """A Redis database for tests. Tests share it: take fresh addresses and keys, and do not empty it."""
    try:
        return RedisServer.found().url
    except ServerAbsent as absent:
        pytest.skip(str(absent))
