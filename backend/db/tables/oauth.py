"""Apps of third parties and what wallets let them do, in the `gateway` store. Written by `backend.accounts`.

An app's client id is public; codes and tokens are kept as SHA-256. Whatever an app holds hangs on a grant, so
that revoking the grant ends all of it. Times are unix seconds.
"""

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from backend.db.types import AddressType, HashType, JsonType

_IN_STORE = {"schema": "gateway"}


class OAuthApp(SQLModel, table=True):
    """A public client: it has no secret, so only its exact redirect URIs and PKCE tell it apart."""

    __tablename__ = "oauth_apps"
    __table_args__ = (Index("oauth_apps_by_account", "chain_id", "account"), _IN_STORE)

    client_id: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BigInteger)
    account: bytes = Field(sa_type=AddressType)
    """Who registered it."""
    name: str
    uri: str = ""
    redirect_uris: list[str] = Field(sa_type=JsonType)
    scopes: list[str] = Field(sa_type=JsonType)
    created_at: int = Field(sa_type=BigInteger)
    removed_at: int | None = Field(default=None, sa_type=BigInteger)


class OAuthGrant(SQLModel, table=True):
    """What a wallet approved for an app."""

    __tablename__ = "oauth_grants"
    __table_args__ = (
        Index("oauth_grants_by_account", "chain_id", "account"),
        Index("oauth_grants_by_app", "client_id"),
        _IN_STORE,
    )

    grant_id: str = Field(primary_key=True)
    client_id: str
    chain_id: int = Field(sa_type=BigInteger)
    account: bytes = Field(sa_type=AddressType)
    scopes: list[str] = Field(sa_type=JsonType)
    services: list[int] = Field(sa_type=JsonType)
    """Service ids it is limited to; empty for all."""
    daily_cap: int | None = Field(default=None, sa_type=BigInteger)
    created_at: int = Field(sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)
    revoked_at: int | None = Field(default=None, sa_type=BigInteger)
    last_used_at: int | None = Field(default=None, sa_type=BigInteger)


class OAuthCode(SQLModel, table=True):
    """An authorization code: presented once, whatever comes of it."""

    __tablename__ = "oauth_codes"
    __table_args__ = (Index("oauth_codes_by_expiry", "expires_at"), _IN_STORE)

    code_hash: bytes = Field(primary_key=True, sa_type=HashType)
    grant_id: str
    redirect_uri: str
    challenge: str
    expires_at: int = Field(sa_type=BigInteger)
    used_at: int | None = Field(default=None, sa_type=BigInteger)


class OAuthToken(SQLModel, table=True):
    """An access or refresh token; a refresh token is used once."""

    __tablename__ = "oauth_tokens"
    __table_args__ = (
        Index("oauth_tokens_by_grant", "grant_id"),
        Index("oauth_tokens_by_expiry", "expires_at"),
        _IN_STORE,
    )

    token_hash: bytes = Field(primary_key=True, sa_type=HashType)
    grant_id: str
    kind: str
    """`access` or `refresh`."""
    scopes: list[str] = Field(sa_type=JsonType)
    created_at: int = Field(sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)
    used_at: int | None = Field(default=None, sa_type=BigInteger)
    """When it was exchanged or revoked: dead from then on."""


class OAuthDevice(SQLModel, table=True):
    """A request of an app without a browser, waiting for the wallet's owner to enter its code."""

    __tablename__ = "oauth_devices"
    __table_args__ = (
        Index("oauth_devices_by_code", "user_hash"),
        Index("oauth_devices_by_expiry", "expires_at"),
        _IN_STORE,
    )

    device_hash: bytes = Field(primary_key=True, sa_type=HashType)
    user_hash: bytes = Field(sa_type=HashType)
    client_id: str
    scopes: list[str] = Field(sa_type=JsonType)
    expires_at: int = Field(sa_type=BigInteger)
    polled_at: int | None = Field(default=None, sa_type=BigInteger)
    grant_id: str | None = None
    """Set when approved."""
    denied_at: int | None = Field(default=None, sa_type=BigInteger)
    redeemed_at: int | None = Field(default=None, sa_type=BigInteger)
