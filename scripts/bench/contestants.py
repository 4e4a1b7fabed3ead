"""Who is measured: a plain passthrough, ours embedded, ours on PostgreSQL and Redis, LiteLLM's proxy."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg

from backend.cli.demo.world import Person, World
from backend.cli.devnet.faucet import Gift
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.ports import free_port
from backend.cli.manifest import Manifest
from backend.cli.publishing import Publisher
from backend.cli.services import Services, devnet_settings
from backend.core.units import PlanId, Then
from backend.db.stores import open_gateway_store
from scripts.bench.litellm_proxy import KEY, litellm
from scripts.bench.load import Target, descendant, keep_to
from scripts.bench.servers import plain

PATH: Final = "/v1/chat/completions"
MESSAGE: Final = [{"role": "user", "content": "Tell me something short."}]
CREDITS: Final = "Credits"
LASTING: Final = "Pass"
_JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server that takes the request, and the processes that count."""

    name: str
    url: str
    model: str
    pid: int
    key: str = ""
    database_url: str = ""

    def target(self, chunks: int = 0) -> Target:
        """The request as this server takes it; made once it is warm, so that its connections are there."""
        headers = _JSON | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        behind = servers(self.database_url)
        return Target(self.name, self.url + PATH, headers, body(self.model, chunks), self.pid, behind)


@dataclass(frozen=True, slots=True)
class House:
    """Ours, and what is needed to sell and transfer on its chain."""

    contestant: Contestant
    world: World
    plans: dict[str, PlanId]


def body(model: str, chunks: int = 0) -> bytes:
    """One request; for a stream of so many chunks where they are named."""
    asked: dict[str, Any] = {"model": model, "messages": MESSAGE, "max_tokens": chunks or 256}
    return orjson.dumps(asked | ({"stream": True} if chunks else {}))


def manifest(upstream: str) -> Manifest:
    """A service of that upstream: priced per token, so that everything a request can cost is exercised, and a
    pass to transfer.
    """
    rates = {"request": 1, "unit_in": 1, "unit_out": 1}
    plans = [
        {"name": CREDITS, "kind": "metered", "currency": "tUSD", "price": "0.000001", "rates": rates},
        {"name": LASTING, "kind": "pass", "currency": "tUSD", "price": "0.01"},
    ]
    bound = {"kind": "openai", "url": f"{upstream}/v1", "model": "bench"}
    return Manifest.model_validate(
        {"service": {"name": "Bench", "slug": "bench"}, "upstream": bound, "plan": plans}
    )


@asynccontextmanager
async def ours(name: str, upstream: str, core: int | None, **given: Any) -> AsyncIterator[House]:
    """`emporion up` on a devnet, with one service and one buyer who deposited."""
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emporion-bench-")))
        devnet = await stack.enter_async_context(Devnet.start(home, port=0, say=_silent))
        settings = {"settle_interval_seconds": 3_600, "log_level": "warning", **given}
        settings["signed_requests"] = "erc8128-draft"
        # Stores are made once and opened ever after: what making them loads is no part of a worker's memory.
        await (await open_gateway_store(devnet_settings(devnet, free_port(0), **settings))).close()
        services = await stack.enter_async_context(Services.start(devnet, say=_silent, **settings))
        world = World(devnet, services)
        plans, buyer, model = await _stocked(world, upstream)
        pid = descendant(services.child.pid, "backend.cli.main up")
        if core is not None:
            keep_to(core, pid)
        database_url = given.get("database_url", "")
        yield House(Contestant(name, services.url, model, pid, buyer.api_key, database_url), world, plans)


async def _stocked(world: World, upstream: str) -> tuple[dict[str, PlanId], Person, str]:
    provider, buyer = await world.meet("provider"), await world.meet("buyer", Gift(dollars=10**9, emp=0))
    await provider.gateway.sign_in(provider.key)
    publisher = Publisher(world.devnet.contracts, provider.gateway, provider.trader, _silent)
    made = await publisher.publish(manifest(upstream))
    await buyer.trader.buy(made.plans[CREDITS], 10**8, Then.DEPOSIT)
    await buyer.sign_in()
    return made.plans, buyer, made.model


@asynccontextmanager
async def raw(upstream: str, core: int | None) -> AsyncIterator[Contestant]:
    """FastAPI in front of aiohttp, nothing else."""
    async with plain("raw", free_port(0), upstream) as (url, pid):
        if core is not None:
            keep_to(core, pid)
        yield Contestant("raw", url, "bench", pid)


@asynccontextmanager
async def peer(upstream: str, core: int | None) -> AsyncIterator[Contestant]:
    """LiteLLM's proxy with its master key."""
    with tempfile.TemporaryDirectory(prefix="emporion-bench-") as home:
        async with litellm(Path(home), free_port(0), upstream) as (url, pid):
            if core is not None:
                keep_to(core, pid)
            yield Contestant("litellm", url, "bench", pid, KEY)


def servers(database_url: str) -> tuple[int, ...]:
    """The processes of PostgreSQL that serve this database, and Redis, where they are on this machine."""
    if not database_url:
        return ()
    with psycopg.connect(database_url) as connection:
        own = "datname = current_database() AND pid <> pg_backend_pid()"
        rows = connection.execute(f"SELECT pid FROM pg_stat_activity WHERE {own}").fetchall()  # noqa: S608
    names = {int(one.parent.name): one.read_text().strip() for one in Path("/proc").glob("[0-9]*/comm")}
    caches = [pid for pid, name in names.items() if name == "redis-server"]
    return (*(pid for (pid,) in rows if pid in names), *caches)


def _silent(_text: str) -> None:
    """Set-up has nothing to say to the reader of a table."""
