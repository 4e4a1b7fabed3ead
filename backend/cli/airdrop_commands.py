"""`emporion airdrop`: an account's first EMP."""

from pathlib import Path
from typing import Annotated, Any

import typer

from backend.chain.airdrop import read_award
from backend.chain.bindings import Contracts
from backend.cli.acting import acted
from backend.cli.options import AsJson, KeyName
from backend.cli.outcomes import emp, told
from backend.cli.trading import Trader
from backend.core.errors import Conflict

airdrop = typer.Typer(help="Take the EMP a deployment gave to this wallet.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(airdrop, name="airdrop")


@airdrop.command("claim")
def claim(
    proofs: Annotated[Path, typer.Argument(help="The airdrop.json that `emporion deploy` wrote.")],
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Take this wallet's part of the airdrop, within a year of the deployment."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        award, proof = read_award(proofs, trader.address)
        if await contracts.distributor.claimed(award.index):
            raise Conflict(f"award {award.index} of {proofs} was paid already")
        send = contracts.distributor.claim(award.index, award.account, award.amount, proof)
        return told(contracts, await trader.send(send), **emp(award.amount, "received"))

    acted(work, key, as_json, "claiming")
