"""What the contracts keep, as plain records of integers and 20-byte addresses."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

NOBODY: Final = bytes(20)
SHARES: Final = 1_000_000
BPS: Final = 10_000
PASS, TIMED, METERED = 0, 1, 2
HOLD, ACTIVATE, DEPOSIT = 0, 1, 2
ACTIVE, PAUSED, RETIRED = 0, 1, 2
HOUR: Final = 3_600
DAY: Final = 86_400
MAX_UNITS: Final = 2**63 - 1


class Event(NamedTuple):
    """An event as a contract emits it: arguments by name, structs as dicts."""

    contract: str
    name: str
    args: dict[str, Any]


class Voucher(NamedTuple):
    """A payer's word that `covered` units may be settled; whoever `signer` is, it says it is `payer`'s."""

    covered: int
    payer: bytes
    plan_id: int
    signer: bytes


class Entry(NamedTuple):
    """One line of a settlement."""

    payer: bytes
    cumulative: int
    root: bytes
    voucher: Voucher | None


class Authorization(NamedTuple):
    """An EIP-3009 authorization of an order; good where the payer signed exactly this order."""

    signer: bytes
    salt: bytes
    matches: bool


@dataclass(slots=True)
class Service:
    """A service of the registry."""

    owner: bytes
    kind: int
    meter: bytes
    uri: str
    content_hash: bytes
    bond: int
    created_at: int
    status: int = ACTIVE
    unbonding: int = 0
    last_sale: int = 0
    previous_meter: bytes = NOBODY
    previous_meter_until: int = 0
    retired_at: int = 0
    unbond_requested_at: int = 0
    challenge_until: int = 0
    challenger: bytes = NOBODY
    challenge_deposit: int = 0
    open_disputes: int = 0
    underbonded_since: int = 0


@dataclass(slots=True)
class Plan:
    """A plan of a service; the last six fields are the model's own sums, which no contract keeps."""

    terms: dict[str, Any]
    fee_bps: int
    created_at: int
    open: bool = True
    supply: int = 0
    sold: int = 0
    paid: int = 0
    refunded: int = 0
    released: int = 0
    fees: int = 0
    upstream: int = 0
    earned: int = 0
    last_sale: int = 0

    @property
    def price(self) -> int:
        """Base units a unit."""
        return int(self.terms["unitPrice"])


@dataclass(slots=True)
class PlanAccount:
    """What an account has in a plan beside its balance."""

    access_until: int = 0
    last_paid_use: int = 0
    bought: int = 0


@dataclass(slots=True)
class Currency:
    """A line of the table."""

    token: bytes
    open: bool = True
    paused_until: int = 0


@dataclass(slots=True)
class Tab:
    """Credits of a payer in a plan; `deposited`, `withdrawn` and `signed` are the model's own sums."""

    balance: int = 0
    settled: int = 0
    withdraw_at: int = 0
    vouchers: bool = False
    daily_limit: int = 0
    spent: int = 0
    day: int = 0
    deposited: int = 0
    withdrawn: int = 0


@dataclass(slots=True)
class ShareAccount:
    """What a holder earned in a service and currency; `claimed` is the model's own sum."""

    owed: int = 0
    checkpoint: int = 0
    claimed: int = 0


@dataclass(slots=True)
class Position:
    """A lock."""

    amount: int = 0
    score: int = 0
    end: int = 0


@dataclass(slots=True)
class Stream:
    """Rewards of a currency on their way; `end` and `streamed` are the model's own."""

    index: int = 0
    pending: int = 0
    left: int = 0
    end: int = 0
    streamed: int = 0


@dataclass(slots=True)
class Reward:
    """Rewards of an account in a currency; `claimed` is the model's own sum."""

    index: int = 0
    owed: int = 0
    claimed: int = 0


@dataclass(slots=True)
class Listing:
    """An offer of the market."""

    seller: bytes
    token: bytes
    token_id: int
    units: int
    unit_price: int
    currency: int
    expiry: int
    created_at: int
    open: bool = True


@dataclass(slots=True)
class History:
    """Values by the time they began (OpenZeppelin's checkpoints)."""

    points: list[tuple[int, int]] = field(default_factory=list)

    @property
    def now(self) -> int:
        """The newest value."""
        return self.points[-1][1] if self.points else 0

    def at(self, timestamp: int) -> int:
        """The value as it was at a time."""
        return next((value for time, value in reversed(self.points) if time <= timestamp), 0)

    def push(self, timestamp: int, value: int) -> None:
        """A new value from now on."""
        if self.points and self.points[-1][0] == timestamp:
            self.points.pop()
        self.points.append((timestamp, value))


def counts() -> defaultdict[Any, int]:
    """Integers by key, 0 where there is none."""
    return defaultdict(int)
