"""`emporion buyer status`: what a wallet holds, may use, and can have back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.cli.acting import asked
from backend.cli.gateway_client import GatewayClient
from backend.cli.options import AsJson, GatewayUrl, KeyName
from backend.cli.outcomes import currency_of, emp, moment
from backend.cli.output import money, print_json, show, show_rows
from backend.core.deployment import DeployedCurrency
from backend.core.units import MICRO, checksum
from backend.signing.keys import Signer


@dataclass(frozen=True, slots=True)
class Tab:
    """Micro-credits that can be spent now, and whole credits that a withdrawal brings back."""

    left: int
    returnable: int


Told = tuple[dict[str, Any], list[dict[str, Any]]]
"""Facts of the wallet, and a row for each plan it has something of."""


def status(gateway: GatewayUrl = None, key: KeyName = None, as_json: AsJson = False) -> None:
    """What the wallet holds, until when it has access, what is left of its credits and can be had back."""

    async def question(client: GatewayClient, wallet: Signer) -> Told:
        return await _told(client, checksum(wallet.address))

    facts, holdings = asked(question, gateway, key)
    if as_json:
        return print_json(facts | {"holdings": holdings})
    show(facts, as_json=False)
    return show_rows(holdings, as_json=False, empty="nothing bought yet; `emporion search` finds services")


async def _told(client: GatewayClient, wallet: str) -> Told:
    account = await client.ask("GET", f"/v1/accounts/{wallet}")
    now = (await client.ask("GET", "/v1/network"))["block_timestamp"]
    currencies = await client.currencies()
    services: dict[int, Mapping[str, Any]] = {}
    rows = []
    for held in account["plans"]:
        number = held["service_id"]
        if number not in services:
            services[number] = await client.ask("GET", f"/v1/services/{number}")
        rows.append(holding(held, services[number], await _tab(client, held), now, currencies))
    facts = {"address": wallet, **emp(int(account["emp"]), "in_wallet"), "block": account["block_number"]}
    return facts, rows


async def _tab(client: GatewayClient, held: Mapping[str, Any]) -> Tab | None:
    """What the gateway knows of a tab beside the chain: what was served and is not settled yet."""
    if held["kind"] != "metered" or held["deposited"] == "0":
        return None
    tab = await client.ask("GET", f"/v1/credits/{held['plan_id']}")
    return Tab(int(tab["available_micro_credits"]), int(tab["returnable_credits"]))


def holding(
    held: Mapping[str, Any],
    service: Mapping[str, Any],
    tab: Tab | None,
    now: int,
    currencies: Sequence[DeployedCurrency],
) -> dict[str, Any]:
    """What there is of one plan at the unix time `now`."""
    terms = next(plan for plan in service["plans"] if plan["id"] == held["plan_id"])
    line = currency_of(currencies, terms["currency"])
    back = refundable_at_most(held, terms, service["status"], tab)
    metered = held["kind"] == "metered"
    return {
        "plan": held["plan_id"],
        "service": held["service_id"],
        "name": service["name"],
        "kind": held["kind"],
        "units": held["units"],
        "access": _access(held, now),
        "in_tab": held["deposited"] if metered else None,
        "left": None if tab is None else f"{tab.left / MICRO:.6f}".rstrip("0").rstrip("."),
        "daily_limit": held["daily_limit"] or None,
        "vouchers": bool(held["vouchers"]),
        "refundable": money(back, line.decimals, line.symbol),
        "refundable_base_units": str(back),
        "withdrawal": _withdrawal(held["withdraw_at"], now),
    }


def refundable_at_most(
    held: Mapping[str, Any], terms: Mapping[str, Any], status: str, tab: Tab | None
) -> int:
    """Base units that units not used are worth, where the plan or the end of its service lets them go back.

    Credits of a tab come back through a withdrawal, less what was served and is not settled yet.
    """
    if held["kind"] == "pass" or not (terms["refundable"] or status == "retired"):
        return 0
    inside = 0 if tab is None else tab.returnable
    return (int(held["units"]) + inside) * int(terms["unit_price"])


def _access(held: Mapping[str, Any], now: int) -> str | None:
    if held["kind"] == "pass":
        return "while it is held" if held["units"] != "0" else None
    if held["kind"] == "metered" or not held["access_until"]:
        return None
    return f"{'until' if held['access_until'] > now else 'ended'} {moment(held['access_until'])}"


def _withdrawal(ready: int, now: int) -> str | None:
    if not ready:
        return None
    return f"ready {moment(ready)}" if ready > now else "ready now"
