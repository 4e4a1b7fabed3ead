"""What is on sale, as the public API tells it. Amounts above 2**53 are text; addresses are checksummed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel

from backend.core.units import Address, Hash32, ServiceId, ServiceKind, ServiceStatus


@dataclass(frozen=True, slots=True)
class ListedService:
    """A service with its metadata; `document` is empty where there is none that passed its schema."""

    service_id: ServiceId
    owner: Address
    meter: Address
    kind: ServiceKind
    status: ServiceStatus
    content_hash: Hash32
    uri: str
    slug: str
    name: str
    document: dict[str, Any]
    created_at: int
    created_block: int


class Sort(StrEnum):
    """Order of a listing."""

    NEW = "new"
    NAME = "name"
    PRICE = "price"
    UPTIME = "uptime"
    FIRST_TOKEN = "first_token"  # noqa: S105 - a token of text
    SPEED = "speed"


@dataclass(frozen=True, slots=True)
class Search:
    """What a listing is narrowed to; `meter` to services a gateway serves. `cursor` is a page's `next`."""

    words: str = ""
    kind: ServiceKind | None = None
    tags: tuple[str, ...] = ()
    owner: Address | None = None
    meter: Address | None = None
    currency: int | None = None
    max_price: int | None = None
    rating: int | None = None
    on_sale: bool = False
    sort: Sort = Sort.NEW
    cursor: str | None = None
    limit: int = 50


class RateCardReply(BaseModel):
    """Micro-credits for a request, a measure in and a measure out."""

    per_request: str
    per_unit_in: str
    per_unit_out: str
    measure: Literal["tokens", "kib", "rows", "seconds"]


class PlanReply(BaseModel):
    """A plan. `unit_price` is in base units of the currency for one unit."""

    id: int
    service_id: int
    kind: Literal["pass", "timed", "metered"]
    unit_price: str
    currency: int
    period_seconds: int
    transferable: bool
    refundable: bool
    supply_cap: str
    account_cap: str
    sale_start: int
    """Unix seconds from which everybody may buy."""
    early_seconds: int
    """Before that, so long, who has a staking score of at least `early_score` (18 decimals)."""
    early_score: str
    sale_open: bool
    supply: str
    sold: str
    royalty_bps: int
    fee_bps: int
    limits_hash: str
    rate_card: RateCardReply
    paid: str
    refunded: str
    revenue: str


class MeasuredReply(BaseModel):
    """What one who called a service measured: a `prober` by calls it paid for, the `gateway` while it served
    its customers. Times and speeds are medians; null where there was no such measure.
    """

    measured_by: str
    source: Literal["gateway", "prober"]
    since: int
    until: int
    samples: int
    uptime_ppm: int
    """Calls that were answered, of a million."""
    first_token_ms: int | None
    milli_tokens_per_second: int | None
    """Thousandths of a token a second, after the first."""


class ServiceReply(BaseModel):
    """A service as its owner describes it and as the chain has it."""

    id: int
    chain_id: int
    model: str
    slug_model: str | None
    kind: Literal["model", "dataset", "compute", "agent"]
    status: Literal["active", "paused", "retired"]
    owner: str
    meter: str
    served_here: bool
    name: str
    summary: str
    tags: list[str]
    gateway: str | None
    uri: str
    content_hash: str
    created_at: int
    created_block: int
    metadata: dict[str, Any] | None = None
    """The whole document, where one service is asked for."""
    bond: str | None = None
    unbonding: str | None = None
    """The part of the bond that is on its way out, asked for at `unbond_requested_at`."""
    unbond_requested_at: int | None = None
    open_disputes: int | None = None
    ratings: int = 0
    """Wallets that rated it from 1 to 5; the mean is `ratings_total / ratings`."""
    ratings_total: int = 0
    measured: list[MeasuredReply] = []
    """By whom and how it was measured in the last 30 days; never what its provider says of itself."""
    plans: list[PlanReply] = []


class ServicePage(BaseModel):
    """A page of services; send `next` as `cursor` for the one after."""

    services: list[ServiceReply]
    next: str | None


class ServiceStats(BaseModel):
    """What this gateway measured while serving a service, and what the chain counted."""

    service_id: int
    measured_by: str
    since: int
    requests: int
    failed: int
    units_in: int
    units_out: int
    mean_duration_ms: int | None
    mean_first_byte_ms: int | None
    p50_first_byte_ms: int | None
    p90_first_byte_ms: int | None
    p50_duration_ms: int | None
    p90_duration_ms: int | None
    hours_called: int
    """Hours with at least one call; in `hours_answered` of them at least one was answered."""
    hours_answered: int
    payers: int
    units_sold: str
    holders: int
    measured: list[MeasuredReply] = []
    """Uptime, first token and speed, by each who measured them."""


class ReviewReply(BaseModel):
    """What an account that paid for the service and used it says of it: 1 to 5."""

    account: str
    plan_id: int
    rating: int
    content_hash: str
    """keccak256 of its words' `review` document; zeros for none."""
    text: str | None = None
    """Its words; null where it has none, or their document was not brought to this gateway."""
    timestamp: int


class ReviewsReply(BaseModel):
    """The newest review of each account, newest first; `by_rating` counts all of them, from 1 to 5."""

    service_id: int
    count: int
    total: int
    """Sum of the ratings: the mean is `total / count`."""
    by_rating: list[int]
    reviews: list[ReviewReply]


class DisputeReply(BaseModel):
    """A claim against a service's bond, EMP base units; the stakers vote on it until `voting_ends`."""

    id: int
    service_id: int
    plan_id: int
    claimant: str
    amount: str
    opened_at: int
    voting_ends: int
    evidence_uri: str
    answers: int = 0
    """How often the provider answered."""
    outcome: Literal["open", "upheld", "rejected", "no_quorum"] = "open"
    resolved_at: int | None = None
    slashed: str = "0"
    """What left the bond."""


class DisputesReply(BaseModel):
    """Every dispute about a service, the newest first."""

    service_id: int
    disputes: list[DisputeReply]


class HoldingReply(BaseModel):
    """What an account has in one plan. `deposited` are credits in the escrow."""

    plan_id: int
    service_id: int
    kind: Literal["pass", "timed", "metered"]
    units: str
    access_until: int
    deposited: str
    settled: str
    withdraw_at: int
    daily_limit: int
    vouchers: bool


class ShareReply(BaseModel):
    """Shares of a service, of 1,000,000, and what may be claimed by currency index in base units."""

    service_id: int
    units: str
    claimable: dict[int, str]


class PositionReply(BaseModel):
    """A lock in the staking vault, EMP base units."""

    index: int
    amount: str
    score: str
    end: int


class AccountReply(BaseModel):
    """What the chain says an account has, at one block."""

    address: str
    chain_id: int
    block_number: int
    block_hash: str
    emp: str
    plans: list[HoldingReply]
    shares: list[ShareReply]
    services: list[int]
    score: str
    rewards: dict[int, str]
    """Claimable staking rewards by currency index, base units."""
    positions: list[PositionReply]


class ListingReply(BaseModel):
    """An offer of the market that its seller still covers. `unit_price` is in base units of the currency."""

    id: int
    seller: str
    token: str
    token_id: int
    units: str
    unit_price: str
    currency: int
    expiry: int


class ListingPage(BaseModel):
    """Open offers, newest first."""

    listings: list[ListingReply]


class ActivityReply(BaseModel):
    """An event of the contracts, or the retraction of one after a reorganisation."""

    id: int
    block_number: int
    block_hash: str
    log_index: int
    timestamp: int
    tx_hash: str
    contract: str
    event: str
    service_id: int | None
    plan_id: int | None
    account: str | None
    args: dict[str, Any]
    retracts: int | None


class ActivityPage(BaseModel):
    """Events, newest first; send `next` as `before` for older ones."""

    events: list[ActivityReply]
    next: int | None
