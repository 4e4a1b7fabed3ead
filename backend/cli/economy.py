"""A devnet with its services and its seed, from the start to Ctrl-C."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backend.cli.devnet.accounts import devnet_secret
from backend.cli.devnet.anvil import CHAIN_ID
from backend.cli.devnet.catalogue import CATALOGUE
from backend.cli.devnet.environment import forget_stores, variables, write_environment
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.presence import Presence
from backend.cli.devnet.seed import Seeded, seed
from backend.cli.gateway_client import GatewayClient, GatewayRefused
from backend.cli.output import lines, say, show, working
from backend.cli.services import Services
from backend.cli.stores import chain_store
from backend.cli.wiring import until_signal
from backend.core.errors import DatabaseMismatch, Unavailable
from backend.core.settings import Settings
from backend.core.units import ServiceId, checksum, hex_of
from indexer.status import status_of

HISTORY_DAYS: Final = 30
NAMES_SECONDS: Final = 30.0
_PAUSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. Ports are stepped over where taken; 0 takes any."""

    home: Path
    port: int = 8545
    gateway_port: int = 8080
    block_time: int = 1
    keep: bool = False
    empty: bool = False


async def run_economy(wish: Wish, settings: Settings) -> None:
    """Start everything, stay until Ctrl-C, end everything. Raises Conflict where one runs already."""
    Presence.require_none(wish.home)
    async with until_signal() as stop:
        living = asyncio.create_task(_live(wish, settings))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({living, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            say("stopping")
        stopped.cancel()
        living.cancel()
        with suppress(asyncio.CancelledError):
            await living
    say("stopped")


async def _live(wish: Wish, settings: Settings) -> None:
    history = 0 if wish.empty else HISTORY_DAYS
    say("starting a chain and deploying the contracts")
    async with Devnet.start(
        wish.home,
        port=wish.port,
        block_time=wish.block_time,
        history_days=history,
        keep_state=wish.keep,
        say=say,
    ) as network:
        seeded = await _prepared(network, wish, settings)
        say("starting indexer, gateway, embedded model and settlement")
        async with Services.start(network, port=wish.gateway_port, say=say) as services:
            if seeded is not None:
                await _bind(network, services, seeded)
                await _named(services, seeded)
            await _introduce(network, services, settings)
            code = await services.child.wait()
            raise Unavailable(
                f"the services ended by themselves with status {code}; see {services.child.log}"
            )


async def _prepared(network: Devnet, wish: Wish, settings: Settings) -> Seeded | None:
    """A fresh chain gets empty stores and, unless it shall stay empty, a history."""
    if not network.fresh:
        say("going on with the chain that was kept")
        return None
    forget_stores(network.home)
    await _require_empty(settings)
    if wish.empty:
        return None
    with working("seeding providers, services, buyers, stakers and a month of history"):
        return await seed(network)


async def _require_empty(settings: Settings) -> None:
    """A database, unlike our files, is not ours to empty. Raises DatabaseMismatch."""
    if settings.is_sqlite:
        return
    async with chain_store(settings) as store:
        if await status_of(store):
            raise DatabaseMismatch(
                "the database of EMPORION_DATABASE_URL holds an earlier chain, and this devnet's is fresh; "
                "drop its schemas `chain` and `gateway`, name an empty database, or use --keep from the start"
            )


async def _bind(network: Devnet, services: Services, seeded: Seeded) -> None:
    """Point the services that this gateway meters at the embedded model."""
    client = GatewayClient(services.http, services.url)
    await client.sign_in(network.accounts["provider"])
    for offer in CATALOGUE:
        if offer.meter == "meter":
            path = f"/v1/provider/services/{seeded.services[offer.slug]}/upstream"
            await client.put_once_indexed(path, {"upstreams": [{"kind": "embedded"}]})


async def _named(services: Services, seeded: Seeded) -> None:
    """Wait until the gateway has fetched every document, so that a first search shows names."""
    client = GatewayClient(services.http, services.url)
    unnamed = dict(seeded.services)
    for _ in range(int(NAMES_SECONDS / _PAUSE)):
        for slug, service in list(unnamed.items()):
            if await _is_named(client, service):
                del unnamed[slug]
        if not unnamed:
            return
        await asyncio.sleep(_PAUSE)
    say(f"{', '.join(unnamed)}: the gateway has not fetched the documents yet; names come later")


async def _is_named(client: GatewayClient, service: ServiceId) -> bool:
    try:
        return (await client.ask("GET", f"/v1/services/{service}"))["slug_model"] is not None
    except GatewayRefused as error:
        if error.answer_status != 404:
            raise
        return False  # it is not indexed yet


async def _introduce(network: Devnet, services: Services, settings: Settings) -> None:
    values = variables(network.home, network.rpc_url, services.url, settings.database_url)
    path = write_environment(network.home, values)
    lines("Accounts (devnet only: everybody knows these keys, never send anything of worth to them)", [])
    for role, key in network.accounts.items():
        lines(f"  {role:<16} {checksum(key.address)}", [f"    key {hex_of(devnet_secret(role))}"])
    network_facts = {
        "network name": "Emporion devnet",
        "chain id": CHAIN_ID,
        "RPC URL": network.rpc_url,
        "WebSocket URL": network.ws_url,
        "currency": "ETH",
    }
    show(network_facts, as_json=False, title="\nAdd this network to a wallet")
    here = {
        "page": f"{services.url}/",
        "gateway": services.url,
        "API and its docs": f"{services.url}/docs",
        "deployment record": network.home / "deployment.json",
        "log": services.child.log,
    }
    show(here, as_json=False, title="\nRunning")
    lines(
        "\nIn a second terminal:",
        [
            f"  . {path}",
            "  emporion search",
            "  emporion buyer buy PLAN --key buyer",
            "  emporion devnet advance 30d",
            "\nCtrl-C stops everything.",
        ],
    )
