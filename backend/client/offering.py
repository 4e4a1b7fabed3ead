"""What a provider puts on sale. Amounts are exact integers: base units, micro-credits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from backend.client.models import RateCard
from backend.core.units import Measure, PlanKind

EMP: Final = 10**18
"""Base units of one EMP."""
FREE: Final = RateCard(0, 0, 0)


@dataclass(frozen=True, slots=True)
class NewPlan:
    """A plan to be sold; its terms never change. `unit_price` is in base units of `currency`.

    `period_seconds` is of timed plans, `card` of metered ones. Caps of 0 are none. Before `sale_start` (Unix
    seconds; 0: at once) nobody buys but, in the `early_seconds` before it, wallets whose staking score (18
    decimals) is at least `early_score`.
    """

    kind: Literal["pass", "timed", "metered"]
    unit_price: int
    currency: int = 0
    period_seconds: int = 0
    card: RateCard = FREE
    measure: Literal["tokens", "kib", "rows", "seconds"] = "tokens"
    refundable: bool = False
    transferable: bool = True
    royalty_bps: int = 0
    supply_cap: int = 0
    account_cap: int = 0
    sale_start: int = 0
    early_seconds: int = 0
    early_score: int = 0

    def terms(self) -> dict[str, Any]:
        """As `AccessToken.createPlan` names them."""
        return {
            "kind": int(PlanKind[self.kind.upper()]),
            "transferable": self.transferable,
            "refundable": self.refundable,
            "measure": int(Measure[self.measure.upper()]),
            "currency": self.currency,
            "royaltyBps": self.royalty_bps,
            "unitPrice": self.unit_price,
            "period": self.period_seconds,
            "supplyCap": self.supply_cap,
            "accountCap": self.account_cap,
            "saleStart": self.sale_start,
            "earlySeconds": self.early_seconds,
            "earlyScore": self.early_score,
            "limitsHash": bytes(32),
            "perRequest": self.card.per_request,
            "perUnitIn": self.card.per_unit_in,
            "perUnitOut": self.card.per_unit_out,
        }


@dataclass(frozen=True, slots=True)
class NewService:
    """A service to be published: what people read, who answers, what is sold.

    `facts` are further fields of the metadata document (`model`, `data`, `request_schema`, ...); `upstream`
    is as `PUT /v1/provider/services/{service_id}/upstream` takes one; `upstreams` are services this one is
    derived from and their parts in hundredths of a per cent.
    """

    name: str
    slug: str
    plans: list[NewPlan]
    summary: str = ""
    kind: Literal["model", "dataset", "compute", "agent"] = "model"
    tags: list[str] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)
    upstream: Mapping[str, Any] = field(default_factory=lambda: {"kind": "embedded"})
    upstreams: Mapping[int, int] = field(default_factory=dict)
    bond: int = 1_000 * EMP

    def document(self, gateway: str) -> dict[str, Any]:
        """The metadata document (`service/1`)."""
        return {
            "emporion": "service/1",
            "name": self.name,
            "slug": self.slug,
            "summary": self.summary,
            "tags": self.tags,
            "gateway": gateway,
            **self.facts,
        }
