"""A page of figures on a port of its own.

MetricsPage
├── shows what the registry counted and what is read at the scrape
├── given a store that does not answer: the last values, and that it is down
└── nothing else is there
scraped
├── given a port: answers until the block ends, then the port is free
├── given a taken port: says so, goes on without, and answers once it is free
└── given port 0, by the option or by the setting: nothing listens
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry, Counter

from backend.cli.scraped import scraped
from backend.core.errors import DatabaseUnreachable
from backend.core.settings import Settings, load_settings
from backend.settlement.metrics import GAUGES

BACKLOG = "emporion_settlement_backlog_credits"


class Store:
    """Reads a backlog while it is up."""

    def __init__(self) -> None:
        self.up = True

    async def read(self) -> Mapping[str, float]:
        if not self.up:
            raise DatabaseUnreachable("gone")
        return {BACKLOG: 2.5}


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path)


@pytest.fixture
def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    Counter("things", "Things.", registry=made).inc(3)
    return made


@asynccontextmanager
async def served(
    settings: Settings, registry: CollectorRegistry, store: Store, port: int
) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        scraped(settings, registry, store.read, port, again=0.05),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def got(client: httpx.AsyncClient, path: str = "/metrics") -> httpx.Response:
    for _ in range(100):
        try:
            return await client.get(path)
        except httpx.TransportError:
            await asyncio.sleep(0.05)
    raise AssertionError("nobody answers")


class TestThePage:
    async def test_shows_counts_and_what_is_read_now(
        self, settings: Settings, registry: CollectorRegistry, port: int
    ) -> None:
        async with served(settings, registry, Store(), port) as client:
            said = await got(client)
        assert said.headers["content-type"].startswith("text/plain")
        for line in ("things_total 3.0", f"{BACKLOG} 2.5", "emporion_store_up 1.0"):
            assert f"\n{line}\n" in said.text

    async def test_tells_that_the_store_is_down(
        self, settings: Settings, registry: CollectorRegistry, port: int
    ) -> None:
        store = Store()
        async with served(settings, registry, store, port) as client:
            await got(client)
            store.up = False
            said = await got(client)
        assert said.status_code == 200
        assert "\nemporion_store_up 0.0\n" in said.text
        assert f"\n{BACKLOG} 2.5\n" in said.text

    async def test_shows_nothing_else(
        self, settings: Settings, registry: CollectorRegistry, port: int
    ) -> None:
        async with served(settings, registry, Store(), port) as client:
            assert (await got(client, "/")).status_code == 404
            assert (await client.post("/metrics")).status_code == 404


class TestItsPort:
    async def test_is_free_afterwards(
        self, settings: Settings, registry: CollectorRegistry, port: int
    ) -> None:
        async with served(settings, registry, Store(), port) as client:
            await got(client)
        with socket.create_server(("127.0.0.1", port)):
            pass

    async def test_that_is_taken_stops_no_work(
        self, settings: Settings, registry: CollectorRegistry, port: int
    ) -> None:
        taken = socket.create_server(("127.0.0.1", port))
        with structlog.testing.capture_logs() as lines:
            async with served(settings, registry, Store(), port) as client:
                await asyncio.sleep(0.02)
                taken.close()
                assert "things_total 3.0" in (await got(client)).text
        told = [line for line in lines if line["event"] == "metrics.not-served"]
        assert told
        assert "--metrics-port" in told[0]["advice"]

    @pytest.mark.parametrize(("setting", "option"), [(0, None), (1, 0)])
    async def test_may_be_none(
        self, tmp_path: Path, registry: CollectorRegistry, setting: int, option: int | None
    ) -> None:
        settings = load_settings(home=tmp_path, metrics_port=setting)
        before = asyncio.all_tasks()
        async with scraped(settings, registry, Store().read, option):
            assert asyncio.all_tasks() == before

    async def test_is_the_settings_where_none_is_given(
        self, tmp_path: Path, registry: CollectorRegistry, port: int
    ) -> None:
        settings = load_settings(home=tmp_path, metrics_port=port)
        async with (
            scraped(settings, registry, Store().read),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            said = (await got(client)).text
        assert all(name in said for name in GAUGES)
