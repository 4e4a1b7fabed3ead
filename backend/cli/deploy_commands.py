"""`emporion deploy`: the contracts on a chain, and the record of it."""

from typing import Annotated

import typer

from backend.chain.deploy import deploy as deploy_all
from backend.chain.deploy_plan import DeploySettings
from backend.cli.options import AsJson, KeyName
from backend.cli.output import say, show_rows, working
from backend.cli.wiring import node, prepared, remote_signer, run, wallet
from backend.core.deployment import Deployment
from backend.core.units import checksum, to_address


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("deploy")(deploy)


def deploy(
    operator: Annotated[
        str | None,
        typer.Option(help="Address that holds the supply and the parameters; default: the signer."),
    ] = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Deploy the contracts at predicted addresses and write the record. Resumes an interrupted run."""
    settings = prepared(quiet=True)
    with remote_signer(settings) as remote:
        signer = remote or wallet(settings, key)
        plan = DeploySettings(
            operator=to_address(operator) if operator else signer.address, devnet=settings.devnet
        )

        async def work() -> Deployment:
            async with node(settings) as client:
                return await deploy_all(client, signer, plan, settings.deployment_path)

        with working(f"deploying with {checksum(signer.address)}; each contract is a transaction"):
            deployment = run(work())
    rows = [
        {"contract": name, "address": made.address, "block": made.block}
        for name, made in deployment.contracts.items()
    ]
    show_rows(rows, as_json=as_json)
    say(f"recorded in {settings.deployment_path}")
