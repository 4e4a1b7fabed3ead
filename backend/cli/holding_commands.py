"""`emporion buyer rate` and the like: what a holder does beside buying and using up."""

from typing import Annotated, Any, Final

import typer

from backend.chain.bindings import Contracts
from backend.cli.acting import acted, sent
from backend.cli.gateway_client import GatewayClient
from backend.cli.options import AsJson, GatewayUrl, KeyName, PlanArgument, UnitsArgument
from backend.cli.outcomes import told
from backend.cli.trading import Trader
from backend.cli.wiring import prepared
from backend.core.errors import Conflict
from backend.core.units import ZERO_HASH, Hash32, PlanId, checksum, hex_of, to_address

_VOUCHERS: Final = 1


def add_to(buyer: typer.Typer) -> None:
    """Add these commands."""
    buyer.command("rate")(rate)
    buyer.command("daily-limit")(daily_limit)
    buyer.command("give")(give)


def rate(
    plan: PlanArgument,
    stars: Annotated[int, typer.Argument(min=1, max=5, help="1 to 5.")],
    text: Annotated[str, typer.Option(help="Words to go with it, kept by the gateway.")] = "",
    gateway: GatewayUrl = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Rate the service of a plan that was paid for and used; it replaces what the wallet said before."""
    url = gateway or prepared(quiet=True).base_url

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        if not await contracts.reviews.may_review(PlanId(plan), trader.address):
            raise Conflict(
                f"{checksum(trader.address)} has not paid for a unit of plan {plan} and used it; only "
                "who did may rate the service"
            )
        content = await _kept(url, trader, text) if text else ZERO_HASH
        receipt = await trader.send(contracts.reviews.review(PlanId(plan), stars, content))
        return told(contracts, receipt, plan=plan, rating=stars, text=hex_of(content) if text else None)

    acted(work, key, as_json, "rating")


async def _kept(url: str, trader: Trader, text: str) -> Hash32:
    """The hash of a review's words, kept by the gateway before the chain names them."""
    async with GatewayClient.at(url) as client:
        await client.sign_in(trader.key)
        content, _ = await client.put_document({"emporion": "review/1", "text": text})
        return content


def daily_limit(
    plan: PlanArgument,
    limit: Annotated[int, typer.Argument(min=0, metavar="CREDITS", help="Most a UTC day; 0 for none.")],
    vouchers: Annotated[
        bool | None,
        typer.Option("--vouchers/--no-vouchers", help="Whether settling needs vouchers; else as it is."),
    ] = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Cap what the tab of a plan spends a day; it must be empty when that is set."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        tab = await contracts.escrow.tab(plan, trader.address)
        demanded = bool(tab.flags & _VOUCHERS) if vouchers is None else vouchers
        set_options = contracts.escrow.set_tab_options(plan, demanded, limit)
        return told(contracts, await trader.send(set_options), plan=plan)

    acted(work, key, as_json)


def give(
    plan: PlanArgument,
    units: UnitsArgument,
    to: Annotated[str, typer.Argument(help="Whose they will be; a wallet's address.")],
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Send held units to another wallet, where the plan lets them move; access goes with them."""
    receiver = to_address(to)
    sent(
        lambda c, trader: trader.send(c.access.transfer(trader.address, receiver, plan, units)),
        key,
        as_json,
        plan=plan,
        units=units,
        to=checksum(receiver),
    )
