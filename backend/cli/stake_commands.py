"""`emporion stake`: what a wallet does as a staker."""

from typing import Annotated, Any

import typer

from backend.cli.devnet.controls import seconds_of
from backend.cli.manifest import base_units
from backend.cli.options import AsJson, KeyName
from backend.cli.outcomes import told
from backend.cli.output import money, say, show, working
from backend.cli.publishing import EMP_DECIMALS
from backend.cli.wiring import prepared, run, trading, wallet

stake = typer.Typer(help="Lock EMP for a score and claim its rewards.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(stake, name="stake")


@stake.command("lock")
def lock(
    amount: Annotated[str, typer.Argument(help="EMP, such as 1000 or 0.5.")],
    duration: Annotated[str, typer.Argument(help="How long, such as 90d.")],
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Lock EMP for a score: it earns the protocol's revenue and votes."""
    units, seconds = base_units(amount, EMP_DECIMALS), seconds_of(duration)
    settings = prepared(quiet=True)
    signer = wallet(settings, key)

    async def work() -> dict[str, Any]:
        async with trading(settings, signer) as (contracts, trader):
            receipt = await trader.lock(units, seconds)
            locked = {"amount": money(units, EMP_DECIMALS, "EMP"), "amount_base_units": str(units)}
            return told(contracts, receipt, **locked)

    with working("locking; a block or two"):
        done = run(work())
    show(done, as_json=as_json)


@stake.command("claim")
def claim(key: KeyName = None, as_json: AsJson = False) -> None:
    """Take the rewards of every currency."""
    settings = prepared(quiet=True)
    signer = wallet(settings, key)

    async def work() -> dict[str, Any]:
        async with trading(settings, signer) as (contracts, trader):
            return told(contracts, await trader.claim_rewards(await trader.currencies()))

    with working("claiming; a block or two"):
        done = run(work())
    show(done, as_json=as_json)
    if "received" not in done:
        say("there was nothing to claim yet: rewards arrive when fees are flushed, and stream over a week")
