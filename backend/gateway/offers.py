"""What would help a caller who is refused for want of access: plans to buy, credits to deposit, units to
activate.

Made from the indexed terms alone. Each offer carries its transactions in order, ready to be signed by the
caller.
"""

from dataclasses import dataclass
from typing import Any, Final

from backend.core.deployment import Deployment
from backend.core.units import Address, PlanKind, ServiceStatus, Then, Units, UnixTime, checksum
from backend.entitlement.schemas import Owned, Standing, Terms
from backend.gateway.call_data import encode_call
from backend.meter.pricing import units_up

OFFER_SECONDS: Final = 3_600
"""How long an offer's transactions may be sent; the price itself never changes."""
_THEN: Final = {
    PlanKind.PASS: Then.HOLD,
    PlanKind.TIMED: Then.ACTIVATE,
    PlanKind.METERED: Then.DEPOSIT,
}


@dataclass(frozen=True, slots=True)
class Need:
    """What a caller wanted: the worst case of the request in micro-credits, by plan where that is known."""

    now: UnixTime
    worst: dict[int, int]

    def units(self, terms: Terms) -> Units:
        """Units of a plan that would let the request pass: at least one."""
        if terms.kind is not PlanKind.METERED:
            return Units(1)
        return Units(max(units_up(self.worst.get(terms.plan_id, 0)), 1))


class Offers:
    """Writes offers for one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._currencies = {entry.index: entry for entry in deployment.currencies}

    def for_standing(self, standing: Standing, need: Need) -> list[dict[str, Any]]:
        """Deposits and activations first, which cost nothing more, then purchases by price."""
        own = [offer for one in standing.owned if (offer := self._of_owned(one, standing.holder)) is not None]
        if standing.service.status is not ServiceStatus.ACTIVE:
            return own
        sold = [one for one in standing.owned if _sells(one.terms, need)]
        sold.sort(key=lambda one: (one.terms.kind, one.terms.unit_price * need.units(one.terms)))
        return own + [self._purchase(one.terms, standing.holder, need) for one in sold]

    def _of_owned(self, one: Owned, holder: Address) -> dict[str, Any] | None:
        if one.units <= 0 or one.terms.kind is PlanKind.PASS:
            return None
        if one.terms.kind is PlanKind.TIMED:
            call = self._call("AccessToken", "activate", [one.terms.plan_id, 1, checksum(holder)])
            return {**self._head(one.terms, "activate", Units(1)), "transactions": [call]}
        escrow = self._deployment.address("UsageEscrow")
        calls = [
            self._call("AccessToken", "setApprovalForAll", [escrow, True]),
            self._call("UsageEscrow", "deposit", [one.terms.plan_id, one.units]),
        ]
        return {**self._head(one.terms, "deposit", one.units), "transactions": calls}

    def _purchase(self, terms: Terms, holder: Address, need: Need) -> dict[str, Any]:
        units = need.units(terms)
        cost = terms.unit_price * units
        deadline = need.now + OFFER_SECONDS
        then = _THEN[terms.kind]
        arguments = [terms.plan_id, units, checksum(holder), cost, deadline, int(then)]
        calls = [self._call("AccessToken", "buy", arguments)]
        currency = self._currencies.get(terms.currency)
        if cost and currency is not None:
            data = encode_call("EmporionToken", "approve", [self._deployment.address("AccessToken"), cost])
            calls.insert(0, {"to": currency.address, "data": data, "value": "0", "function": "approve"})
        return {
            **self._head(terms, "buy", units),
            "cost": str(cost),
            "deadline": deadline,
            "then": then.name.lower(),
            "transactions": calls,
        }

    def _head(self, terms: Terms, action: str, units: Units) -> dict[str, Any]:
        currency = self._currencies.get(terms.currency)
        return {
            "action": action,
            "plan_id": terms.plan_id,
            "kind": terms.kind.name.lower(),
            "units": str(units),
            "unit_price": str(terms.unit_price),
            "currency": None if currency is None else _currency(currency),
            "period_seconds": terms.period,
            "chain_id": self._deployment.chain_id,
            "contract": self._deployment.address("AccessToken"),
        }

    def _call(self, contract: str, function: str, arguments: list[Any]) -> dict[str, str]:
        return {
            "to": self._deployment.address(contract),
            "data": encode_call(contract, function, arguments),
            "value": "0",
            "function": function,
        }


def _currency(entry: Any) -> dict[str, Any]:
    return {
        "index": entry.index,
        "address": entry.address,
        "symbol": entry.symbol,
        "decimals": entry.decimals,
    }


def _sells(terms: Terms, need: Need) -> bool:
    left = terms.supply_cap - terms.sold if terms.supply_cap else None
    return terms.sale_open and terms.sale_start <= need.now and (left is None or left >= need.units(terms))
