"""`emporion buyer`: what a wallet does as a customer."""

from typing import Annotated, Any

import typer

from backend.chain.bindings import Contracts
from backend.chain.client import Receipt
from backend.cli import api_key_commands, holding_commands
from backend.cli.acting import acted, sent
from backend.cli.buyer_status import status
from backend.cli.options import AsJson, KeyName, PlanArgument, UnitsArgument
from backend.cli.outcomes import cost, told
from backend.cli.trading import Trader, then_of
from backend.core.errors import MalformedRequest
from backend.core.units import Then

buyer = typer.Typer(help="Buy, use up, return access; make API keys.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    buyer.command("status")(status)
    holding_commands.add_to(buyer)
    api_key_commands.add_to(buyer)
    app.add_typer(buyer, name="buyer")


@buyer.command("buy")
def buy(
    plan: PlanArgument,
    units: UnitsArgument = 1,
    hold: Annotated[bool, typer.Option("--hold", help="Keep the units in the wallet, unused.")] = False,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Buy units in one transaction; timed ones are activated and credits deposited, unless --hold."""
    then = Then.HOLD if hold else then_of(plan)

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        bought = await trader.buy(plan, units, then)
        paid = cost(contracts, bought.currency, bought.cost)
        return told(contracts, bought.receipt, plan=plan, units=units, **paid)

    acted(work, key, as_json, "buying")


@buyer.command("activate")
def activate(
    plan: PlanArgument, units: UnitsArgument = 1, key: KeyName = None, as_json: AsJson = False
) -> None:
    """Turn held timed units into access."""
    sent(lambda _, trader: trader.activate(plan, units), key, as_json, plan=plan, units=units)


@buyer.command("deposit")
def deposit(plan: PlanArgument, units: UnitsArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Deposit held credits into the tab; the deposit is the most that can be spent."""
    sent(lambda _, trader: trader.deposit(plan, units), key, as_json, plan=plan, units=units)


@buyer.command("withdraw")
def withdraw(
    plan: PlanArgument,
    request: Annotated[
        bool, typer.Option("--request", help="Ask for it; it is ready after the delay.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Take the request back; the credits give access again.")
    ] = False,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Take deposited credits back: first with --request, then, after the delay, without."""
    if request and cancel:
        raise MalformedRequest("give one of --request and --cancel")

    async def act(contracts: Contracts, trader: Trader) -> Receipt:
        if cancel:
            return await trader.send(contracts.escrow.cancel_withdrawal(plan))
        return await (trader.request_withdrawal(plan) if request else trader.withdraw(plan))

    sent(act, key, as_json, plan=plan)


@buyer.command("refund")
def refund(plan: PlanArgument, units: UnitsArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Return unconsumed units of a refundable plan for the price paid."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        receipt = await trader.refund(plan, units)
        terms = await contracts.access.terms(plan)
        amount = int(contracts.event(receipt, "Refunded")["amount"])
        back = cost(contracts, terms.currency, amount, "refunded")
        return told(contracts, receipt, plan=plan, units=units, **back)

    acted(work, key, as_json, "refunding")
