"""Shares and the staking vault: who is owed what of the revenue and of the fees."""

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from backend.db.tables.chain_log import BY_KEY
from backend.db.types import AddressType, Uint256


class Share(SQLModel, table=True):
    """Shares of a service in a wallet; 1,000,000 a service."""

    __tablename__ = "shares"
    __table_args__ = (Index("shares_by_account", "chain_id", "account", "service_id"), BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(primary_key=True, sa_type=BigInteger)
    account: bytes = Field(primary_key=True, sa_type=AddressType)
    units: int = Field(default=0, sa_type=BigInteger)


class ShareRevenue(SQLModel, table=True):
    """What was ever distributed to a service in a currency; `released` is the part of it that is revenue."""

    __tablename__ = "share_revenue"
    __table_args__ = BY_KEY

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
    __table_args__ = (Index("share_accounts_by_account", "chain_id", "account"), BY_KEY)

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
    __table_args__ = BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    currency: int = Field(primary_key=True)
    pending: int = Field(default=0, sa_type=Uint256)
    flushed: int = Field(default=0, sa_type=Uint256)


class Position(SQLModel, table=True):
    """A lock in the staking vault; `score` 0 once expired, `amount` 0 once unlocked."""

    __tablename__ = "positions"
    __table_args__ = BY_KEY

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
    __table_args__ = BY_KEY

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
    __table_args__ = BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    owner: bytes = Field(primary_key=True, sa_type=AddressType)
    score: int = Field(default=0, sa_type=Uint256)


class RewardStream(SQLModel, table=True):
    """The running stream of a currency and the reward index it feeds (scaled 1e30, modulo 2**128)."""

    __tablename__ = "reward_streams"
    __table_args__ = BY_KEY

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
    __table_args__ = BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    owner: bytes = Field(primary_key=True, sa_type=AddressType)
    currency: int = Field(primary_key=True)
    owed: int = Field(default=0, sa_type=Uint256)
    index: int = Field(default=0, sa_type=Uint256)
    claimed: int = Field(default=0, sa_type=Uint256)
