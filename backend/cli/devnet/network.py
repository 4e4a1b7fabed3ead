"""A running devnet: `async with Devnet.start(home) as devnet`; `Devnet.attach(home)` from another process."""

import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from backend.chain.bindings import Contracts
from backend.chain.client import NodeClient
from backend.chain.deploy import deploy
from backend.chain.deploy_check import verify
from backend.chain.deploy_journal import journal_path
from backend.chain.deploy_plan import COMPLETE, DeploySettings
from backend.chain.sender import Patience, Sender
from backend.chain.transport import HttpTransport, Transport
from backend.cli.devnet.accounts import devnet_accounts
from backend.cli.devnet.anvil import CHAIN_ID, Anvil, AnvilOptions
from backend.cli.devnet.controls import Controls
from backend.cli.devnet.faucet import Faucet
from backend.cli.devnet.presence import Presence
from backend.core.deployment import Deployment, read_deployment
from backend.core.logs import get_logger
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from backend.signing.keys import LocalKey

log = get_logger("devnet")

_DAY: Final = 86_400
_GAS: Final = 10_000 * 10**18
_QUICK: Final = Patience(poll=0.02, stuck=20.0, most=60.0)


def _log_line(text: str) -> None:
    log.info("devnet.said", text=text)


@dataclass(frozen=True, slots=True)
class DevnetOptions:
    """Port wanted, seconds a block, days behind at the start, whether the chain outlives us, its id."""

    port: int = 8545
    block_time: int = 1
    history_days: int = 0
    keep_state: bool = False
    chain_id: int = CHAIN_ID


@dataclass(slots=True)
class Devnet:
    """The chain, its contracts and its accounts (role -> key)."""

    home: Path
    rpc_url: str
    ws_url: str
    client: NodeClient
    deployment: Deployment
    accounts: Mapping[str, LocalKey]
    controls: Controls
    contracts: Contracts
    fresh: bool = True
    """Whether the contracts were deployed just now, so that there is nothing yet."""
    _senders: dict[str, Sender] = field(default_factory=dict)

    @staticmethod
    @asynccontextmanager
    async def start(
        home: Path,
        *,
        port: int = 8545,
        block_time: int = 1,
        history_days: int = 0,
        keep_state: bool = False,
        chain_id: int = CHAIN_ID,
        say: Callable[[str], None] = _log_line,
    ) -> AsyncIterator["Devnet"]:
        """Start anvil, deploy, and give accounts their gas; all of it ends with the block.

        Blocks are mined every `block_time` seconds. With `history_days` the chain begins that long ago, for
        `seed` to fill. With `keep_state` the chain is in `home` and goes on where it was.
        """
        options = DevnetOptions(port, block_time, history_days, keep_state, chain_id)
        _make_home(home)
        async with HttpClient(LOOPBACK_ONLY) as http:
            transport = HttpTransport(http)
            anvil = await Anvil.start(transport, home, _anvil_options(home, options), say)
            try:
                devnet = await _prepared(home, anvil, transport, options)
                Presence(anvil.url, block_time, os.getpid()).write(home)
                yield devnet
            finally:
                Presence.remove(home)
                await anvil.stop()

    @staticmethod
    @asynccontextmanager
    async def attach(home: Path) -> AsyncIterator["Devnet"]:
        """The devnet that another process runs from this home. Raises NodeUnreachable, DeploymentMismatch."""
        found = Presence.read(home)
        async with HttpClient(LOOPBACK_ONLY) as http:
            client = NodeClient(HttpTransport(http), found.rpc_url)
            deployment = read_deployment(_record_path(home))
            await verify(client, deployment)
            yield _opened(home, client, deployment, Controls(client, found.block_time), fresh=False)

    def sender(self, role: str) -> Sender:
        """The one sender of a role's key in this process."""
        if role not in self._senders:
            self._senders[role] = Sender(self.client, self.accounts[role], patience=_QUICK)
        return self._senders[role]

    @property
    def faucet(self) -> Faucet:
        """Gives gas, dollars and EMP."""
        return Faucet(self.contracts, self.controls, self.sender("operator"))


def _make_home(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)


def _record_path(home: Path) -> Path:
    return home / "deployment.json"


def _anvil_options(home: Path, options: DevnetOptions) -> AnvilOptions:
    state = home / "anvil-state.json" if options.keep_state else None
    goes_on = state is not None and state.exists()
    begins_earlier = options.history_days and not goes_on
    start = int(time.time()) - options.history_days * _DAY if begins_earlier else None
    return AnvilOptions(options.port, start, state, options.chain_id)


async def _prepared(home: Path, anvil: Anvil, transport: Transport, options: DevnetOptions) -> Devnet:
    """Contracts on the chain, gas in the accounts, blocks by interval."""
    client = NodeClient(transport, anvil.url)
    controls = Controls(client, options.block_time)
    fresh = await client.block_number() == 0
    if fresh:
        _record_path(home).unlink(missing_ok=True)
        journal_path(_record_path(home)).unlink(missing_ok=True)
    if _record_path(home).exists():
        deployment = read_deployment(_record_path(home))
        await verify(client, deployment)
    else:
        deployment = await _deployed(home, client, controls)
    devnet = _opened(home, client, deployment, controls, fresh=fresh)
    devnet.ws_url = anvil.ws_url
    await controls.mine_by_interval()
    return devnet


async def _deployed(home: Path, client: NodeClient, controls: Controls) -> Deployment:
    accounts = devnet_accounts()
    for key in accounts.values():
        await controls.give_gas(key.address, _GAS)
    settings = DeploySettings(operator=accounts["operator"].address, devnet=True, contracts=COMPLETE)
    return await deploy(client, accounts["deployer"], settings, _record_path(home), patience=_QUICK)


def _opened(
    home: Path, client: NodeClient, deployment: Deployment, controls: Controls, *, fresh: bool
) -> Devnet:
    return Devnet(
        home=home,
        rpc_url=client.url,
        ws_url=client.url.replace("http://", "ws://", 1),
        client=client,
        deployment=deployment,
        accounts=devnet_accounts(),
        controls=controls,
        contracts=Contracts.of(client, deployment),
        fresh=fresh,
    )
