"""`emporion stake`: what a wallet does as a staker."""

from typing import Annotated, Any

import typer

from backend.chain.bindings import Contracts
from backend.cli.acting import acted, sent
from backend.cli.devnet.controls import seconds_of
from backend.cli.manifest import base_units
from backend.cli.options import AsJson, EmpArgument, KeyName
from backend.cli.outcomes import EMP_DECIMALS, emp, told
from backend.cli.output import say
from backend.cli.trading import Trader

stake = typer.Typer(help="Lock EMP for a score and claim its rewards.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(stake, name="stake")


@stake.command("lock")
def lock(
    amount: EmpArgument,
    duration: Annotated[str, typer.Argument(help="How long, such as 90d.")],
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Lock EMP for a score: it earns the protocol's revenue and votes."""
    units, seconds = base_units(amount, EMP_DECIMALS), seconds_of(duration)
    sent(lambda _, trader: trader.lock(units, seconds), key, as_json, **emp(units, "amount"))


@stake.command("claim")
def claim(key: KeyName = None, as_json: AsJson = False) -> None:
    """Take the rewards of every currency."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        return told(contracts, await trader.claim_rewards(await trader.currencies()))

    if "received" not in acted(work, key, as_json, "claiming"):
        say("there was nothing to claim yet: rewards arrive when fees are flushed, and stream over a week")
