"""Where ports meet their adapters: settings become stores, a node, keys. The commands call these."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import typer

from backend.chain.bindings import Contracts
from backend.chain.client import NodeClient
from backend.chain.deploy_check import require_genesis
from backend.chain.heads import HeadFeed, SocketHeads
from backend.chain.sender import Memory, Sender
from backend.chain.transport import HttpTransport
from backend.cli.devnet.accounts import ROLES, devnet_secret
from backend.cli.trading import Trader
from backend.core.deployment import Deployment, read_deployment
from backend.core.errors import NodeUnreachable, UnsafeSettings
from backend.core.logs import configure_logs
from backend.core.settings import PREFIX, Settings, load_settings
from backend.core.units import hex_of
from backend.net.client import HttpClient
from backend.net.guard import OPERATOR
from backend.signing.keys import Signer

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; Ctrl-C ends it in order, with status 130."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def prepared(*, quiet: bool = False, **given: object) -> Settings:
    """Settings of the environment, and logs set up by them. Raises SettingsError.

    `quiet`, for commands that end by themselves, logs warnings only, unless a level is set.
    """
    settings = load_settings(**given)
    _refuse_known_keys(settings)
    unset = "log_level" not in settings.model_fields_set
    configure_logs("warning" if quiet and unset else settings.log_level, settings.log_format)
    return settings


def _refuse_known_keys(settings: Settings) -> None:
    """The keys of a devnet's accounts are everybody's: outside one they guard nothing."""
    if settings.devnet:
        return
    known = {devnet_secret(role).hex() for role in ROLES}
    for name in ("private_key", "meter_key"):
        if getattr(settings, name).get_secret_value().removeprefix("0x").lower() in known:
            variable = PREFIX + name.upper()
            raise UnsafeSettings(f"refusing to start: {variable} is a devnet's public key; use your own")


@dataclass(slots=True)
class Chain:
    """A node, the deployment on its chain, and the contracts; `others` are the other nodes named."""

    client: NodeClient
    deployment: Deployment
    contracts: Contracts
    others: tuple[NodeClient, ...] = ()

    def sender(self, key: Signer, memory: Memory | None = None) -> Sender:
        """A sender for a key; make one a key."""
        return Sender(self.client, key, memory=memory)


def on_fast_loop(work: Coroutine[Any, Any, T]) -> T:
    """The same on uvloop, where the system has it: for what runs long or much."""
    factory = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@asynccontextmanager
async def node(settings: Settings) -> AsyncIterator[NodeClient]:
    """The first node of the settings."""
    async with HttpClient(OPERATOR) as http:
        yield NodeClient(HttpTransport(http), settings.rpc_urls[0])


@asynccontextmanager
async def chain(settings: Settings) -> AsyncIterator[Chain]:
    """The first node that answers, checked to be on the deployment's chain. Raises ChainError."""
    deployment = read_deployment(settings.deployment_path)
    async with HttpClient(OPERATOR) as http:
        nodes = [NodeClient(HttpTransport(http), url) for url in settings.rpc_urls]
        client = await _answering(nodes, deployment)
        others = tuple(one for one in nodes if one is not client)
        yield Chain(client, deployment, Contracts.of(client, deployment), others)


async def _answering(nodes: Sequence[NodeClient], deployment: Deployment) -> NodeClient:
    """Raises NodeUnreachable where none answers, WrongChain, DeploymentMismatch."""
    failures = []
    for client in nodes:
        try:
            await client.require_chain(deployment.chain_id)
            require_genesis(deployment, hex_of(await client.genesis_hash()))
        except NodeUnreachable as error:
            failures.append(error.message)
        else:
            return client
    raise NodeUnreachable("; ".join(failures))


@asynccontextmanager
async def announced_heads(settings: Settings) -> AsyncIterator[HeadFeed | None]:
    """New heads as the node of EMPORION_WS_URL announces them; None where none is named."""
    if not settings.ws_url:
        yield None
        return
    async with HttpClient(OPERATOR) as http:
        yield SocketHeads(http, settings.ws_url)


@asynccontextmanager
async def trading(settings: Settings, signer: Signer) -> AsyncIterator[tuple[Contracts, Trader]]:
    """The contracts, and a wallet before them."""
    async with chain(settings) as found:
        yield found.contracts, Trader(found.contracts, signer, found.sender(signer))


@asynccontextmanager
async def until_signal() -> AsyncIterator[asyncio.Event]:
    """An event that Ctrl-C or a termination sets, so that servers end in order."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with_handlers = []
    async with AsyncExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, stop.set)
                with_handlers.append(number)
            except NotImplementedError:  # Windows: Ctrl-C arrives as KeyboardInterrupt
                break
        stack.callback(lambda: [loop.remove_signal_handler(number) for number in with_handlers])
        yield stop
