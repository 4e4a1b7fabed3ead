"""What holders offer each other: units of plans and shares, their prices, and whose the royalty is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.chain.bindings import Contracts
from backend.cli.gateway_client import GatewayClient
from backend.cli.manifest import base_units
from backend.cli.outcomes import cost, currency_of, moment, named
from backend.cli.output import money
from backend.cli.trading import Lot
from backend.core.deployment import DeployedCurrency
from backend.core.units import BPS_WHOLE, checksum, plan_kind, plan_service, to_address

MOST: Final = 200
"""Offers that the gateway tells at once."""


@dataclass(frozen=True, slots=True)
class Goods:
    """What is offered: units of the plan `token_id`, or shares of the service `token_id`."""

    token_id: int
    shares: bool

    @property
    def service(self) -> int:
        """The service they are of."""
        return self.token_id if self.shares else plan_service(self.token_id)

    @property
    def facts(self) -> dict[str, Any]:
        """What it is, of what; `plan` is None for shares."""
        what = "shares" if self.shares else plan_kind(self.token_id).name.lower()
        return {"what": what, "service": self.service, "plan": None if self.shares else self.token_id}

    def royalty_down(self, price: int, bps: int) -> int:
        """What share holders get of a price, as the market rounds it; shares pay none."""
        return 0 if self.shares else price * bps // BPS_WHOLE


async def offers_of(client: GatewayClient, service: int | None, seller: str | None) -> list[dict[str, Any]]:
    """Open offers as rows, with the names of what they are of."""
    owner = None if seller is None else checksum(to_address(seller))
    deployment = (await client.ask("GET", "/v1/deployment?abi=false"))["chains"][0]
    shares = deployment["contracts"]["RevenueShares"]["address"]
    currencies = [DeployedCurrency(**line) for line in deployment["currencies"]]
    services: dict[int, Mapping[str, Any]] = {}
    rows = []
    for one in (await client.ask("GET", f"/v1/listings?limit={MOST}"))["listings"]:
        goods = Goods(int(one["token_id"]), one["token"] == shares)
        if service not in (None, goods.service) or owner not in (None, one["seller"]):
            continue
        if goods.service not in services:
            services[goods.service] = await client.ask("GET", f"/v1/services/{goods.service}")
        rows.append(_row(one, goods, services[goods.service], currencies))
    return rows


def _row(
    one: Mapping[str, Any], goods: Goods, service: Mapping[str, Any], currencies: Sequence[DeployedCurrency]
) -> dict[str, Any]:
    line, price = currency_of(currencies, one["currency"]), int(one["unit_price"])
    terms = {plan["id"]: plan["royalty_bps"] for plan in service["plans"]}
    royalty = goods.royalty_down(price, terms.get(goods.token_id, 0))
    return {
        "listing": one["id"],
        **goods.facts,
        "name": service["name"],
        "units": one["units"],
        "unit_price": money(price, line.decimals, line.symbol),
        "unit_price_base_units": str(price),
        "royalty": money(royalty, line.decimals, line.symbol),
        "royalty_base_units": str(royalty),
        "royalty_to": _royalty_to(goods, royalty),
        "seller": one["seller"],
        "until": moment(one["expiry"]),
    }


async def lot_of(contracts: Contracts, goods: Goods, units: int, price: str, symbol: str | None) -> Lot:
    """What is offered at what price. Raises Unprocessable for a currency or price that is none."""
    lines = contracts.deployment.currencies
    if symbol is None:
        index = 0 if goods.shares else (await contracts.access.terms(goods.token_id)).currency
        line = currency_of(lines, index)
    else:
        line = named(lines, symbol)
    token = contracts.shares if goods.shares else contracts.access
    return Lot(token, goods.token_id, units, base_units(price, line.decimals), line.index)


async def royalty_of(contracts: Contracts, goods: Goods, currency: int, price: int) -> dict[str, Any]:
    """What share holders get of the price of one unit, and who they are."""
    bps = 0 if goods.shares else (await contracts.access.terms(goods.token_id)).royalty_bps
    royalty = goods.royalty_down(price, bps)
    return cost(contracts, currency, royalty, "royalty") | {"royalty_to": _royalty_to(goods, royalty)}


def _royalty_to(goods: Goods, royalty: int) -> str | None:
    return f"share holders of service {goods.service}" if royalty else None
