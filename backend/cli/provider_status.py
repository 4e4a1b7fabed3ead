"""`emporion provider status`: how a wallet's services do, from the gateway's API for providers."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from backend.cli.acting import asked
from backend.cli.gateway_client import GatewayClient
from backend.cli.options import AsJson, GatewayUrl, KeyName
from backend.cli.outcomes import emp, moment, moneys
from backend.cli.output import print_json, show, show_rows
from backend.core.deployment import DeployedCurrency
from backend.core.errors import NotFound
from backend.core.units import MICRO, checksum
from backend.signing.keys import Signer

DAY: Final = 86_400
_COLUMNS: Final = (
    "service", "name", "status", "calls", "failed", "used", "revenue", "claimable", "unsettled_credits",
    "rating", "open_disputes", "bond",
)  # fmt: skip
"""What a line of the table has of a service's facts."""


@dataclass(frozen=True, slots=True)
class Books:
    """What the gateway says of all services of a wallet: its account, their revenue, the currencies."""

    account: Mapping[str, Any]
    revenue: Mapping[str, Any]
    currencies: Sequence[DeployedCurrency]


def status(
    service: Annotated[
        int | None, typer.Argument(min=1, help="Service id; else all of the wallet's.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Days that calls are counted over.")] = 30,
    gateway: GatewayUrl = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Tell how services do: calls, money earned and to come, speed, ratings, disputes, bond."""

    async def question(client: GatewayClient, wallet: Signer) -> list[dict[str, Any]]:
        return await _told(client, checksum(wallet.address), service, days)

    found = asked(question, gateway, key)
    if service is not None:
        show(found[0], as_json=as_json)
    elif as_json:
        print_json(found)
    else:
        rows = [{name: facts[name] for name in _COLUMNS} for facts in found]
        show_rows(rows, as_json=False, empty="no service yet; `emporion provider publish` makes one")


async def _told(client: GatewayClient, wallet: str, service: int | None, days: int) -> list[dict[str, Any]]:
    """The facts of each service. Raises NotFound where the one asked for is not the wallet's."""
    owned = (await client.ask("GET", "/v1/provider/services"))["services"]
    wanted = sorted(int(one["id"]) for one in owned if service in (None, one["id"]))
    if service is not None and not wanted:
        raise NotFound(
            f"service {service} is not of {wallet}; `emporion provider status` lists those that are"
        )
    books = Books(
        await client.ask("GET", f"/v1/accounts/{wallet}"),
        await client.ask("GET", "/v1/provider/revenue"),
        await client.currencies(),
    )
    return [await _of(client, one, days, books) for one in wanted]


async def _of(client: GatewayClient, service: int, days: int, books: Books) -> dict[str, Any]:
    listed = await client.ask("GET", f"/v1/services/{service}")
    since = f"by=plan&from={int(time.time()) - days * DAY}"
    figures = await client.ask("GET", f"/v1/provider/services/{service}/analytics?{since}")
    reviews = await client.ask("GET", f"/v1/services/{service}/reviews")
    facts = {"service": service, "model": listed["model"], "name": listed["name"], "status": listed["status"]}
    return facts | use_of(listed, figures, days) | money_of(service, books) | trust_of(listed, reviews)


def use_of(listed: Mapping[str, Any], figures: Mapping[str, Any], days: int) -> dict[str, Any]:
    """Calls, what was measured in and out, and how long calls took, of the days."""
    rows = figures["rows"]
    measures = {plan["id"]: plan["rate_card"]["measure"] for plan in listed["plans"]}
    units: Counter[str] = Counter()
    for row in rows:
        name = measures.get(row["plan_id"], "units")
        units[f"{name} in"] += int(row["units_in"])
        units[f"{name} out"] += int(row["units_out"])
    return {
        "days": days,
        **{name: sum(row[name] for row in rows) for name in ("calls", "failed", "partial")},
        "used": [f"{count:,} {name}" for name, count in units.items() if count],
        "used_base_units": {name: str(count) for name, count in units.items()},
        "first_byte_ms": figures["first_byte"]["p50"],
        "latency_ms": figures["latency"]["p50"],
        "latency_p99_ms": figures["latency"]["p99"],
    }


def money_of(service: int, books: Books) -> dict[str, Any]:
    """What was released, what this wallet may claim now, and what comes when."""
    plans = [plan for plan in books.revenue["plans"] if plan["service_id"] == service]
    revenue: Counter[int] = Counter()
    aside: Counter[int] = Counter()
    for plan in plans:
        revenue[plan["currency"]] += int(plan["revenue"])
        aside[plan["currency"]] += int(plan["paid"]) - int(plan["refunded"]) - int(plan["revenue"])
    shares = (one["claimable"] for one in books.account["shares"] if one["service_id"] == service)
    claimable = {int(index): int(amount) for index, amount in next(shares, {}).items()}
    unsettled = sum(int(plan["unsettled_micro_credits"]) for plan in plans)
    return {
        **moneys(books.currencies, revenue, "revenue"),
        **moneys(books.currencies, claimable, "claimable"),
        **moneys(books.currencies, aside, "set_aside_for_buyers"),
        "unsettled_credits": f"{unsettled / MICRO:,.6f}".rstrip("0").rstrip("."),
        "unsettled_micro_credits": str(unsettled),
        "settles_within_seconds": books.revenue["settles_within_seconds"],
    }


def trust_of(listed: Mapping[str, Any], reviews: Mapping[str, Any]) -> dict[str, Any]:
    """Ratings, disputes and the bond."""
    count = reviews["count"]
    unbonding = int(listed["unbonding"] or 0)
    leaving = emp(unbonding, "unbonding") | {"unbond_requested": moment(listed["unbond_requested_at"] or 0)}
    return {
        "rating": f"{reviews['total'] / count:.1f} of {count}" if count else None,
        "open_disputes": listed["open_disputes"],
        **emp(int(listed["bond"] or 0), "bond"),
        **(leaving if unbonding else {}),
    }
