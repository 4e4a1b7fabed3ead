"""What is on sale on a seeded devnet: three services of two providers, each with plans of every kind."""

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

from backend.chain.bindings.structs import PlanTerms
from backend.core.units import BaseUnits, Hash32, Measure, PlanKind, ServiceKind, keccak

DOLLAR: Final = 10**6
EMP: Final = 10**18
DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Offer:
    """A service to publish: whose, metered by whom, what its document says, and its plans by name."""

    provider: str
    meter: str
    kind: ServiceKind
    document: dict[str, Any]
    plans: dict[str, PlanTerms]

    @property
    def slug(self) -> str:
        """The last part of its model name."""
        return str(self.document["slug"])

    def content(self) -> bytes:
        """The document's bytes."""
        return json.dumps({"emporion": "service/1", **self.document}, sort_keys=True).encode()

    def uri(self) -> str:
        """The document itself, in a `data:` URI: a devnet needs no storage for it."""
        return "data:application/json;base64," + base64.b64encode(self.content()).decode()

    def content_hash(self) -> Hash32:
        """What is on chain of the document."""
        return keccak(self.content())


def _credits(price: int, currency: int = 0, **card: Any) -> PlanTerms:
    return PlanTerms(PlanKind.METERED, BaseUnits(price), currency=currency, refundable=True, **card)


CHAT: Final = Offer(
    provider="provider",
    meter="meter",
    kind=ServiceKind.MODEL,
    document={
        "name": "SmolLM2 135M",
        "slug": "smollm2",
        "summary": "A small language model that answers on any laptop.",
        "tags": ["chat", "small", "english"],
        "licence": "Apache-2.0",
        "model": {"operations": ["chat", "completions"], "context": 2048},
    },
    plans={
        "pass": PlanTerms(PlanKind.PASS, BaseUnits(20 * DOLLAR), royalty_bps=500),
        "day": PlanTerms(PlanKind.TIMED, BaseUnits(2 * DOLLAR), period=DAY, refundable=True, royalty_bps=250),
        "credits": _credits(DOLLAR // 100, per_request=10_000, per_unit_in=1_000, per_unit_out=4_000),
        "trial": PlanTerms(
            PlanKind.METERED,
            BaseUnits(0),
            transferable=False,
            account_cap=5,
            per_request=10_000,
            per_unit_in=1_000,
            per_unit_out=4_000,
        ),
    },
)

EMBEDDINGS: Final = Offer(
    provider="provider",
    meter="meter",
    kind=ServiceKind.MODEL,
    document={
        "name": "SmolLM2 embeddings",
        "slug": "smollm2-embeddings",
        "summary": "Vectors for search over short English texts.",
        "tags": ["embeddings", "small"],
        "licence": "Apache-2.0",
        "model": {"operations": ["embeddings"], "context": 2048},
    },
    plans={
        "pass": PlanTerms(PlanKind.PASS, BaseUnits(8 * DOLLAR), supply_cap=100, royalty_bps=500),
        "hour": PlanTerms(PlanKind.TIMED, BaseUnits(DOLLAR // 4), period=3_600, refundable=True),
        "credits": _credits(DOLLAR // 100, per_request=5_000, per_unit_in=500),
    },
)

WEATHER: Final = Offer(
    provider="second_provider",
    meter="second_provider",
    kind=ServiceKind.DATASET,
    document={
        "name": "Street weather",
        "slug": "street-weather",
        "summary": "Ten years of hourly weather, street by street; paid in EMP.",
        "tags": ["weather", "time-series"],
        "licence": "CC-BY-4.0",
    },
    plans={
        "pass": PlanTerms(PlanKind.PASS, BaseUnits(500 * EMP), currency=1, royalty_bps=1_000),
        "month": PlanTerms(PlanKind.TIMED, BaseUnits(60 * EMP), currency=1, period=30 * DAY, refundable=True),
        "rows": _credits(EMP // 2, currency=1, measure=Measure.ROWS, per_unit_out=1_000),
    },
)

CATALOGUE: Final = (CHAT, EMBEDDINGS, WEATHER)
