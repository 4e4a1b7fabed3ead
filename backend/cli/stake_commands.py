"""`emporion stake`: what a wallet does as a staker."""

from typing import Annotated, Any

import typer

from backend.chain.bindings import Contracts
from backend.cli.acting import acted, sent
from backend.cli.devnet.controls import seconds_of
from backend.cli.manifest import base_units
from backend.cli.options import AddressArgument, AsJson, EmpArgument, KeyName
from backend.cli.outcomes import EMP_DECIMALS, told
from backend.cli.output import print_json, say, show, show_rows
from backend.cli.signers import account
from backend.cli.stakes import stakes_of
from backend.cli.trading import Trader
from backend.cli.wiring import chain, prepared, run

stake = typer.Typer(help="Lock EMP for a score and claim its rewards.", no_args_is_help=True)

PositionArgument = Annotated[int, typer.Argument(min=0, help="Its number, from `emporion stake list`.")]
DurationArgument = Annotated[str, typer.Argument(help="How long, such as 90d.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(stake, name="stake")


@stake.command("list")
def list_positions(address: AddressArgument = None, key: KeyName = None, as_json: AsJson = False) -> None:
    """Positions with their scores and ends, and the rewards that can be claimed now."""
    settings = prepared(quiet=True)
    owner = account(settings, address, key)

    async def work() -> tuple[dict[str, Any], list[dict[str, Any]]]:
        async with chain(settings) as found:
            return await stakes_of(found.contracts, owner)

    facts, positions = run(work())
    if as_json:
        return print_json(facts | {"positions": positions})
    show(facts, as_json=False)
    return show_rows(positions, as_json=False, empty="nothing is locked; `emporion stake lock` does it")


@stake.command("lock")
def lock(
    amount: EmpArgument,
    duration: DurationArgument,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Lock EMP for a score: it earns the protocol's revenue and votes."""
    units, seconds = base_units(amount, EMP_DECIMALS), seconds_of(duration)
    sent(lambda _, trader: trader.lock(units, seconds), key, as_json)


@stake.command("increase")
def increase(
    position: PositionArgument, amount: EmpArgument, key: KeyName = None, as_json: AsJson = False
) -> None:
    """Add EMP to a running position; it is locked until the same end."""
    units = base_units(amount, EMP_DECIMALS)
    sent(lambda _, trader: trader.increase(position, units), key, as_json)


@stake.command("extend")
def extend(
    position: PositionArgument, duration: DurationArgument, key: KeyName = None, as_json: AsJson = False
) -> None:
    """Let a position end so long from now instead, for a higher score."""
    seconds = seconds_of(duration)
    sent(lambda c, trader: trader.send(c.vault.extend(position, seconds)), key, as_json)


@stake.command("compound")
def compound(position: PositionArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Add the EMP that was earned to a running position."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        return told(contracts, await trader.send(contracts.vault.compound(position)))

    if "compounded" not in acted(work, key, as_json, "compounding"):
        say("there was no EMP to compound yet; rewards in other currencies are taken by `stake claim`")


@stake.command("unlock")
def unlock(position: PositionArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Take the EMP of an ended position out."""
    sent(lambda c, trader: trader.send(c.vault.unlock(position, trader.address)), key, as_json)


@stake.command("claim")
def claim(key: KeyName = None, as_json: AsJson = False) -> None:
    """Take the rewards of every currency."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        return told(contracts, await trader.claim_rewards(await trader.currencies()))

    if "received" not in acted(work, key, as_json, "claiming"):
        say("there was nothing to claim yet: rewards arrive when fees are flushed, and stream over a week")
