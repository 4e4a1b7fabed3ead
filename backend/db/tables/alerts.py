"""Alerts in the `gateway` store: what accounts want to be told, where, and what was. Written by
`backend.alerts` alone. Times are unix seconds.
"""

from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.db.types import AddressType, BigId, HashType, JsonType, Uint256

_IN_STORE = {"schema": "gateway"}


class AlertAccount(SQLModel, table=True):
    """An account that set alerts up; its quiet hours in minutes of the UTC day (none: no quiet)."""

    __tablename__ = "alert_accounts"
    __table_args__ = _IN_STORE

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    account: bytes = Field(primary_key=True, sa_type=AddressType)
    quiet_from: int | None = None
    quiet_to: int | None = None
    updated_at: int = Field(sa_type=BigInteger)


class AlertRule(SQLModel, table=True):
    """A kind of alert that an account wants, from which threshold on, by which channels."""

    __tablename__ = "alert_rules"
    __table_args__ = _IN_STORE

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    account: bytes = Field(primary_key=True, sa_type=AddressType)
    kind: str = Field(primary_key=True)
    threshold: int = Field(sa_type=Uint256)
    channels: list[str] = Field(sa_type=JsonType)
    since: int = Field(sa_type=BigInteger)
    """When it was switched on: nothing older is told."""


class AlertChannel(SQLModel, table=True):
    """A place alerts are sent to, once it is confirmed. Its target and secret are encrypted."""

    __tablename__ = "alert_channels"
    __table_args__ = (Index("alert_channels_by_account", "chain_id", "account"), _IN_STORE)

    id: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BigInteger)
    account: bytes = Field(sa_type=AddressType)
    scheme: str
    shown: str
    """The target with its secrets left out."""
    sealed_target: bytes = Field(sa_type=LargeBinary)
    sealed_secret: bytes = Field(sa_type=LargeBinary)
    """What signs web hooks."""
    code_hash: bytes = Field(sa_type=HashType)
    code_until: int = Field(sa_type=BigInteger)
    tries: int = 0
    created_at: int = Field(sa_type=BigInteger)
    confirmed_at: int | None = Field(default=None, sa_type=BigInteger)
    removed_at: int | None = Field(default=None, sa_type=BigInteger)


class Alert(SQLModel, table=True):
    """Something an account was told; one row a cause."""

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("chain_id", "account", "kind", "cause", name="alerts_once_a_cause"),
        Index("alerts_by_account", "chain_id", "account", "id"),
        _IN_STORE,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    chain_id: int = Field(sa_type=BigInteger)
    account: bytes = Field(sa_type=AddressType)
    kind: str
    cause: str
    at: int = Field(sa_type=BigInteger)
    text: str
    facts: dict[str, Any] = Field(sa_type=JsonType)


class AlertDelivery(SQLModel, table=True):
    """An alert on its way to a channel."""

    __tablename__ = "alert_deliveries"
    __table_args__ = (Index("alert_deliveries_due", "state", "next_at"), _IN_STORE)

    alert_id: int = Field(primary_key=True, sa_type=BigInteger)
    channel_id: str = Field(primary_key=True)
    state: str = "waiting"
    """`waiting`, `sent` or `given-up`."""
    next_at: int = Field(sa_type=BigInteger)
    attempts: int = 0
    error: str = ""
