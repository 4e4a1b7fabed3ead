"""`emporion buyer`: what a wallet does as a customer."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from backend.chain.client import Receipt
from backend.cli.gateway_client import GatewayClient
from backend.cli.options import AsJson, GatewayUrl, KeyName, PlanArgument, UnitsArgument
from backend.cli.outcomes import cost, told
from backend.cli.output import say, show, working
from backend.cli.trading import Trader, then_of
from backend.cli.wiring import prepared, run, trading, wallet
from backend.core.units import Then

buyer = typer.Typer(help="Buy, use up, return access; make API keys.", no_args_is_help=True)
Act = Callable[[Trader], Awaitable[Receipt]]


def register(app: typer.Typer) -> None:
    """Add these commands."""
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
    settings = prepared(quiet=True)
    signer = wallet(settings, key)

    async def work() -> dict[str, Any]:
        async with trading(settings, signer) as (contracts, trader):
            bought = await trader.buy(plan, units, then)
            paid = cost(contracts, bought.currency, bought.cost)
            return told(contracts, bought.receipt, plan=plan, units=units, **paid)

    with working("buying; a block or two"):
        done = run(work())
    show(done, as_json=as_json)


@buyer.command("activate")
def activate(
    plan: PlanArgument, units: UnitsArgument = 1, key: KeyName = None, as_json: AsJson = False
) -> None:
    """Turn held timed units into access."""
    _act(lambda trader: trader.activate(plan, units), key, as_json, plan=plan, units=units)


@buyer.command("deposit")
def deposit(plan: PlanArgument, units: UnitsArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Deposit held credits into the tab; the deposit is the most that can be spent."""
    _act(lambda trader: trader.deposit(plan, units), key, as_json, plan=plan, units=units)


@buyer.command("withdraw")
def withdraw(
    plan: PlanArgument,
    request: Annotated[
        bool, typer.Option("--request", help="Ask for it; it is ready after the delay.")
    ] = False,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Take deposited credits back: first with --request, then, after the delay, without."""

    async def act(trader: Trader) -> Receipt:
        return await (trader.request_withdrawal(plan) if request else trader.withdraw(plan))

    _act(act, key, as_json, plan=plan)


@buyer.command("refund")
def refund(plan: PlanArgument, units: UnitsArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Return unconsumed units of a refundable plan for the price paid."""
    settings = prepared(quiet=True)
    signer = wallet(settings, key)

    async def work() -> dict[str, Any]:
        async with trading(settings, signer) as (contracts, trader):
            receipt = await trader.refund(plan, units)
            terms = await contracts.access.terms(plan)
            amount = int(contracts.event(receipt, "Refunded")["amount"])
            back = cost(contracts, terms.currency, amount, "refunded")
            return told(contracts, receipt, plan=plan, units=units, **back)

    with working("refunding; a block or two"):
        done = run(work())
    show(done, as_json=as_json)


@buyer.command("key")
def make_key(
    name: Annotated[str, typer.Option(help="A name to remember it by.")] = "",
    gateway: GatewayUrl = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Sign in with the wallet and make an API key. It is shown this once."""
    settings = prepared(quiet=True)
    signer = wallet(settings, key)
    url = gateway or settings.base_url

    async def work() -> dict[str, Any]:
        async with GatewayClient.at(url) as client:
            await client.sign_in(signer)
            return await client.make_key(name)

    made = run(work())
    facts = {"id": made["id"], "key": made["key"], "scopes": made["scopes"], "base_url": f"{url}/v1"}
    show(facts, as_json=as_json)
    say("the key is shown this once. Any OpenAI client takes it:")
    say(f"  export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY={made['key']}")


def _act(act: Act, key: str | None, as_json: bool, **facts: Any) -> None:
    """One transaction of the wallet, and what it did."""
    settings = prepared(quiet=True)
    signer = wallet(settings, key)

    async def work() -> dict[str, Any]:
        async with trading(settings, signer) as (contracts, trader):
            return told(contracts, await act(trader), **facts)

    with working("sending the transaction; a block or two"):
        done = run(work())
    show(done, as_json=as_json)
