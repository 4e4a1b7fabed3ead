"""`emporion provider`: publish a service, see what it earned, claim it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from backend.cli.buyer_commands import AsJson, GatewayUrl, KeyName
from backend.cli.gateway_client import GatewayClient
from backend.cli.manifest import Manifest, read_manifest
from backend.cli.output import say, show
from backend.cli.publishing import Published, Publisher
from backend.cli.trading import Trader
from backend.cli.wiring import chain, prepared, run, wallet
from backend.core.settings import Settings
from backend.core.units import hex_of

provider = typer.Typer(help="Publish services and claim what they earn.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(provider, name="provider")


@provider.command("publish")
def publish(
    manifest: Annotated[Path, typer.Argument(help="The service.toml.")],
    check: Annotated[bool, typer.Option("--check", help="Only read and check the file.")] = False,
    gateway: GatewayUrl = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Publish a service. Nothing is sent while the file is wrong."""
    settings = prepared()
    wanted = read_manifest(manifest)
    if check:
        say(f"{manifest} is right: {len(wanted.plan)} plans")
        return
    made = run(_publish(settings, wanted, gateway, key))
    facts = {"service": made.service_id, "model": made.model, "page": made.page, "gas": made.gas_used}
    show(facts | {f"plan {name}": plan for name, plan in made.plans.items()}, as_json=as_json)


async def _publish(settings: Settings, wanted: Manifest, gateway: str | None, key: str | None) -> Published:
    signer = wallet(settings, key)
    async with chain(settings) as found, GatewayClient.at(gateway or settings.base_url) as client:
        await client.sign_in(signer)
        trader = Trader(found.contracts, signer, found.sender(signer))
        return await Publisher(found.contracts, client, trader, say).publish(wanted)


@provider.command("claim")
def claim(
    service: Annotated[int, typer.Argument(help="Service id.")], key: KeyName = None, as_json: AsJson = False
) -> None:
    """Take what this wallet's shares of a service earned, in every currency."""
    settings = prepared()
    signer = wallet(settings, key)

    async def work() -> dict[str, Any]:
        async with chain(settings) as found:
            trader = Trader(found.contracts, signer, found.sender(signer))
            receipt = await trader.claim_revenue([(service, index) for index in await trader.currencies()])
            return {"transaction": hex_of(receipt.tx_hash), "block": receipt.block_number}

    show(run(work()), as_json=as_json)
