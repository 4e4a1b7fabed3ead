"""Where ports meet their adapters: settings become stores, a node, keys. The commands call these."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import typer

from backend.chain.bindings import Contracts
from backend.chain.client import NodeClient
from backend.chain.sender import Sender
from backend.chain.transport import HttpTransport
from backend.core.deployment import Deployment, read_deployment
from backend.core.logs import configure_logs
from backend.core.settings import Settings, load_settings
from backend.db.session import Store
from backend.db.stores import open_chain_store, open_gateway_store
from backend.net.client import HttpClient
from backend.net.guard import NetworkPolicy
from backend.signing.keys import LocalKey
from backend.signing.keystore import KeyStore

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; Ctrl-C ends it in order, with status 130."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def prepared(**given: object) -> Settings:
    """Settings of the environment, and logs set up by them. Raises SettingsError."""
    settings = load_settings(**given)
    configure_logs(settings.log_level, settings.log_format)
    return settings


NODES = NetworkPolicy(public=True, loopback=True, ports=frozenset(range(1, 65_536)))
"""A node's URL is the operator's own word, not a stranger's: any port, this machine too."""


@dataclass(slots=True)
class Chain:
    """A node, the deployment on its chain, and the contracts."""

    client: NodeClient
    deployment: Deployment
    contracts: Contracts

    def sender(self, key: LocalKey) -> Sender:
        """A sender for a key; make one a key."""
        return Sender(self.client, key)


@asynccontextmanager
async def node(settings: Settings) -> AsyncIterator[NodeClient]:
    """The node of the settings."""
    async with HttpClient(NODES) as http:
        yield NodeClient(HttpTransport(http), settings.rpc_urls[0])


@asynccontextmanager
async def chain(settings: Settings) -> AsyncIterator[Chain]:
    """The node, checked to be on the deployment's chain. Raises ChainError and its kind."""
    deployment = read_deployment(settings.deployment_path)
    async with node(settings) as client:
        await client.require_chain(deployment.chain_id)
        yield Chain(client, deployment, Contracts.of(client, deployment))


@asynccontextmanager
async def chain_store(settings: Settings) -> AsyncIterator[Store]:
    """The indexer's store."""
    store = await open_chain_store(settings)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def gateway_store(settings: Settings) -> AsyncIterator[Store]:
    """The gateway's store."""
    store = await open_gateway_store(settings)
    try:
        yield store
    finally:
        await store.close()


def wallet(settings: Settings, name: str | None) -> LocalKey:
    """The key of a command: a named keystore, else the key file, else the key of the environment.

    Raises SigningKeyNotFound, WrongPassword, SigningKeyError.
    """
    if name is not None:
        return KeyStore(settings.keys_path).load(name, keystore_password(settings, name))
    if settings.key_file is not None:
        return LocalKey.from_file(settings.key_file)
    if secret := settings.private_key.get_secret_value():
        return LocalKey.from_hex(secret)
    return KeyStore(settings.keys_path).load("default", keystore_password(settings, "default"))


def keystore_password(settings: Settings, name: str, *, confirm: bool = False) -> str:
    """The password of the settings, else of a prompt; never of a command line."""
    given = settings.keystore_password.get_secret_value()
    if given:
        return given
    answer: str = typer.prompt(
        f"password of key {name}", hide_input=True, confirmation_prompt=confirm, err=True
    )
    return answer


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
