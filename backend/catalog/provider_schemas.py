"""What providers see of their business, and what a service is derived from. Amounts are text, base units."""

from pydantic import BaseModel

from backend.catalog.schemas import ServiceReply


class DerivationReply(BaseModel):
    """`service_id` is derived from `upstream_id`, which gets `bps` hundredths of a percent of its revenue."""

    service_id: int
    upstream_id: int
    bps: int
    depth: int
    """Steps from the service that was asked for."""


class LineageReply(BaseModel):
    """What a service is derived from, and what is derived from it, step by step."""

    service_id: int
    upstreams: list[DerivationReply]
    derived: list[DerivationReply]
    complete: bool
    """False where there is more than is shown."""


class ProviderServicesReply(BaseModel):
    """The caller's services, with their plans."""

    services: list[ServiceReply]


class PlanRevenueReply(BaseModel):
    """One plan: paid by buyers, returned to them, and released as revenue. `unsettled_micro_credits` were
    served here and become revenue when they are settled on chain.
    """

    plan_id: int
    service_id: int
    currency: int
    sold: str
    paid: str
    refunded: str
    revenue: str
    unsettled_micro_credits: str


class ShareRevenueReply(BaseModel):
    """One service in one currency: distributed to share holders; `released` is the part that is revenue."""

    service_id: int
    currency: int
    distributed: str
    released: str


class RevenueReply(BaseModel):
    """What the caller's services earned, by plan and by share."""

    plans: list[PlanRevenueReply]
    shares: list[ShareRevenueReply]
    settles_within_seconds: int
    """Longest age of a whole credit of usage before it is settled, unless its payer's voucher is missing."""


class SettlementReply(BaseModel):
    """A line of a tab that was settled on chain. `units` are the credits of this line."""

    block_number: int
    log_index: int
    tx_hash: str
    timestamp: int
    plan_id: int
    service_id: int
    payer: str
    meter: str
    units: str
    settled: str
    receipts_root: str


class SettlementPage(BaseModel):
    """Settled lines, newest first; send `next` as `before` for older ones."""

    settlements: list[SettlementReply]
    next: str | None
