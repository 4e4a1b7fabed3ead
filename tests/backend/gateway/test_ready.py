"""GET /readyz: what this process leans on.

├── Redis, where one is named: not ready without it
├── the embedded model, where it is all there is: not ready while it is down; with another upstream: ready
└── upstreams: told by service, and no reason to be unready
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from backend.cli.devnet.ports import free_port
from backend.core.clock import SystemClock
from backend.core.units import ChainId
from backend.gateway.shared_limits import RedisLimits
from backend.inference.schemas import ServiceKey, UpstreamDefinition, UpstreamKind
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from backend.net.target import Target
from tests.backend.gateway.conftest import House, build
from tests.backend.market import CHAIN_ID, SERVICE

KEY = ServiceKey(ChainId(CHAIN_ID), SERVICE)


async def ready(house: House) -> tuple[int, Any]:
    reply = await house.http.get("/readyz")
    return reply.status_code, reply.json()


class TestRedis:
    @pytest.mark.parametrize("away", [True, False], ids=["away", "there"])
    async def test_is_needed_where_it_is_named(self, stores_home: Path, redis_url: str, away: bool) -> None:
        url = f"redis://127.0.0.1:{free_port(0)}/0" if away else redis_url
        async with AsyncExitStack() as stack:
            limits = RedisLimits(url, SystemClock())
            stack.push_async_callback(limits.close)
            status, said = await ready(await build(stack, stores_home, {}, None, limits=limits))
        assert status == (503 if away else 200)
        assert ["Redis" in problem for problem in said["problems"]] == ([True] if away else [])


class FailingEngine:
    """The embedded model's process has ended."""

    model = "inner"
    headers: Mapping[str, str] = {}

    def __init__(self, http: HttpClient) -> None:
        self.http = http
        self.target = Target(URL(f"http://127.0.0.1:{free_port(0)}"), frozenset())

    async def healthy(self) -> bool:
        return False


class TestUpstreams:
    @pytest.fixture
    async def lone(self, stores_home: Path) -> AsyncIterator[House]:
        """A gateway whose services have the embedded model alone, and that is down."""
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(HttpClient(LOOPBACK_ONLY))
            yield await build(stack, stores_home, {}, FailingEngine(http))

    async def test_dead_engine_is_a_reason_where_it_is_all_there_is(self, lone: House) -> None:
        upstreams = lone.services.deps.upstreams
        await upstreams.members(KEY)
        status, said = await ready(lone)
        assert (status, said["ready"]) == (503, False)
        assert "embedded model" in said["problems"][0]
        other = UpstreamDefinition(kind=UpstreamKind.OPENAI, url=lone.model.url, model="m")
        await upstreams.put(KEY, [UpstreamDefinition(kind=UpstreamKind.EMBEDDED), other])
        status, said = await ready(lone)
        assert (status, said["problems"]) == (200, [])

    async def test_are_told_by_service(self, house: House, pass_key: str) -> None:
        assert (await house.chat(pass_key)).status_code == 200
        (member,) = await house.services.deps.upstreams.members(KEY)
        told = []
        for well in (True, False):
            member.healthy = well
            status, said = await ready(house)
            assert status == 200
            told += said["upstreams"]
        assert told == [{"service_id": SERVICE, "well": well, "bound": 1} for well in (1, 0)]
