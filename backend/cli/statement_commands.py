"""`emporion statement` and `emporion prices`: an account's books, and what money was worth."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from backend.cli.options import AddressArgument, AsJson, KeyName
from backend.cli.output import money, print_json, say, show_rows
from backend.cli.price_feeds import ChainFeeds, read_feeds
from backend.cli.signers import account
from backend.cli.stores import gateway_store
from backend.cli.wiring import node, prepared, run
from backend.core.deployment import read_deployment
from backend.core.errors import MalformedRequest
from backend.core.settings import Settings
from backend.core.units import Address
from backend.pricing.service import QUOTE, FeedPrices, FilePrices, FirstOf, Source, StoredPrices
from backend.statements.basis import Method
from backend.statements.ledger import Line
from backend.statements.periods import Period, period_of, written
from backend.statements.replies import basis_missing, gas_missing, reply_of
from backend.statements.service import Statement, Statements
from backend.statements.sheet import asset_name, quantity_text, sheet_of
from backend.statements.valuation import VALUE_DECIMALS, plain

QuoteName = Annotated[str, typer.Option("--quote", help="Currency that values are in.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("statement")(statement)
    app.command("prices")(prices)


def statement(
    address: AddressArgument = None,
    start: Annotated[str | None, typer.Option("--from", help="First day, such as 2026-01-01.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="The day after the last.")] = None,
    method: Annotated[str, typer.Option(help="Cost basis: fifo or average.")] = "fifo",
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write a CSV file with Form 8949's columns.")
    ] = None,
    prices_file: Annotated[
        Path | None, typer.Option("--prices", help="CSV file of prices to use first.")
    ] = None,
    feed: Annotated[
        list[str] | None,
        typer.Option(
            help="EMP=0x...: a price feed (AggregatorV3) in the quote, asked last; may be repeated."
        ),
    ] = None,
    quote: QuoteName = QUOTE,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """What an account bought, used, earned and sold, from the local index."""
    settings, period = prepared(quiet=True), period_of(start, end)
    owner = account(settings, address, key)
    text = None if prices_file is None else _text_of(prices_file)
    sources = _Sources(quote, text, read_feeds(feed or []))
    made = run(_made(settings, owner, period, _method(method), sources))
    if csv is not None:
        csv.write_text(sheet_of(made), encoding="utf-8", newline="")
        say(f"wrote {len(made.lines)} lines to {csv}")
    elif as_json:
        print_json(reply_of(made).model_dump())
    else:
        show_rows([_row(line, made) for line in made.lines], as_json=False, empty="nothing happened then")
    _tell_missing(made)


def prices(
    file: Annotated[Path, typer.Argument(help="CSV: time,currency,quote,price")],
) -> None:
    """Keep prices of currencies for statements; a line of the same time replaces the one before."""
    settings, text = prepared(quiet=True), _text_of(file)

    async def work() -> int:
        async with gateway_store(settings) as store:
            return await StoredPrices(store).keep(text, file.name)

    say(f"kept {run(work())} prices")


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where prices come from, besides those that were kept."""

    quote: str
    file: str | None
    feeds: dict[str, Address]


async def _made(
    settings: Settings, account: Address, period: Period, method: Method, wanted: _Sources
) -> Statement:
    deployment = read_deployment(settings.deployment_path)
    async with gateway_store(settings) as store, node(settings) as client:
        sources: list[Source] = [] if wanted.file is None else [FilePrices(wanted.file, wanted.quote)]
        sources.append(StoredPrices(store, wanted.quote))
        if wanted.feeds:
            sources.append(FeedPrices(ChainFeeds(client, wanted.feeds), wanted.quote))
        return await Statements(store, deployment, FirstOf(*sources)).statement(account, period, method)


def _method(text: str) -> Method:
    known: dict[str, Literal["fifo", "average"]] = {"fifo": "fifo", "average": "average"}
    if text not in known:
        raise MalformedRequest(f"{text[:40]!r} is no method of costing; take fifo or average")
    return known[text]


def _text_of(path: Path) -> str:
    """A file's text. Raises MalformedRequest where there is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedRequest(f"cannot read {path} as UTF-8 text: {error}") from None


def _row(line: Line, made: Statement) -> dict[str, Any]:
    entry = line.entry
    return {
        "time": written(entry.event.time),
        "class": entry.category.value,
        "what": entry.kind,
        "asset": asset_name(entry.asset, made),
        "quantity": quantity_text(line, made),
        "amount": _money(entry.amount, entry.currency, made),
        "cash": _money(entry.cash, entry.currency, made) if entry.cash else None,
        f"value {made.quote}": None if line.value is None else plain(line.value, VALUE_DECIMALS),
        "gain": None if line.gain is None else _money(line.gain, entry.currency, made),
    }


def _money(amount: int, currency: int | None, made: Statement) -> str | None:
    if currency is None:
        return None
    line = made.currencies[currency]
    sign, size = ("-", -amount) if amount < 0 else ("", amount)
    return sign + money(size, line.decimals, line.symbol)


def _tell_missing(made: Statement) -> None:
    """What is blank, and how to fill it."""
    if unpriced := sum(line.price_missing for line in made.lines):
        advice = "add them with `emporion prices FILE` or --prices"
        say(f"{unpriced} lines have no price in {made.quote}; {advice}")
    if unknown := sum(basis_missing(line) for line in made.lines):
        say(f"{unknown} disposals have an unknown cost: the units came from outside this market")
    if young := gas_missing(made):
        say(f"the gas of {young} transactions is not known yet: it is read from final blocks")
