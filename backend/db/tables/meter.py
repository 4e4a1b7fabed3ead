"""The meter's own rows in the `gateway` store: tabs, holds, usage and vouchers. Written by `backend.meter`
alone.

All amounts are micro-credits (millionths of a credit) unless a name says units; times are unix seconds.
"""

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from backend.db.types import AddressType, HashType

_IN_STORE = {"schema": "gateway"}


class MeterTab(SQLModel, table=True):
    """What this meter served a payer in a plan: spent for the life of the tab, and held for requests under
    way.
    """

    __tablename__ = "meter_tabs"
    __table_args__ = _IN_STORE

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    plan_id: int = Field(primary_key=True, sa_type=BigInteger)
    payer: bytes = Field(primary_key=True, sa_type=AddressType)
    spent: int = Field(default=0, sa_type=BigInteger)
    held: int = Field(default=0, sa_type=BigInteger)
    sequence: int = Field(default=0, sa_type=BigInteger)
    """Usage rows written so far; the newest one's `sequence`."""
    last_receipt: bytes = Field(sa_type=HashType)
    """Digest of the newest receipt, zeros before the first."""


class Hold(SQLModel, table=True):
    """Credits set aside for one request under way; reaped once expired."""

    __tablename__ = "holds"
    __table_args__ = (Index("holds_by_expiry", "expires_at"), _IN_STORE)

    request_id: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BigInteger)
    plan_id: int = Field(sa_type=BigInteger)
    payer: bytes = Field(sa_type=AddressType)
    amount: int = Field(sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)


class Usage(SQLModel, table=True):
    """One answered request and its signed receipt; rows are added, never changed."""

    __tablename__ = "usage"
    __table_args__ = (
        Index("usage_by_tab", "chain_id", "plan_id", "payer", "sequence", unique=True),
        Index("usage_by_service", "chain_id", "service_id", "issued_at"),
        Index("usage_by_payer", "chain_id", "payer", "issued_at"),
        _IN_STORE,
    )

    request_id: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BigInteger)
    plan_id: int = Field(sa_type=BigInteger)
    payer: bytes = Field(sa_type=AddressType)
    sequence: int = Field(sa_type=BigInteger)
    service_id: int = Field(sa_type=BigInteger)
    key_id: str | None = None
    """Public id of the API key that asked; none for a session or a signed request."""
    route: str
    outcome: str
    """`completed`, `partial` (the client left or the upstream broke off) or `failed` (nothing delivered, no
    charge).
    """
    units_in: int = Field(sa_type=BigInteger)
    units_out: int = Field(sa_type=BigInteger)
    estimated: bool = False
    charged: int = Field(sa_type=BigInteger)
    lost: int = Field(default=0, sa_type=BigInteger)
    """What the rate card asked for and the tab no longer had: the provider's loss."""
    cumulative: int = Field(sa_type=BigInteger)
    """The tab's `spent` with this row included."""
    started_at: int = Field(sa_type=BigInteger)
    first_byte_ms: int | None = None
    duration_ms: int = 0
    issued_at: int = Field(sa_type=BigInteger)
    """Unix seconds, as the receipt says."""
    model_digest: bytes = Field(sa_type=HashType)
    request_hash: bytes = Field(sa_type=HashType)
    response_hash: bytes = Field(sa_type=HashType)
    previous_receipt: bytes = Field(sa_type=HashType)
    receipt_digest: bytes = Field(sa_type=HashType)
    meter: bytes = Field(sa_type=AddressType)
    signature: bytes = Field(sa_type=LargeBinary)
    engine: str = ""
    """Fingerprint of the engine that answered; empty where the upstream gives none."""
    fault: str = ""
    """Why it is not `completed`: an error's code, `caller_left` or `empty_answer`."""


class TakenDeposit(SQLModel, table=True):
    """A deposit that a fork took back: what was served against it is looked at once the fork is final."""

    __tablename__ = "taken_deposits"
    __table_args__ = (Index("taken_deposits_open", "chain_id", "decided_at", "awaited"), _IN_STORE)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    block_hash: bytes = Field(primary_key=True, sa_type=HashType)
    log_index: int = Field(primary_key=True, sa_type=BigInteger)
    block_number: int = Field(sa_type=BigInteger)
    tx_hash: bytes = Field(sa_type=HashType)
    plan_id: int = Field(sa_type=BigInteger)
    payer: bytes = Field(sa_type=AddressType)
    units: int = Field(sa_type=BigInteger)
    outbox_id: int = Field(sa_type=BigInteger)
    """The retraction's row in the chain store's outbox; the newest of a chain is where reading goes on."""
    awaited: int = Field(sa_type=BigInteger)
    """The indexed head when the retraction was met: it is decided once this number is final."""
    decided_at: int = Field(default=0, sa_type=BigInteger)
    """0 while it waits."""


class UsageEvent(SQLModel, table=True):
    """What befell a usage row after it was signed; rows are added, never changed. The deposit that was taken
    back is named by its block and log; for one of those a usage row is voided once.
    """

    __tablename__ = "usage_events"
    __table_args__ = (Index("usage_events_by_tab", "chain_id", "plan_id", "payer"), _IN_STORE)

    request_id: str = Field(primary_key=True)
    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    block_hash: bytes = Field(primary_key=True, sa_type=HashType)
    log_index: int = Field(primary_key=True, sa_type=BigInteger)
    block_number: int = Field(sa_type=BigInteger)
    plan_id: int = Field(sa_type=BigInteger)
    payer: bytes = Field(sa_type=AddressType)
    kind: str
    """`voided`."""
    reason: str
    micro_credits: int = Field(sa_type=BigInteger)
    """Of the row's charge, what is not asked for any more; the tab's `spent` fell by it."""
    created_at: int = Field(sa_type=BigInteger)


class StoredVoucher(SQLModel, table=True):
    """The largest voucher a payer signed for a tab that demands them; whole credits for the life of the
    tab.
    """

    __tablename__ = "vouchers"
    __table_args__ = _IN_STORE

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    plan_id: int = Field(primary_key=True, sa_type=BigInteger)
    payer: bytes = Field(primary_key=True, sa_type=AddressType)
    cumulative_units: int = Field(sa_type=BigInteger)
    signature: bytes = Field(sa_type=LargeBinary)
