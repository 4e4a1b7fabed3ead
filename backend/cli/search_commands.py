"""`emporion search`: find services on sale at a gateway."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer

from backend.cli.gateway_client import GatewayClient
from backend.cli.options import AsJson, GatewayUrl
from backend.cli.outcomes import currency_of
from backend.cli.output import money, print_json, say, show_rows
from backend.cli.wiring import prepared, run
from backend.core.deployment import DeployedCurrency

_UNITS: Final = {"pass": "pass", "metered": "credit"}
_SPANS: Final = ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("search")(search)


def search(
    words: Annotated[list[str] | None, typer.Argument(help="Words in name, summary or tags.")] = None,
    kind: Annotated[str | None, typer.Option(help="model, dataset, compute or agent.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag it must have; may be repeated.")] = None,
    sort: Annotated[str | None, typer.Option(help="new, name, price, uptime, first_token or speed.")] = None,
    gateway: GatewayUrl = None,
    as_json: AsJson = False,
) -> None:
    """Find services on sale at a gateway; one line a plan."""
    settings = prepared(quiet=True)
    query = [("q", " ".join(words or [])), *(("tag", one) for one in tag or [])]
    query += [("kind", kind)] if kind else []
    query += [("sort", sort)] if sort else []

    async def work() -> tuple[list[dict[str, Any]], list[DeployedCurrency]]:
        async with GatewayClient.at(gateway or settings.base_url) as client:
            found = await client.ask("GET", f"/v1/services?{urlencode(query)}")
            return found["services"], await client.currencies()

    services, currencies = run(work())
    if as_json:
        return print_json(services)
    rows = [row for entry in services for row in listed(entry, currencies)]
    show_rows(rows, as_json=False, empty="no service matches; try fewer words")
    if told := unnamed(services):
        say(told)
    return None


def unnamed(services: Sequence[Mapping[str, Any]]) -> str:
    """What to say where the gateway does not have every service's document; empty where it has."""
    missing = [str(entry["id"]) for entry in services if entry["slug_model"] is None]
    if not missing:
        return ""
    return f"service {', '.join(missing)}: no name yet, the gateway has not had the document; try again soon"


def listed(entry: Mapping[str, Any], currencies: Sequence[DeployedCurrency]) -> Iterator[dict[str, Any]]:
    """A service's rows: one a plan, or one that says there is none."""
    seen = {"model": entry["model"], "name": entry["name"], "kind": entry["kind"]}
    for plan in entry["plans"]:
        yield seen | {"plan": plan["id"], "sells": plan["kind"], "price": price_of(plan, currencies)}
        seen = dict.fromkeys(seen, "")
    if not entry["plans"]:
        yield seen | {"plan": None, "sells": None, "price": None}


def price_of(plan: Mapping[str, Any], currencies: Sequence[DeployedCurrency]) -> str:
    """What a unit costs: `0.01 tUSD per credit`, `2 tUSD per day`."""
    line = currency_of(currencies, plan["currency"])
    amount = int(plan["unit_price"])
    unit = _UNITS.get(plan["kind"]) or span_of(plan["period_seconds"])
    price = f"{money(amount, line.decimals, line.symbol)} per {unit}" if amount else "free"
    return price if plan["sale_open"] else f"{price} (sale closed)"


def span_of(seconds: int) -> str:
    """A period in its largest whole unit: `day`, `30 days`."""
    size, name = next((size, name) for size, name in _SPANS if seconds % size == 0)
    count = seconds // size
    return name if count == 1 else f"{count} {name}s"
