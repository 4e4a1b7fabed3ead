"""`emporion market`: resale of passes, periods, credits and shares at a fixed price."""

from typing import Annotated, Any

import typer

from backend.chain.bindings import Contracts
from backend.cli.acting import acted, sent
from backend.cli.devnet.controls import seconds_of
from backend.cli.gateway_client import GatewayClient
from backend.cli.offers import Goods, lot_of, offers_of, royalty_of
from backend.cli.options import AsJson, GatewayUrl, KeyName, UnitsArgument
from backend.cli.outcomes import cost, told
from backend.cli.output import show_rows
from backend.cli.trading import Trader
from backend.cli.wiring import prepared, run

market = typer.Typer(help="Buy from holders, offer what you hold.", no_args_is_help=True)
ListingArgument = Annotated[int, typer.Argument(min=1, help="Its number, from `emporion market list`.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(market, name="market")


@market.command("list")
def list_offers(
    service: Annotated[int | None, typer.Option(min=1, help="Only of this service.")] = None,
    seller: Annotated[str | None, typer.Option(help="Only of this address.")] = None,
    gateway: GatewayUrl = None,
    as_json: AsJson = False,
) -> None:
    """Open offers, newest first; the royalty is taken from the price, the buyer pays nothing on top."""
    settings = prepared(quiet=True)

    async def work() -> list[dict[str, Any]]:
        async with GatewayClient.at(gateway or settings.base_url) as client:
            return await offers_of(client, service, seller)

    show_rows(run(work()), as_json=as_json, empty="no offer matches; `emporion search` finds what is on sale")


@market.command("offer")
def offer(
    goods: Annotated[int, typer.Argument(min=1, help="Plan id; with --shares the id of a service.")],
    units: UnitsArgument,
    price: Annotated[str, typer.Argument(help="For one unit, in the currency: 15 or 0.01.")],
    shares: Annotated[bool, typer.Option("--shares", help="Offer shares, 1,000,000 a service.")] = False,
    currency: Annotated[str | None, typer.Option(help="Its symbol; else the plan's, or the first.")] = None,
    lasts: Annotated[str, typer.Option("--for", help="How long, such as 12h or 30d.")] = "7d",
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Offer held units or shares; they stay in the wallet until somebody buys."""
    seconds = seconds_of(lasts)

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        lot = await lot_of(contracts, Goods(goods, shares), units, price, currency)
        receipt = await trader.sell(lot, seconds)
        listing = int(contracts.event(receipt, "Listed")["listingId"])
        asks = cost(contracts, lot.currency, lot.unit_price, "unit_price")
        royalty = await royalty_of(contracts, Goods(goods, shares), lot.currency, lot.unit_price)
        return told(contracts, receipt, listing=listing, units=units, **asks, **royalty)

    acted(work, key, as_json, "offering")


@market.command("buy")
def buy(
    listing: ListingArgument, units: UnitsArgument = 1, key: KeyName = None, as_json: AsJson = False
) -> None:
    """Buy a part of an offer: money and tokens change hands in one step."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        offered = await contracts.market.listing(listing)
        receipt = await trader.fill(listing, units)
        filled = contracts.event(receipt, "Filled")
        paid = cost(contracts, offered.currency, int(filled["cost"]))
        royalty = cost(contracts, offered.currency, int(filled["royalty"]), "royalty")
        bought = Goods(offered.id, offered.token == contracts.shares.address)
        return told(contracts, receipt, **bought.facts, units=units, **paid, **royalty)

    acted(work, key, as_json, "buying")


@market.command("cancel")
def cancel(listing: ListingArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Take an offer back; nobody can buy it any more."""
    sent(lambda c, trader: trader.send(c.market.cancel(listing)), key, as_json, cancelled=listing)
