"""The contracts' structs (`contracts/src/types/DataTypes.sol`) with our names and types."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, NamedTuple, Self

from backend.core.units import (
    ZERO_HASH,
    Address,
    BaseUnits,
    Hash32,
    Measure,
    PlanKind,
    ServiceId,
    ServiceKind,
    ServiceStatus,
    UnixTime,
)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


class _Struct:
    """A dataclass whose fields are a struct's, in snake case."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From a decoded struct; fields of a newer contract that we do not know are left out."""
        return cls(**{f.name: values[_camel(f.name)] for f in fields(cls)})  # type: ignore[arg-type]

    def abi(self) -> dict[str, Any]:
        """As the ABI names the fields."""
        return {_camel(f.name): getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class PlanTerms(_Struct):
    """The terms of a plan; they never change. Units are the struct's."""

    kind: PlanKind
    unit_price: BaseUnits
    currency: int = 0
    transferable: bool = True
    refundable: bool = False
    measure: Measure = Measure.TOKENS
    royalty_bps: int = 0
    period: int = 0
    supply_cap: int = 0
    account_cap: int = 0
    sale_start: int = 0
    early_seconds: int = 0
    early_score: int = 0
    limits_hash: Hash32 = ZERO_HASH
    per_request: int = 0
    per_unit_in: int = 0
    per_unit_out: int = 0


@dataclass(frozen=True, slots=True)
class Upstream(_Struct):
    """A service another one is derived from, and its part of every release."""

    service_id: ServiceId
    bps: int


@dataclass(frozen=True, slots=True)
class Service(_Struct):
    """A service as the registry keeps it."""

    kind: ServiceKind
    status: ServiceStatus
    meter: Address
    previous_meter: Address
    previous_meter_until: UnixTime
    retired_at: UnixTime
    bond: BaseUnits
    unbonding: BaseUnits
    unbond_requested_at: UnixTime
    underbonded_since: UnixTime
    challenge_until: UnixTime
    challenger: Address
    challenge_deposit: BaseUnits
    open_disputes: int
    last_sale: UnixTime
    content_hash: Hash32


@dataclass(frozen=True, slots=True)
class Entry(_Struct):
    """One payer's line of a settlement; `cumulative_units` for the life of the tab."""

    payer: Address
    cumulative_units: int
    receipts_root: Hash32
    voucher: bytes = b""


@dataclass(frozen=True, slots=True)
class Tab(_Struct):
    """Deposited credits of one payer in one plan; bit 0 of `flags`: vouchers are demanded."""

    balance: int
    settled: int
    withdraw_at: UnixTime
    flags: int
    daily_limit: int
    spent: int
    day: int


@dataclass(frozen=True, slots=True)
class Position(_Struct):
    """A lock in the staking vault."""

    amount: BaseUnits
    score: int
    end: UnixTime


@dataclass(frozen=True, slots=True)
class Listing(_Struct):
    """An offer of the market; all zero when cancelled or sold out."""

    seller: Address
    expiry: UnixTime
    currency: int
    token: Address
    unit_price: BaseUnits
    id: int
    units: int


class DisputeOutcome(IntEnum):
    """How a dispute ended, as `DataTypes.sol` numbers it."""

    OPEN = 0
    UPHELD = 1
    REJECTED = 2
    NO_QUORUM = 3


@dataclass(frozen=True, slots=True)
class Dispute(_Struct):
    """A claim against a provider's bond; votes are scores."""

    claimant: Address
    opened: UnixTime
    voting_ends: UnixTime
    outcome: DisputeOutcome
    service_id: ServiceId
    bond: BaseUnits
    amount: BaseUnits
    quorum: int
    votes_for: int
    votes_against: int


class PlanState(NamedTuple):
    """Counters of a plan."""

    supply: int
    sold: int
    sale_open: bool
    fee_bps: int


class PlanAccount(NamedTuple):
    """What an account has in a plan beside its balance."""

    access_until: int
    last_paid_use: int
    bought: int


class PlanAccess(NamedTuple):
    """The gate on chain: units held or deposited, and when Timed access ends."""

    units: int
    until: int


class ShareAccount(NamedTuple):
    """What a holder is owed (millionths of a base unit) up to its last touch, and the total at that touch."""

    owed: int
    checkpoint: int


class Signature(NamedTuple):
    """The parts of a 65-byte signature."""

    v: int
    r: bytes
    s: bytes

    @classmethod
    def of(cls, signature: bytes) -> Self:
        """From r, s and v in a row."""
        return cls(signature[64], signature[:32], signature[32:64])
