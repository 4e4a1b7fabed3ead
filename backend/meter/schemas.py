"""What goes into the meter and what comes out of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from backend.core.units import Address, ChainId, Hash32, MicroCredits, PlanId, ServiceId, Units, UnixTime
from backend.signing.messages import UsageReceipt

_NOTHING: Final = MicroCredits(0)
_NO_UNITS: Final = Units(0)


class Outcome(StrEnum):
    """How a request ended; only what was delivered is charged."""

    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TabKey:
    """One payer in one plan on one chain."""

    chain_id: ChainId
    plan_id: PlanId
    payer: Address


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """Credits to set aside for one request: `amount` is its worst case."""

    request_id: str
    tab: TabKey
    amount: MicroCredits


@dataclass(frozen=True, slots=True)
class Served:
    """What one request used: the facts of its usage row and receipt. Counts are the plan's measures."""

    request_id: str
    tab: TabKey
    service_id: ServiceId
    route: str
    outcome: Outcome
    units_in: int
    units_out: int
    cost: MicroCredits
    model_digest: Hash32
    request_hash: Hash32
    response_hash: Hash32
    started_at: UnixTime
    duration_ms: int
    estimated: bool = False
    key_id: str | None = None
    first_byte_ms: int | None = None
    engine: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as stored and handed out: `sequence` counts the tab's receipts from 1."""

    request_id: str
    chain_id: ChainId
    sequence: int
    body: UsageReceipt
    digest: Hash32
    meter: Address
    signature: bytes
    remaining: MicroCredits
    """Micro-credits the tab still has after this request; 0 for plans that are not metered."""
    engine: str = ""
    """Fingerprint of the engine that answered, which is not signed; empty where the upstream gives none."""
    voided: MicroCredits | None = None
    """Of its charge, what is not asked for since a fork took back the deposit; None: nothing befell it."""


class ReceiptSigner(Protocol):
    """Signs receipts with the meter's key."""

    @property
    def address(self) -> Address:
        """The meter's address."""
        ...

    def sign(self, chain_id: ChainId, body: UsageReceipt) -> tuple[Hash32, bytes]:
        """Digest and 65-byte signature of a receipt."""
        ...


@dataclass(frozen=True, slots=True)
class Available:
    """Why a hold was or was not to be had, in micro-credits."""

    available: MicroCredits
    voucher_short_by: MicroCredits
    """How much larger a voucher has to be where the tab demands vouchers; 0 where that is not the reason."""
    cumulative: MicroCredits = _NOTHING
    """Served and held in the tab's life: a voucher must cover this and the request to come."""
    vouchers: bool = False
    """Whether the tab demands vouchers."""
    returnable: Units = _NO_UNITS
    """Whole credits a withdrawal brings back as things are, one that runs already too."""


@dataclass(frozen=True, slots=True)
class ReceiptProof:
    """How a receipt is part of a settlement: `path` leads from its leaf to `root` (sorted-pair keccak)."""

    request_id: str
    leaf: Hash32
    path: list[Hash32]
    root: Hash32
    cumulative_units: int
    transaction: Hash32 | None
    settled: bool
