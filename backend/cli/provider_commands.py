"""`emporion provider`: publish a service, see and claim what it earned."""

from pathlib import Path
from typing import Annotated, Any

import typer

from backend.chain.bindings import Contracts
from backend.cli import service_commands
from backend.cli.acting import acted
from backend.cli.gateway_client import GatewayClient
from backend.cli.manifest import Manifest, read_manifest
from backend.cli.options import AsJson, GatewayUrl, KeyName, ServiceArgument
from backend.cli.outcomes import told
from backend.cli.output import print_json, say, show, working
from backend.cli.provider_status import status
from backend.cli.publishing import Published, Publisher
from backend.cli.signers import wallet_signer
from backend.cli.trading import Trader
from backend.cli.trial import trial_call
from backend.cli.wiring import prepared, run, trading
from backend.core.settings import Settings
from backend.signing.keys import Signer

provider = typer.Typer(help="Publish services and claim what they earn.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    service_commands.add_to(provider)
    provider.command("status")(status)
    app.add_typer(provider, name="provider")


@provider.command("publish")
def publish(
    manifest: Annotated[
        Path, typer.Argument(help="The service.toml; examples/service.toml explains each line.")
    ],
    check: Annotated[bool, typer.Option("--check", help="Only read and check the file.")] = False,
    trial: Annotated[
        bool, typer.Option("--trial/--no-trial", help="Buy a few credits and make one call at the end.")
    ] = True,
    gateway: GatewayUrl = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Publish a service. Nothing is sent while the file is wrong; run again, it goes on where it stopped."""
    wanted = read_manifest(manifest)
    if check:
        say(f"{manifest} is right: {len(wanted.plan)} plans")
        return
    settings = prepared(quiet=True)
    doing = f"publishing {wanted.service.name}: registration, upstream, plans, one paid call"
    with wallet_signer(settings, key) as signer, working(doing):
        made, call = run(_publish(settings, wanted, gateway or settings.base_url, signer, trial))
    facts = {"service": made.service_id, "model": made.model, "page": made.page, "gas": made.gas_used}
    if as_json:
        print_json(facts | {"plans": made.plans, "trial": call})
    else:
        plans = {f"plan {name}": plan for name, plan in made.plans.items()}
        show(facts | plans | {"trial": call["told"]}, as_json=False)
    if call["ok"] is False:
        say(f"error: the service is on sale, but its first call failed: {call['told']}")
        raise typer.Exit(1)


async def _publish(
    settings: Settings, wanted: Manifest, gateway: str, signer: Signer, trial: bool
) -> tuple[Published, dict[str, Any]]:
    async with (
        trading(settings, signer) as (contracts, trader),
        GatewayClient.at(gateway) as client,
    ):
        await client.sign_in(signer)
        made = await Publisher(contracts, client, trader, say).publish(wanted)
        if not trial:
            return made, {"ok": None, "told": "skipped"}
        return made, await trial_call(trader, client, made, wanted)


@provider.command("claim")
def claim(service: ServiceArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Take what this wallet's shares of a service earned, in every currency."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        pairs = [(service, index) for index in await trader.currencies()]
        return told(contracts, await trader.claim_revenue(pairs), service=service)

    if "received" not in acted(work, key, as_json, "claiming"):
        say("there was nothing to claim: revenue arrives when passes are bought and usage settles")
