"""`emporion buyer`, `emporion stake`, `emporion search`: what a wallet does as a customer and as a staker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from backend.chain.client import Receipt
from backend.cli.devnet.controls import seconds_of
from backend.cli.gateway_client import GatewayClient
from backend.cli.manifest import base_units
from backend.cli.output import money, say, show, show_rows
from backend.cli.publishing import EMP_DECIMALS
from backend.cli.trading import Trader, then_of
from backend.cli.wiring import chain, prepared, run, wallet
from backend.core.settings import Settings
from backend.core.units import Then, hex_of

buyer = typer.Typer(help="Buy, use up, return access; make API keys.", no_args_is_help=True)
stake = typer.Typer(help="Lock EMP for a score and claim its rewards.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeyName = Annotated[str | None, typer.Option("--key", help="Keystore that signs; else the settings' key.")]
PlanArgument = Annotated[int, typer.Argument(help="Plan id.")]
UnitsArgument = Annotated[int, typer.Argument(min=1, help="How many units.")]
GatewayUrl = Annotated[
    str | None, typer.Option("--gateway", help="The gateway's URL; else the one of the settings.")
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(buyer, name="buyer")
    app.add_typer(stake, name="stake")
    app.command("search")(search)


@asynccontextmanager
async def trading(settings: Settings, key: str | None) -> AsyncIterator[Trader]:
    """The wallet of a command, before the contracts."""
    signer = wallet(settings, key)
    async with chain(settings) as found:
        yield Trader(found.contracts, signer, found.sender(signer))


def _told(receipt: Receipt, **facts: Any) -> dict[str, Any]:
    mined = {"transaction": hex_of(receipt.tx_hash), "block": receipt.block_number, "gas": receipt.gas_used}
    return facts | mined


@buyer.command("buy")
def buy(
    plan: PlanArgument,
    units: UnitsArgument = 1,
    hold: Annotated[bool, typer.Option("--hold", help="Keep the units in the wallet, unused.")] = False,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Buy units in one transaction; timed ones are activated and credits deposited, unless --hold."""
    settings = prepared()

    async def work() -> dict[str, Any]:
        async with trading(settings, key) as trader:
            bought = await trader.buy(plan, units, Then.HOLD if hold else then_of(plan))
            return _told(bought.receipt, plan=plan, units=units, cost_base_units=bought.cost)

    show(run(work()), as_json=as_json)


@buyer.command("activate")
def activate(
    plan: PlanArgument, units: UnitsArgument = 1, key: KeyName = None, as_json: AsJson = False
) -> None:
    """Turn held timed units into access."""
    settings = prepared()

    async def work() -> dict[str, Any]:
        async with trading(settings, key) as trader:
            return _told(await trader.activate(plan, units), plan=plan, units=units)

    show(run(work()), as_json=as_json)


@buyer.command("deposit")
def deposit(plan: PlanArgument, units: UnitsArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Deposit held credits into the tab; the deposit is the most that can be spent."""
    settings = prepared()

    async def work() -> dict[str, Any]:
        async with trading(settings, key) as trader:
            return _told(await trader.deposit(plan, units), plan=plan, units=units)

    show(run(work()), as_json=as_json)


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
    settings = prepared()

    async def work() -> dict[str, Any]:
        async with trading(settings, key) as trader:
            receipt = await (trader.request_withdrawal(plan) if request else trader.withdraw(plan))
            return _told(receipt, plan=plan)

    show(run(work()), as_json=as_json)


@buyer.command("refund")
def refund(plan: PlanArgument, units: UnitsArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Return unconsumed units of a refundable plan for the price paid."""
    settings = prepared()

    async def work() -> dict[str, Any]:
        async with trading(settings, key) as trader:
            return _told(await trader.refund(plan, units), plan=plan, units=units)

    show(run(work()), as_json=as_json)


@buyer.command("key")
def make_key(
    name: Annotated[str, typer.Option(help="A name to remember it by.")] = "",
    gateway: GatewayUrl = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Sign in with the wallet and make an API key. It is shown this once."""
    settings = prepared()
    signer = wallet(settings, key)

    async def work() -> dict[str, Any]:
        async with GatewayClient.at(gateway or settings.base_url) as client:
            await client.sign_in(signer)
            return await client.make_key(name)

    made = run(work())
    show({"id": made["id"], "key": made["key"], "scopes": made["scopes"]}, as_json=as_json)
    say("keep it now: it is not shown again")


@stake.command("lock")
def lock(
    amount: Annotated[str, typer.Argument(help="EMP, such as 1000 or 0.5.")],
    duration: Annotated[str, typer.Argument(help="How long, such as 90d.")],
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Lock EMP for a score: it earns the protocol's revenue and votes."""
    settings = prepared()
    units = base_units(amount, EMP_DECIMALS)

    async def work() -> dict[str, Any]:
        async with trading(settings, key) as trader:
            return _told(await trader.lock(units, seconds_of(duration)), amount=money(units, 18, "EMP"))

    show(run(work()), as_json=as_json)


@stake.command("claim")
def claim(key: KeyName = None, as_json: AsJson = False) -> None:
    """Take the rewards of every currency."""
    settings = prepared()

    async def work() -> dict[str, Any]:
        async with trading(settings, key) as trader:
            return _told(await trader.claim_rewards(await trader.currencies()))

    show(run(work()), as_json=as_json)


def search(
    words: Annotated[list[str] | None, typer.Argument(help="Words in name, summary or tags.")] = None,
    gateway: GatewayUrl = None,
    as_json: AsJson = False,
) -> None:
    """Find services on sale at a gateway."""
    settings = prepared()
    query = urlencode({"q": " ".join(words or []), "on_sale": True})

    async def work() -> list[dict[str, Any]]:
        async with GatewayClient.at(gateway or settings.base_url) as client:
            found = await client.ask("GET", f"/v1/services?{query}")
            return list(found["services"])

    show_rows([_found(entry) for entry in run(work())], as_json=as_json, empty="no service matches")


def _found(entry: dict[str, Any]) -> dict[str, Any]:
    plans = ", ".join(f"{plan['id']} ({plan['kind']})" for plan in entry["plans"])
    return {
        "id": entry["id"],
        "name": entry["name"],
        "model": entry["model"],
        "kind": entry["kind"],
        "plans": plans,
    }
