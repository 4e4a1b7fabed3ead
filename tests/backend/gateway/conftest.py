"""A whole gateway over HTTP on loopback: real stores, meter and upstream client; the index and the model
are doubles.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from backend.cli.gateway_parts import EngineFingerprints
from backend.core.clock import SystemClock
from backend.core.deployment import DeployedContract, DeployedCurrency, Deployment
from backend.core.settings import Settings, load_settings
from backend.core.units import Address, ChainId, PlanKind, ServiceId, checksum, keccak, to_address
from backend.db.group_commit import GroupCommit
from backend.db.stores import open_chain_store, open_gateway_store
from backend.gateway.app import app_of
from backend.gateway.connections import server_config
from backend.gateway.deps import GatewayDeps, Services, assemble
from backend.gateway.served import Fingerprints, Made, NoFingerprints
from backend.inference.embedded import EmbeddedEngine
from backend.inference.fingerprint import fingerprint
from backend.inference.model_file import sha256_of, shipped_model
from backend.inference.schemas import ServiceKey, UpstreamDefinition, UpstreamKind
from backend.inference.secrets import SecretBox
from backend.inference.service import Upstreams
from backend.inference.upstreams import Engine
from backend.meter.service import Meter
from backend.meter.signer import MeterSigner
from backend.meter.vouchers import VoucherCheck
from backend.net.client import HttpClient
from backend.net.guard import DEVNET
from backend.signing.keys import LocalKey
from backend.storage.blobs import MemoryBlobs
from tests.backend.gateway.model_server import ModelServer
from tests.backend.market import CHAIN_ID, SERVICE, Market, holding, plan, plan_id, service, tab

PASS, TIMED, METERED = (plan_id(kind) for kind in PlanKind)
MODEL = f"{CHAIN_ID}/{SERVICE}"
CONTRACTS = (
    "EmporionToken",
    "ServiceRegistry",
    "AccessToken",
    "UsageEscrow",
    "RevenueShares",
    "StakingVault",
    "TokenMarket",
)
DOCUMENT: dict[str, Any] = {
    "emporion": "service/1",
    "name": "Little Model",
    "slug": "little-model",
    "summary": "Small and quick",
    "tags": ["small", "english"],
    "model": {"operations": ["chat", "completions", "embeddings"], "context": 2048, "max_output": 512},
}


def deployment() -> Deployment:
    contracts = {
        name: DeployedContract(checksum(Address(bytes([at + 1]) * 20)), 1, "0x" + "00" * 32, {}, "ab")
        for at, name in enumerate(CONTRACTS)
    }
    dollar = DeployedCurrency(0, checksum(Address(b"\xdd" * 20)), "TUSD", "Test Dollar", 6)
    return Deployment(CHAIN_ID, "0x" + "00" * 32, 0, True, contracts, [dollar])


@dataclass
class House:
    """A running gateway and what a test moves: the chain's rows, the model server, wallets."""

    url: str
    settings: Settings
    services: Services
    market: Market
    model: ModelServer
    http: httpx.AsyncClient
    provider: LocalAccount
    buyer: LocalAccount
    keys: dict[str, str] = field(default_factory=dict)

    async def mine(self, *things: Any) -> int:
        """A block, seen by the gateway when this returns."""
        number = await self.market.mine(*things, now=int(time.time()))
        await self.services.watch.refresh()
        return number

    async def sign_in(self, wallet: LocalAccount) -> str:
        said = (await self.http.get("/v1/auth/nonce")).json()
        message = (
            f"{said['domain']} wants you to sign in with your Ethereum account:\n{wallet.address}\n\n"
            f"{said['statement']}\n\nURI: {said['uri']}\nVersion: 1\nChain ID: {said['chain_id']}\n"
            f"Nonce: {said['nonce']}\nIssued At: {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
        )
        signature = wallet.sign_message(encode_defunct(text=message)).signature.hex()
        reply = await self.http.post("/v1/auth/siwe", json={"message": message, "signature": signature})
        assert reply.status_code == 200, reply.text
        return str(reply.json()["token"])

    async def key(self, wallet: LocalAccount | None = None, **wanted: Any) -> str:
        """A key of a wallet, the buyer's unless another is named."""
        token = await self.sign_in(wallet or self.buyer)
        reply = await self.http.post("/v1/keys", json=wanted, headers=bearer(token))
        assert reply.status_code == 201, reply.text
        return str(reply.json()["key"])

    async def chat(
        self, key: str | None, headers: dict[str, str] | None = None, **body: Any
    ) -> httpx.Response:
        said = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8, **body}
        sent = {**(bearer(key) if key else {}), **(headers or {})}
        return await self.http.post("/v1/chat/completions", json=said, headers=sent)

    async def credits(self, key: str) -> int:
        reply = await self.http.get(f"/v1/credits/{METERED}", headers=bearer(key))
        return int(reply.json()["available_micro_credits"])


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def address_of(wallet: LocalAccount) -> Address:
    return to_address(wallet.address)


def free_socket() -> socket.socket:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken


@pytest.fixture
def gateway_settings() -> dict[str, Any]:
    """Settings a test changes by overriding this fixture."""
    return {}


@pytest.fixture
def engine() -> Engine | None:
    """The embedded model; the model server stands in for it unless a test overrides this."""
    return None


@pytest.fixture
async def house(
    stores_home: Path, gateway_settings: dict[str, Any], engine: Engine | None
) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        yield await build(stack, stores_home, gateway_settings, engine)


async def build(
    stack: AsyncExitStack,
    home: Path,
    changed: dict[str, Any],
    engine: Engine | None,
    **ports: Any,
) -> House:
    """`ports`: more of what `GatewayDeps` takes."""
    listening = free_socket()
    port = listening.getsockname()[1]
    given = {"index_wait_ms": 300, "cors_origins": "https://shop.example", **changed}
    settings = load_settings(home=home, devnet=True, network="dev", gateway_port=port, **given)
    chain_store = await open_chain_store(settings)
    stack.push_async_callback(chain_store.close)
    store = await open_gateway_store(settings)
    stack.push_async_callback(store.close)
    model = ModelServer()
    stack.push_async_callback((await model.start()).cleanup)
    upstream_http = await stack.enter_async_context(HttpClient(DEVNET))
    writer = await stack.enter_async_context(GroupCommit(store))
    key = LocalKey(b"\x07" * 32)
    record = deployment()
    escrows = {ChainId(CHAIN_ID): to_address(record.address("UsageEscrow"))}
    signer = MeterSigner(key, escrows)
    clock = SystemClock()
    upstreams = Upstreams(store, upstream_http, SecretBox(settings.master_secret()), clock, engine)
    deps = GatewayDeps(
        settings=settings,
        deployment=record,
        store=store,
        meter=Meter(store, writer, signer, clock, vouchers=VoucherCheck(escrows)),
        upstreams=upstreams,
        blobs=MemoryBlobs(),
        outgoing=upstream_http,
        fingerprints=fingerprints_of(engine),
        aliases={"little": ServiceId(SERVICE)},
        **ports,
    )
    services = assemble(deps)
    app = app_of(services)
    await serve(stack, app, listening)
    provider, buyer = (Account.from_key(bytes([9 + at]) * 32) for at in range(2))
    url = f"http://127.0.0.1:{port}"
    http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=20, verify=False))
    house = House(url, settings, services, Market(chain_store), model, http, provider, buyer)
    await publish(house, key.address, upstreams, embedded=engine is not None)
    return house


def fingerprints_of(engine: Engine | None) -> Fingerprints:
    """As the command line wires them for its own engine."""
    path = shipped_model()
    if not isinstance(engine, EmbeddedEngine) or path is None:
        return NoFingerprints()
    digest = sha256_of(path)
    return EngineFingerprints(Made(digest, fingerprint(engine.ready, engine.parameters, digest).text()))


async def publish(house: House, meter: Address, upstreams: Upstreams, *, embedded: bool) -> None:
    """One service with three plans, its document, and its upstream."""
    data = orjson.dumps(DOCUMENT)
    await house.services.metadata.put(keccak(data), data)
    owner = address_of(house.provider)
    listed = service(owner=owner, meter=meter, content_hash=keccak(data))
    await house.mine(listed, *(plan(kind) for kind in PlanKind))
    definition = UpstreamDefinition(kind=UpstreamKind.OPENAI, url=house.model.url, model="inner-name")
    if embedded:
        definition = UpstreamDefinition(kind=UpstreamKind.EMBEDDED)
    await upstreams.put(ServiceKey(ChainId(CHAIN_ID), SERVICE), [definition])


class PromptServer(uvicorn.Server):
    """Ends once it is told to and its clients have hung up, where uvicorn's own takes 0.2 s more; leaves
    signals to pytest.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.told = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.told.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for _ in range(10):
            if not self.server_state.connections and not self.server_state.tasks:
                break
            await asyncio.sleep(0.001)
        else:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()


async def serve(stack: AsyncExitStack, app: Any, listening: socket.socket) -> None:
    config = server_config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=1)
    server = PromptServer(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        assert not running.done(), "the server ended"
        await asyncio.sleep(0.001)

    async def stop() -> None:
        server.told.set()
        with suppress(asyncio.CancelledError):
            await running

    stack.push_async_callback(stop)


@pytest.fixture
async def paid_key(house: House) -> str:
    """A key of a buyer with ten credits."""
    await house.mine(tab(METERED, 10, address_of(house.buyer)))
    return await house.key()


@pytest.fixture
async def pass_key(house: House) -> str:
    """A key of a buyer who holds a Pass."""
    await house.mine(holding(PASS, address_of(house.buyer)))
    return await house.key()
