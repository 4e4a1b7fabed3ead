"""Services, plans, and who holds, bought and used what, as the contracts keep it."""

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from backend.db.tables.chain_log import BY_KEY
from backend.db.types import AddressType, HashType, Uint256


class Currency(SQLModel, table=True):
    """A line of the table of currencies; symbol and decimals are in the deployment record."""

    __tablename__ = "currencies"
    __table_args__ = BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    index: int = Field(primary_key=True)
    token: bytes = Field(sa_type=AddressType)
    open: bool = True


class Service(SQLModel, table=True):
    """A service as `ServiceRegistry` keeps it."""

    __tablename__ = "services"
    __table_args__ = (
        Index("services_by_owner", "chain_id", "owner"),
        Index("services_by_meter", "chain_id", "meter"),
        BY_KEY,
    )

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(primary_key=True, sa_type=BigInteger)
    owner: bytes = Field(sa_type=AddressType)
    kind: int
    status: int = 0
    meter: bytes = Field(sa_type=AddressType)
    previous_meter: bytes | None = Field(default=None, sa_type=AddressType)
    previous_meter_until: int = Field(default=0, sa_type=BigInteger)
    uri: str
    content_hash: bytes = Field(sa_type=HashType)
    bond: int = Field(default=0, sa_type=Uint256)
    unbonding: int = Field(default=0, sa_type=Uint256)
    unbond_requested_at: int = Field(default=0, sa_type=BigInteger)
    retired_at: int = Field(default=0, sa_type=BigInteger)
    underbonded_since: int = Field(default=0, sa_type=BigInteger)
    challenge_until: int = Field(default=0, sa_type=BigInteger)
    challenger: bytes | None = Field(default=None, sa_type=AddressType)
    challenge_deposit: int = Field(default=0, sa_type=Uint256)
    open_disputes: int = 0
    created_at: int = Field(sa_type=BigInteger)
    created_block: int = Field(sa_type=BigInteger)


class Upstream(SQLModel, table=True):
    """A service another one is derived from, and its part of every release."""

    __tablename__ = "upstreams"
    __table_args__ = BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(primary_key=True, sa_type=BigInteger)
    upstream_id: int = Field(primary_key=True, sa_type=BigInteger)
    bps: int


class Plan(SQLModel, table=True):
    """A plan: its terms, which never change, and its counters."""

    __tablename__ = "plans"
    __table_args__ = (Index("plans_by_service", "chain_id", "service_id", "plan_id"), BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    plan_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(sa_type=BigInteger)
    kind: int
    transferable: bool
    refundable: bool
    measure: int
    currency: int
    royalty_bps: int
    unit_price: int = Field(sa_type=Uint256)
    period: int = Field(sa_type=BigInteger)
    supply_cap: int = Field(sa_type=BigInteger)
    account_cap: int = Field(sa_type=Uint256)
    sale_start: int = Field(sa_type=BigInteger)
    early_seconds: int = Field(sa_type=BigInteger)
    early_score: int = Field(sa_type=Uint256)
    limits_hash: bytes = Field(sa_type=HashType)
    per_request: int = Field(sa_type=Uint256)
    per_unit_in: int = Field(sa_type=Uint256)
    per_unit_out: int = Field(sa_type=Uint256)
    fee_bps: int
    sale_open: bool = True
    supply: int = Field(default=0, sa_type=BigInteger)
    sold: int = Field(default=0, sa_type=BigInteger)
    revenue: int = Field(default=0, sa_type=Uint256)
    """Gross base units released by consumption."""
    refunded: int = Field(default=0, sa_type=Uint256)
    """Base units returned by refunds."""
    paid: int = Field(default=0, sa_type=Uint256)
    """Base units paid for units."""
    last_sale_at: int = Field(default=0, sa_type=BigInteger)
    created_at: int = Field(sa_type=BigInteger)
    created_block: int = Field(sa_type=BigInteger)


class Holding(SQLModel, table=True):
    """Units of a plan in a wallet (the escrow's own included)."""

    __tablename__ = "holdings"
    __table_args__ = (Index("holdings_by_account", "chain_id", "account", "plan_id", "units"), BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    plan_id: int = Field(primary_key=True, sa_type=BigInteger)
    account: bytes = Field(primary_key=True, sa_type=AddressType)
    units: int = Field(default=0, sa_type=BigInteger)


class Access(SQLModel, table=True):
    """What an account has in a plan beside its balance."""

    __tablename__ = "access"
    __table_args__ = (Index("access_by_account", "chain_id", "account", "plan_id"), BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    plan_id: int = Field(primary_key=True, sa_type=BigInteger)
    account: bytes = Field(primary_key=True, sa_type=AddressType)
    access_until: int = Field(default=0, sa_type=BigInteger)
    bought: int = Field(default=0, sa_type=Uint256)


class Tab(SQLModel, table=True):
    """Deposited credits of one payer in one plan, as `UsageEscrow` keeps them."""

    __tablename__ = "tabs"
    __table_args__ = (Index("tabs_by_payer", "chain_id", "payer", "plan_id"), BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    plan_id: int = Field(primary_key=True, sa_type=BigInteger)
    payer: bytes = Field(primary_key=True, sa_type=AddressType)
    balance: int = Field(default=0, sa_type=BigInteger)
    settled: int = Field(default=0, sa_type=BigInteger)
    withdraw_at: int = Field(default=0, sa_type=BigInteger)
    vouchers: bool = False
    daily_limit: int = Field(default=0, sa_type=BigInteger)
    spent: int = Field(default=0, sa_type=BigInteger)
    day: int = Field(default=0, sa_type=BigInteger)


class Purchase(SQLModel, table=True):
    """A sale, as it happened."""

    __tablename__ = "purchases"
    __table_args__ = (
        Index("purchases_by_payer", "chain_id", "payer"),
        Index("purchases_by_plan", "chain_id", "plan_id"),
        BY_KEY,
    )

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    block_number: int = Field(primary_key=True, sa_type=BigInteger)
    log_index: int = Field(primary_key=True, sa_type=BigInteger)
    tx_hash: bytes = Field(sa_type=HashType)
    timestamp: int = Field(sa_type=BigInteger)
    plan_id: int = Field(sa_type=BigInteger)
    payer: bytes = Field(sa_type=AddressType)
    recipient: bytes = Field(sa_type=AddressType)
    units: int = Field(sa_type=BigInteger)
    cost: int = Field(sa_type=Uint256)
    then: int


class Settlement(SQLModel, table=True):
    """A settled line of a tab, as it happened."""

    __tablename__ = "settlements"
    __table_args__ = (
        Index("settlements_by_tab", "chain_id", "plan_id", "payer"),
        Index("settlements_by_root", "chain_id", "receipts_root"),
        BY_KEY,
    )

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    block_number: int = Field(primary_key=True, sa_type=BigInteger)
    log_index: int = Field(primary_key=True, sa_type=BigInteger)
    tx_hash: bytes = Field(sa_type=HashType)
    timestamp: int = Field(sa_type=BigInteger)
    plan_id: int = Field(sa_type=BigInteger)
    payer: bytes = Field(sa_type=AddressType)
    meter: bytes = Field(sa_type=AddressType)
    units: int = Field(sa_type=BigInteger)
    settled: int = Field(sa_type=BigInteger)
    balance: int = Field(sa_type=BigInteger)
    receipts_root: bytes = Field(sa_type=HashType)
