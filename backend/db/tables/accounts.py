"""Sign-in, keys and their audit trail in the `gateway` store. Written by `backend.accounts` alone.

Secrets are never kept: a row holds the SHA-256 of a key or session token. Times are unix seconds; spending
is in
micro-credits.
"""

from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from backend.db.types import AddressType, BigId, HashType, JsonType

_IN_STORE = {"schema": "gateway"}


class ApiKey(SQLModel, table=True):
    """A right a wallet delegated, whatever secret proves it now."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("api_keys_by_account", "chain_id", "account"), _IN_STORE)

    key_id: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BigInteger)
    account: bytes = Field(sa_type=AddressType)
    name: str
    scopes: list[str] = Field(sa_type=JsonType)
    services: list[int] = Field(sa_type=JsonType)
    """Service ids it is limited to; empty for all."""
    networks: list[str] = Field(sa_type=JsonType)
    """CIDRs it may come from; empty for any."""
    daily_cap: int | None = Field(default=None, sa_type=BigInteger)
    version: int = 1
    created_at: int = Field(sa_type=BigInteger)
    expires_at: int | None = Field(default=None, sa_type=BigInteger)
    """The end its owner wanted."""
    ends_at: int | None = Field(default=None, sa_type=BigInteger)
    """The same, or sooner: when the current secret reaches the greatest age the gateway allows."""
    revoked_at: int | None = Field(default=None, sa_type=BigInteger)
    last_used_at: int | None = Field(default=None, sa_type=BigInteger)


class ApiKeySecret(SQLModel, table=True):
    """A secret of a key; while a rotation overlaps there are two."""

    __tablename__ = "api_key_secrets"
    __table_args__ = (Index("api_key_secrets_by_key", "key_id", "version"), _IN_STORE)

    secret_hash: bytes = Field(primary_key=True, sa_type=HashType)
    """SHA-256 of the whole key as the caller sends it."""
    key_id: str
    version: int
    created_at: int = Field(sa_type=BigInteger)
    valid_until: int | None = Field(default=None, sa_type=BigInteger)
    """End of the overlap; none for the current secret."""


class ApiKeyDay(SQLModel, table=True):
    """Use of a key on one UTC day; `reserved` is set aside for requests under way of a capped key."""

    __tablename__ = "api_key_days"
    __table_args__ = _IN_STORE

    key_id: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    requests: int = Field(default=0, sa_type=BigInteger)
    spent: int = Field(default=0, sa_type=BigInteger)
    reserved: int = Field(default=0, sa_type=BigInteger)


class ApiKeyNetwork(SQLModel, table=True):
    """A network (IPv4 /24, IPv6 /48) a key was used from."""

    __tablename__ = "api_key_networks"
    __table_args__ = _IN_STORE

    key_id: str = Field(primary_key=True)
    network: str = Field(primary_key=True)
    first_seen_at: int = Field(sa_type=BigInteger)


class WalletSession(SQLModel, table=True):
    """A wallet's own session, opened by a signature at `signed_at`."""

    __tablename__ = "wallet_sessions"
    __table_args__ = (Index("wallet_sessions_by_account", "chain_id", "account"), _IN_STORE)

    token_hash: bytes = Field(primary_key=True, sa_type=HashType)
    chain_id: int = Field(sa_type=BigInteger)
    account: bytes = Field(sa_type=AddressType)
    signed_at: int = Field(sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)
    revoked_at: int | None = Field(default=None, sa_type=BigInteger)


class UsedNonce(SQLModel, table=True):
    """A nonce that proved something once; the insert is the check. Kept until its signature is worthless."""

    __tablename__ = "used_nonces"
    __table_args__ = (Index("used_nonces_by_expiry", "expires_at"), _IN_STORE)

    purpose: str = Field(primary_key=True)
    nonce: str = Field(primary_key=True)
    expires_at: int = Field(sa_type=BigInteger)


class AuditEntry(SQLModel, table=True):
    """Something that was done with an account's credentials; rows are added, never changed."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_by_account", "chain_id", "account", "id"), _IN_STORE)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: int = Field(sa_type=BigInteger)
    chain_id: int = Field(sa_type=BigInteger)
    account: bytes = Field(sa_type=AddressType)
    action: str
    subject: str
    network: str = ""
    details: dict[str, Any] = Field(sa_type=JsonType)
