"""What the client gives back. Amounts are exact integers: base units, units, micro-credits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from backend.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class RateCard:
    """Micro-credits for a request, for a measure in, for a measure out."""

    per_request: int
    per_unit_in: int
    per_unit_out: int

    def cost(self, units_in: int, units_out: int) -> int:
        """Micro-credits of one request; exact."""
        return self.per_request + self.per_unit_in * units_in + self.per_unit_out * units_out


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan. `unit_price` is in base units of `currency`; it sells from `sale_start` on (Unix seconds), the
    `early_seconds` before to wallets of a staking score of `early_score` at least, while it `is_open`.
    """

    id: int
    kind: str
    unit_price: int
    currency: int
    period_seconds: int
    refundable: bool
    transferable: bool
    card: RateCard
    is_open: bool = True
    sale_start: int = 0
    early_seconds: int = 0
    early_score: int = 0

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From the API's plan."""
        card = told["rate_card"]
        return cls(
            id=int(told["id"]),
            kind=str(told["kind"]),
            unit_price=int(told["unit_price"]),
            currency=int(told["currency"]),
            period_seconds=int(told["period_seconds"]),
            refundable=bool(told["refundable"]),
            transferable=bool(told["transferable"]),
            card=RateCard(*(int(card[name]) for name in ("per_request", "per_unit_in", "per_unit_out"))),
            is_open=bool(told["sale_open"]),
            sale_start=int(told["sale_start"]),
            early_seconds=int(told["early_seconds"]),
            early_score=int(told["early_score"]),
        )


@dataclass(frozen=True, slots=True)
class Service:
    """A service; `model` is its name in requests."""

    id: int
    model: str
    name: str
    kind: str
    status: str
    owner: str
    plans: list[Plan] = field(default_factory=list)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From the API's service."""
        return cls(
            id=int(told["id"]),
            model=str(told["model"]),
            name=str(told["name"]),
            kind=str(told["kind"]),
            status=str(told["status"]),
            owner=str(told["owner"]),
            plans=[Plan.of(plan) for plan in told.get("plans", [])],
        )

    def plan(self, kind: str) -> Plan:
        """Its first plan of a kind: `pass`, `timed` or `metered`. Raises NotFound."""
        for plan in self.plans:
            if plan.kind == kind:
                return plan
        raise NotFound(f"{self.name} sells no {kind} plan; it has {[plan.kind for plan in self.plans]}")


@dataclass(frozen=True, slots=True)
class Bought:
    """A mined purchase."""

    plan: int
    units: int
    cost: int
    transaction: str
    block: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What a holder sells: `units` of a plan, or shares of a service, at `unit_price` base units each."""

    id: int
    seller: str
    token: str
    token_id: int
    units: int
    unit_price: int
    currency: int

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From the API's listing."""
        return cls(
            id=int(told["id"]),
            seller=str(told["seller"]),
            token=str(told["token"]),
            token_id=int(told["token_id"]),
            units=int(told["units"]),
            unit_price=int(told["unit_price"]),
            currency=int(told["currency"]),
        )
