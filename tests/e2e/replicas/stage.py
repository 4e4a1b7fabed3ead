"""Three gateways behind nginx on PostgreSQL and Redis of their own, an indexer, a settlement worker, a chain,
and a model server in this process.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from backend.chain.sender import Patience, Sender
from backend.cli.children import Child
from backend.cli.devnet.faucet import Gift
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.ports import LOOPBACK, free_port
from backend.cli.gateway_client import GatewayClient
from backend.cli.manifest import read_manifest
from backend.cli.publishing import Publisher
from backend.cli.services import devnet_settings
from backend.cli.trading import Trader
from backend.core.settings import Settings, child_environment
from backend.core.units import PlanId, Then
from backend.net.client import HttpClient
from backend.net.guard import OPERATOR
from backend.signing.keys import LocalKey
from tests.backend.gateway.model_server import ModelServer
from tests.own_servers import OwnNginx, OwnPostgres, OwnRedis

PATIENCE = 90.0
"""Seconds after which a test gives up: generous, for a machine that does much else."""
REPLICAS = 3
MANIFEST = """\
[service]
name = "Replicated"
slug = "replicated"
operations = ["chat"]

[upstream]
kind = "openai"
url = "{url}"
model = "m"

[[plan]]
name = "Call"
kind = "metered"
currency = "tUSD"
price = "0.01"
refundable = true
rates = {{ request = 1000000 }}

[[plan]]
name = "Pass"
kind = "pass"
currency = "tUSD"
price = "1"

[[plan]]
name = "Limited"
kind = "pass"
currency = "tUSD"
price = "1"

[plan.limits]
requests_per_minute = 12
"""


@dataclass
class Reply:
    """An answer, read to its end; status 0 where the connection broke."""

    status: int
    request_id: str = ""
    body: bytes = b""

    @property
    def code(self) -> str:
        """The error's code."""
        import orjson

        return str(orjson.loads(self.body)["error"]["code"])


@dataclass
class Buyer:
    """A wallet with units, and its API key."""

    key: LocalKey
    trader: Trader
    api_key: str = ""


@dataclass
class Stage:
    """Everything in one hand; `replicas` are the gateways' URLs."""

    devnet: Devnet
    postgres: OwnPostgres
    redis: OwnRedis
    model: ModelServer
    home: Path
    settings: Settings
    http: HttpClient
    session: aiohttp.ClientSession
    replicas: list[str] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    nginx: OwnNginx | None = None
    name: str = ""
    plans: dict[str, PlanId] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The proxy."""
        assert self.nginx is not None
        return self.nginx.url

    async def start_replica(self, number: int) -> Child:
        """`emporion serve` on the port that nginx knows."""
        port = int(self.replicas[number].rpartition(":")[2])
        settings = self.settings.model_copy(update={"gateway_port": port})
        log = self.home / f"serve-{number}.log"
        return await Child.start("serve", env=child_environment(settings), log=log)

    async def ready(self, url: str) -> bool:
        """Whether a gateway says so."""
        with suppress(aiohttp.ClientError):
            async with self.session.get(f"{url}/readyz") as reply:
                return reply.status == 200
        return False

    async def chat(self, buyer: Buyer, url: str | None = None, *, stream: bool = False) -> Reply:
        """One call, through the proxy unless a gateway is named."""
        said = {"model": self.name, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
        headers = {"Authorization": f"Bearer {buyer.api_key}"}
        request_id = ""
        try:
            async with self.session.post(
                f"{url or self.url}/v1/chat/completions", json={**said, "stream": stream}, headers=headers
            ) as reply:
                request_id = reply.headers.get("x-request-id", "")
                return Reply(reply.status, request_id, await reply.read())
        except aiohttp.ClientError:
            return Reply(0, request_id)

    async def meet(self, plan: str, units: int, then: Then = Then.HOLD) -> Buyer:
        """A buyer with units of a plan and a key."""
        buyer = await self._wallet(Gift(emp=0))
        await buyer.trader.buy(self.plans[plan], units, then)
        gateway = GatewayClient(self.http, self.url)
        await gateway.sign_in(buyer.key)
        buyer.api_key = str((await gateway.make_key(plan))["key"])
        return buyer

    async def publish(self) -> None:
        """A provider lists the model server."""
        provider = await self._wallet(Gift())
        path = self.home / "service.toml"
        path.write_text(MANIFEST.format(url=self.model.url), encoding="utf-8")
        gateway = GatewayClient(self.http, self.url)
        await gateway.sign_in(provider.key)
        publisher = Publisher(self.devnet.contracts, gateway, provider.trader, lambda _: None)
        published = await publisher.publish(read_manifest(path))
        self.name, self.plans = published.model, published.plans

    async def _wallet(self, gift: Gift) -> Buyer:
        key = LocalKey.create()
        await self.devnet.faucet.fund(key.address, gift)
        sender = Sender(self.devnet.client, key, patience=Patience(poll=0.02, stuck=20.0, most=PATIENCE))
        return Buyer(key, Trader(self.devnet.contracts, key, sender))

    async def usage(self) -> dict[str, tuple[str, int]]:
        """Outcome and charge of every usage row, by request id."""
        rows = await asyncio.to_thread(
            self.postgres.rows, "SELECT request_id, outcome, charged FROM gateway.usage"
        )
        return {str(row[0]): (str(row[1]), int(str(row[2]))) for row in rows}

    async def number(self, statement: str, *values: object) -> int:
        """The one number a statement returns."""
        ((found,),) = await asyncio.to_thread(self.postgres.rows, statement, values)
        return int(str(found or 0))


async def until(truth: Callable[[], Awaitable[object]], what: str, pause: float = 0.1) -> None:
    """Ask until it is true; fails after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not await truth():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(pause)


def statuses(replies: list[Reply]) -> dict[int, int]:
    """How often each status came."""
    return dict(Counter(reply.status for reply in replies))


def kill(child: Child) -> None:
    """`kill -9` of the command itself, without a word to its leash."""
    for entry in Path(f"/proc/{child.pid}/task").glob("*/children"):
        for pid in entry.read_text(encoding="utf-8").split():
            os.kill(int(pid), signal.SIGKILL)


@asynccontextmanager
async def staged(home: Path) -> AsyncIterator[Stage]:
    """All of it, with a service on sale and every gateway ready."""
    async with AsyncExitStack() as stack:
        postgres, redis = await asyncio.gather(asyncio.to_thread(OwnPostgres), asyncio.to_thread(OwnRedis))
        stack.callback(postgres.close)
        stack.callback(redis.close)
        devnet = await stack.enter_async_context(Devnet.start(home / "devnet", port=0, say=lambda _: None))
        model = ModelServer()
        stack.push_async_callback((await model.start()).cleanup)
        http = await stack.enter_async_context(HttpClient(OPERATOR))
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, timeout=timeout))
        ports = [free_port(0) for _ in range(REPLICAS)]
        nginx = _proxied(home, ports, stack)
        settings = devnet_settings(
            devnet,
            ports[0],
            database_url=postgres.url,
            database_pool=6,
            redis_url=redis.url,
            public_url=nginx.url,
            embedded_model=False,
            trusted_proxies=[LOOPBACK],
            settle_interval_seconds=1,
        )
        replicas = [f"http://{LOOPBACK}:{port}" for port in ports]
        found = Stage(devnet, postgres, redis, model, home, settings, http, session, replicas, [], nginx)
        await _start_processes(found, stack)
        async with devnet.controls.instant_mining():
            await found.publish()
        yield found


def _proxied(home: Path, ports: list[int], stack: AsyncExitStack) -> OwnNginx:
    folder = home / "nginx"
    folder.mkdir()
    nginx = OwnNginx.start(folder, [f"{LOOPBACK}:{port}" for port in ports])
    stack.callback(nginx.close)
    return nginx


async def _start_processes(stage: Stage, stack: AsyncExitStack) -> None:
    for command in ("index", "settle"):
        log = stage.home / f"{command}.log"
        child = await Child.start(command, env=child_environment(stage.settings), log=log)
        stack.push_async_callback(child.stop)
    for number in range(REPLICAS):
        stage.children.append(await stage.start_replica(number))

    async def end() -> None:
        await asyncio.gather(*(child.stop() for child in stage.children))

    stack.push_async_callback(end)
    for url in stage.replicas:
        await until(lambda url=url: stage.ready(url), f"{url} to be ready")  # type: ignore[misc]
