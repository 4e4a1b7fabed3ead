"""`emporion deploy`: the contracts on a chain, and the record of it."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from backend.chain.airdrop import Airdrop, read_airdrop
from backend.chain.deploy import deploy as deploy_all
from backend.chain.deploy_plan import COMPLETE, ORDER, DeploySettings
from backend.cli.options import AsJson, KeyName
from backend.cli.output import money, say, show_rows, working
from backend.cli.signers import deployer
from backend.cli.wiring import node, prepared, run
from backend.core.deployment import Deployment
from backend.core.errors import SettingsError
from backend.core.settings import Settings
from backend.core.units import Address, checksum, to_address

PROOFS: Final = "airdrop.json"


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("deploy")(deploy)


def deploy(
    airdrop: Annotated[
        Path | None,
        typer.Option(help="Lines `address,EMP`: who gets EMP at first. Needed where stakers govern."),
    ] = None,
    currency: Annotated[
        list[str] | None,
        typer.Option(help="ERC-20 that plans may be priced in, beside EMP; may be repeated."),
    ] = None,
    guardian: Annotated[
        str | None, typer.Option(help="Address that may pause sales for 30 days; default: the operator.")
    ] = None,
    operator: Annotated[
        str | None,
        typer.Option(help="Address that plays every role no contract plays; default: the signer."),
    ] = None,
    government: Annotated[
        bool,
        typer.Option(
            help="With court, distributor, governor and timelock; without, the operator sets the parameters."
        ),
    ] = True,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Deploy the contracts at predicted addresses and write the record. Resumes an interrupted run."""
    settings = prepared(quiet=True)
    awards = _airdrop(settings, airdrop, government)
    with deployer(settings, key) as signer:
        plan = DeploySettings(
            operator=to_address(operator) if operator else signer.address,
            devnet=settings.devnet,
            currencies=tuple(to_address(token) for token in currency or ()),
            roles=_roles(guardian),
            values=_values(awards),
            contracts=COMPLETE if government else ORDER,
        )

        async def work() -> Deployment:
            async with node(settings) as client:
                return await deploy_all(client, signer, plan, settings.deployment_path)

        with working(f"deploying with {checksum(signer.address)}; each contract is a transaction"):
            deployment = run(work())
    _tell(deployment, settings, awards, as_json)


def _airdrop(settings: Settings, path: Path | None, government: bool) -> Airdrop | None:
    """What the file says, read before anything is sent. Raises SettingsError."""
    if path is not None and not government:
        raise SettingsError("there is no airdrop without the government: the operator holds the supply")
    if path is None and government and not settings.devnet:
        raise SettingsError(
            "stakers govern what is deployed here, and without an airdrop nobody could ever vote: give "
            "--airdrop FILE with lines `address,EMP`, or --no-government for parameters set by the operator"
        )
    return read_airdrop(path) if path else None


def _roles(guardian: str | None) -> dict[str, Address]:
    return {"guardian": to_address(guardian)} if guardian else {}


def _values(airdrop: Airdrop | None) -> dict[str, Any]:
    return {"root": airdrop.root, "airdropAmount": airdrop.total} if airdrop else {}


def _tell(deployment: Deployment, settings: Settings, airdrop: Airdrop | None, as_json: bool) -> None:
    rows = [
        {"contract": name, "address": made.address, "block": made.block}
        for name, made in deployment.contracts.items()
    ]
    show_rows(rows, as_json=as_json)
    say(f"recorded in {settings.deployment_path}")
    if airdrop:
        proofs = settings.deployment_path.with_name(PROOFS)
        airdrop.write_proofs(proofs)
        say(
            f"{len(airdrop.awards)} accounts get {money(airdrop.total, 18, 'EMP')}: give them {proofs}, "
            "they take it by `emporion airdrop claim`"
        )
