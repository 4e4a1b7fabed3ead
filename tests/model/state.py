"""All the state of the model in one value that can be put aside and taken back."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.model.order import Order
from tests.model.records import (
    Currency,
    History,
    Listing,
    Plan,
    PlanAccount,
    Position,
    Reward,
    Service,
    ShareAccount,
    Stream,
    Tab,
    counts,
)


@dataclass(slots=True)
class RegistryBook:
    """`ServiceRegistry`."""

    min_bond: int
    cooldown: int
    services: dict[int, Service] = field(default_factory=dict)
    min_bond_raised_at: int = 0
    paused_until: int = 0


@dataclass(slots=True)
class AccessBook:
    """`AccessToken`."""

    fee_bps: int
    currencies: list[Currency] = field(default_factory=list)
    paused_until: int = 0
    plans: dict[int, Plan] = field(default_factory=dict)
    plan_counts: defaultdict[int, int] = field(default_factory=counts)
    accounts: defaultdict[tuple[int, bytes], PlanAccount] = field(
        default_factory=lambda: defaultdict(PlanAccount)
    )
    used: set[tuple[Order, bytes]] = field(default_factory=set)
    """Authorizations that were used: the order and its salt."""


@dataclass(slots=True)
class EscrowBook:
    """`UsageEscrow`."""

    delay: int
    tabs: defaultdict[tuple[int, bytes], Tab] = field(default_factory=lambda: defaultdict(Tab))


@dataclass(slots=True)
class SharesBook:
    """`RevenueShares`."""

    treasury: bytes
    fees: defaultdict[int, int] = field(default_factory=counts)
    flushed: defaultdict[int, int] = field(default_factory=counts)
    distributed: defaultdict[tuple[int, int], int] = field(default_factory=counts)
    released: defaultdict[tuple[int, int], int] = field(default_factory=counts)
    upstreams: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    accounts: defaultdict[tuple[bytes, int, int], ShareAccount] = field(
        default_factory=lambda: defaultdict(ShareAccount)
    )


@dataclass(slots=True)
class VaultBook:
    """`StakingVault`."""

    updated_at: int
    idle: int
    total_score: int = 0
    total_locked: int = 0
    emp_currency: int | None = None
    positions: defaultdict[tuple[bytes, int], Position] = field(default_factory=lambda: defaultdict(Position))
    made: defaultdict[bytes, int] = field(default_factory=counts)
    scores: defaultdict[bytes, int] = field(default_factory=counts)
    rewards: defaultdict[tuple[bytes, int], Reward] = field(default_factory=lambda: defaultdict(Reward))
    streams: dict[int, Stream] = field(default_factory=dict)
    delegates: dict[bytes, bytes] = field(default_factory=dict)
    votes: defaultdict[bytes, History] = field(default_factory=lambda: defaultdict(History))
    supply: History = field(default_factory=History)


@dataclass(slots=True)
class State:
    """Everything that a transaction can change."""

    registry: RegistryBook
    access: AccessBook
    escrow: EscrowBook
    shares: SharesBook
    vault: VaultBook
    listings: dict[int, Listing] = field(default_factory=dict)
    money: defaultdict[tuple[bytes, bytes], int] = field(default_factory=counts)
    """Base units by (ERC-20, account)."""
    units: defaultdict[tuple[str, int, bytes], int] = field(default_factory=counts)
    """ERC-1155 units by (contract, id, account)."""
    approvals: set[tuple[str, bytes, bytes]] = field(default_factory=set)
    """(ERC-1155 contract, owner, operator)."""
