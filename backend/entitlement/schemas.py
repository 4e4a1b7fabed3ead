"""What the gate reads and what it decides."""

from dataclasses import dataclass
from typing import Literal

from backend.core.units import (
    Address,
    BaseUnits,
    ChainId,
    Hash32,
    Measure,
    PlanId,
    PlanKind,
    ServiceId,
    ServiceStatus,
    Units,
    UnixTime,
)

Policy = Literal["latest", "safe", "finalized"]


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a plan that the gate and the offers need. Rates are micro-credits."""

    plan_id: PlanId
    service_id: ServiceId
    kind: PlanKind
    measure: Measure
    currency: int
    unit_price: BaseUnits
    period: int
    supply_cap: Units
    account_cap: Units
    sale_start: UnixTime
    limits_hash: Hash32
    per_request: int
    per_unit_in: int
    per_unit_out: int
    sale_open: bool
    sold: Units
    transferable: bool
    refundable: bool


@dataclass(frozen=True, slots=True)
class Owned:
    """What an account has in one plan. `backed`: deposited credits that may be spent today, 0 when
    withdrawing.
    """

    terms: Terms
    units: Units
    access_until: UnixTime
    backed: Units
    withdrawing: bool


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service as the registry keeps it."""

    service_id: ServiceId
    owner: Address
    meter: Address
    status: ServiceStatus
    retired_at: UnixTime
    content_hash: Hash32
    uri: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A plan under which the caller may be served. `units` scales limits that are a unit's; `until` is
    Timed's end.
    """

    terms: Terms
    units: Units
    until: UnixTime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A caller before a service: the plans that serve it, best first, and all it has; true for one block."""

    chain_id: ChainId
    service: ServiceState
    holder: Address
    grants: tuple[Grant, ...]
    owned: tuple[Owned, ...]
    block_number: int
    block_hash: Hash32
