"""The `chain` store: what the contracts' events say. Written by the indexer alone, read by everybody else.

Every row carries its chain id; every projection row is keyed by what the contracts key it by, so that it
can be compared with storage one to one (`docs/concepts.md`). Units are whole tokens below 2**63; money is
in base units. Secondary indexes cover the gate's queries and the public listings, nothing else.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from backend.db.types import AddressType, BigId, HashType, Uint256

SCHEMA = "chain"
_IN_STORE = {"schema": SCHEMA}
_BY_KEY = {"schema": SCHEMA, "sqlite_with_rowid": False}
"""Rows lie in the order of their key: one tree to write instead of two (SQLite)."""
_RETRACTION = text("retracts IS NOT NULL")


class Chain(SQLModel, table=True):
    """One chain the store follows, and the head its rows are true for."""

    __tablename__ = "chains"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    genesis_hash: bytes = Field(sa_type=HashType)
    deployment_hash: bytes = Field(sa_type=HashType)
    deployment: dict[str, Any] = Field(sa_type=JSON)
    start_block: int = Field(sa_type=BigInteger)
    number: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_type=HashType)
    timestamp: int = Field(sa_type=BigInteger)
    safe_number: int = Field(sa_type=BigInteger)
    finalized_number: int = Field(sa_type=BigInteger)
    journal_from: int = Field(sa_type=BigInteger)
    """Lowest block whose changes `undo` still knows in full."""
    reorgs: int = Field(default=0, sa_type=BigInteger)


class Lease(SQLModel, table=True):
    """Who may write this store (SQLite; PostgreSQL has advisory locks), until when."""

    __tablename__ = "leases"
    __table_args__ = _BY_KEY

    name: str = Field(primary_key=True)
    holder: str
    expires_at_ms: int = Field(sa_type=BigInteger)


class Heartbeat(SQLModel, table=True):
    """When a node last confirmed the stored head, apart from it so that an idle chain moves one tiny row."""

    __tablename__ = "heartbeats"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    confirmed_at_ms: int = Field(sa_type=BigInteger)
    node_number: int = Field(sa_type=BigInteger)


class Block(SQLModel, table=True):
    """Header of every block from the deployment on, whether it has logs of ours or not."""

    __tablename__ = "blocks"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    hash: bytes = Field(sa_type=HashType)
    parent_hash: bytes = Field(sa_type=HashType)
    timestamp: int = Field(sa_type=BigInteger)


class Log(SQLModel, table=True):
    """A raw log of one of our contracts; projections can be rebuilt from these alone. `topics` are joined."""

    __tablename__ = "logs"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    block_number: int = Field(primary_key=True, sa_type=BigInteger)
    log_index: int = Field(primary_key=True, sa_type=BigInteger)
    block_hash: bytes = Field(sa_type=HashType)
    tx_hash: bytes = Field(sa_type=HashType)
    tx_index: int = Field(sa_type=BigInteger)
    address: bytes = Field(sa_type=AddressType)
    topics: bytes = Field(sa_type=LargeBinary)
    data: bytes = Field(sa_type=LargeBinary)


class Undo(SQLModel, table=True):
    """What a projection row was before a block changed it; kept until the block is final."""

    __tablename__ = "undo"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    block_number: int = Field(primary_key=True, sa_type=BigInteger)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    table_name: str
    key: str
    """JSON of the key's columns without the chain id: bytes as hexadecimal, 256-bit integers as text."""
    old: str | None = None
    """JSON of the other columns before, spelled likewise; none where the block made the row."""


class Outbox(SQLModel, table=True):
    """Every event and every retraction, in the order readers get them."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_by_service", "service_id", "id"),
        Index("outbox_by_retracts", "retracts", sqlite_where=_RETRACTION, postgresql_where=_RETRACTION),
        _IN_STORE,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    chain_id: int = Field(sa_type=BigInteger)
    block_number: int = Field(sa_type=BigInteger)
    block_hash: bytes = Field(sa_type=HashType)
    log_index: int = Field(sa_type=BigInteger)
    timestamp: int = Field(sa_type=BigInteger)
    tx_hash: bytes = Field(sa_type=HashType)
    contract: str
    event: str
    service_id: int | None = Field(default=None, sa_type=BigInteger)
    plan_id: int | None = Field(default=None, sa_type=BigInteger)
    account: bytes | None = Field(default=None, sa_type=AddressType)
    args: dict[str, Any] = Field(sa_type=JSON)
    """Values by name: integers as decimal text, bytes as 0x hexadecimal, booleans as they are."""
    retracts: int | None = Field(default=None, sa_type=BigInteger)
    """Id of the outbox row that a reorganisation took back; none for an event."""


class Currency(SQLModel, table=True):
    """A line of the table of currencies; symbol and decimals are in the deployment record."""

    __tablename__ = "currencies"
    __table_args__ = _BY_KEY

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
        _BY_KEY,
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
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(primary_key=True, sa_type=BigInteger)
    upstream_id: int = Field(primary_key=True, sa_type=BigInteger)
    bps: int


class Plan(SQLModel, table=True):
    """A plan: its terms, which never change, and its counters."""

    __tablename__ = "plans"
    __table_args__ = (Index("plans_by_service", "chain_id", "service_id", "plan_id"), _BY_KEY)

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
    __table_args__ = (Index("holdings_by_account", "chain_id", "account", "plan_id", "units"), _BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    plan_id: int = Field(primary_key=True, sa_type=BigInteger)
    account: bytes = Field(primary_key=True, sa_type=AddressType)
    units: int = Field(default=0, sa_type=BigInteger)


class Access(SQLModel, table=True):
    """What an account has in a plan beside its balance."""

    __tablename__ = "access"
    __table_args__ = (Index("access_by_account", "chain_id", "account", "plan_id"), _BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    plan_id: int = Field(primary_key=True, sa_type=BigInteger)
    account: bytes = Field(primary_key=True, sa_type=AddressType)
    access_until: int = Field(default=0, sa_type=BigInteger)
    bought: int = Field(default=0, sa_type=Uint256)


class Tab(SQLModel, table=True):
    """Deposited credits of one payer in one plan, as `UsageEscrow` keeps them."""

    __tablename__ = "tabs"
    __table_args__ = (Index("tabs_by_payer", "chain_id", "payer", "plan_id"), _BY_KEY)

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


class Share(SQLModel, table=True):
    """Shares of a service in a wallet; 1,000,000 a service."""

    __tablename__ = "shares"
    __table_args__ = (Index("shares_by_account", "chain_id", "account", "service_id"), _BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(primary_key=True, sa_type=BigInteger)
    account: bytes = Field(primary_key=True, sa_type=AddressType)
    units: int = Field(default=0, sa_type=BigInteger)


class ShareRevenue(SQLModel, table=True):
    """What was ever distributed to a service in a currency; `released` is the part of it that is revenue."""

    __tablename__ = "share_revenue"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(primary_key=True, sa_type=BigInteger)
    currency: int = Field(primary_key=True)
    distributed: int = Field(default=0, sa_type=Uint256)
    released: int = Field(default=0, sa_type=Uint256)


class ShareAccount(SQLModel, table=True):
    """What a share holder is owed up to its last touch (millionths of a base unit), and what it was ever
    paid.
    """

    __tablename__ = "share_accounts"
    __table_args__ = (Index("share_accounts_by_account", "chain_id", "account"), _BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(primary_key=True, sa_type=BigInteger)
    currency: int = Field(primary_key=True)
    account: bytes = Field(primary_key=True, sa_type=AddressType)
    owed: int = Field(default=0, sa_type=Uint256)
    checkpoint: int = Field(default=0, sa_type=Uint256)
    claimed: int = Field(default=0, sa_type=Uint256)


class FeePool(SQLModel, table=True):
    """Protocol fees of a currency: waiting, and ever flushed."""

    __tablename__ = "fee_pools"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    currency: int = Field(primary_key=True)
    pending: int = Field(default=0, sa_type=Uint256)
    flushed: int = Field(default=0, sa_type=Uint256)


class Position(SQLModel, table=True):
    """A lock in the staking vault; `score` 0 once expired, `amount` 0 once unlocked."""

    __tablename__ = "positions"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    owner: bytes = Field(primary_key=True, sa_type=AddressType)
    index: int = Field(primary_key=True)
    amount: int = Field(sa_type=Uint256)
    score: int = Field(sa_type=Uint256)
    end: int = Field(sa_type=BigInteger)


class Vault(SQLModel, table=True):
    """Totals of the staking vault. Its clock shows unix time less `idle`; it runs only while there is
    score.
    """

    __tablename__ = "vaults"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    total_score: int = Field(default=0, sa_type=Uint256)
    total_locked: int = Field(default=0, sa_type=Uint256)
    updated_at: int = Field(default=0, sa_type=BigInteger)
    """Unix time the streams were advanced to."""
    idle: int = Field(default=0, sa_type=BigInteger)
    """Unix time of the deployment, and all seconds since without any score."""


class Staker(SQLModel, table=True):
    """Score of an account: the sum of its positions'."""

    __tablename__ = "stakers"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    owner: bytes = Field(primary_key=True, sa_type=AddressType)
    score: int = Field(default=0, sa_type=Uint256)


class RewardStream(SQLModel, table=True):
    """The running stream of a currency and the reward index it feeds (scaled 1e30, modulo 2**128)."""

    __tablename__ = "reward_streams"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    currency: int = Field(primary_key=True)
    index: int = Field(default=0, sa_type=Uint256)
    pending: int = Field(default=0, sa_type=Uint256)
    """Base units not streamed yet when the vault was last advanced; `seconds_left` is for how long."""
    seconds_left: int = Field(default=0, sa_type=BigInteger)
    stream_end: int = Field(default=0, sa_type=BigInteger)
    """What the vault's clock shows when the stream ends."""
    streamed: int = Field(default=0, sa_type=Uint256)
    """Base units of all streams ever begun."""


class StakerReward(SQLModel, table=True):
    """Rewards of an account: owed (millionths of a base unit) and index at its last touch, base units ever
    paid.
    """

    __tablename__ = "staker_rewards"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    owner: bytes = Field(primary_key=True, sa_type=AddressType)
    currency: int = Field(primary_key=True)
    owed: int = Field(default=0, sa_type=Uint256)
    index: int = Field(default=0, sa_type=Uint256)
    claimed: int = Field(default=0, sa_type=Uint256)


class Listing(SQLModel, table=True):
    """An offer of the market; `open` false once cancelled or sold out.

    Whether the seller still holds the units is for readers to look up in `holdings` or `shares`.
    """

    __tablename__ = "listings"
    __table_args__ = (Index("listings_by_token", "chain_id", "open", "token", "token_id"), _BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    listing_id: int = Field(primary_key=True, sa_type=BigInteger)
    seller: bytes = Field(sa_type=AddressType)
    token: bytes = Field(sa_type=AddressType)
    token_id: int = Field(sa_type=Uint256)
    units: int = Field(sa_type=Uint256)
    """Id and units are whatever the seller wrote: the market checks them when it fills."""
    unit_price: int = Field(sa_type=Uint256)
    currency: int
    expiry: int = Field(sa_type=BigInteger)
    open: bool = True
    created_at: int = Field(sa_type=BigInteger)


class TokenBalance(SQLModel, table=True):
    """EMP in a wallet."""

    __tablename__ = "token_balances"
    __table_args__ = _BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    token: bytes = Field(primary_key=True, sa_type=AddressType)
    account: bytes = Field(primary_key=True, sa_type=AddressType)
    amount: int = Field(default=0, sa_type=Uint256)


class Purchase(SQLModel, table=True):
    """A sale, as it happened."""

    __tablename__ = "purchases"
    __table_args__ = (
        Index("purchases_by_payer", "chain_id", "payer"),
        Index("purchases_by_plan", "chain_id", "plan_id"),
        _BY_KEY,
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
        _BY_KEY,
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
