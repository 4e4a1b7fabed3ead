"""Webhooks in the `gateway` store. Written by `backend.feed` alone. Times are unix seconds."""

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from backend.db.types import AddressType, BigId

_IN_STORE = {"schema": "gateway"}


class WebhookEndpoint(SQLModel, table=True):
    """A URL that an account wants events sent to. `cursor` is the last outbox row it was considered for."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index("webhook_endpoints_by_account", "chain_id", "account"), _IN_STORE)

    endpoint_id: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BigInteger)
    account: bytes = Field(sa_type=AddressType)
    url: str
    finality: str
    service_id: int | None = Field(default=None, sa_type=BigInteger)
    about: bytes | None = Field(default=None, sa_type=AddressType)
    """Only events of this account."""
    cursor: int = Field(sa_type=BigInteger)
    secret: bytes = Field(sa_type=LargeBinary)
    earlier_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Signs too until `earlier_until`."""
    earlier_until: int = Field(default=0, sa_type=BigInteger)
    created_at: int = Field(sa_type=BigInteger)
    disabled_at: int | None = Field(default=None, sa_type=BigInteger)


class WebhookDelivery(SQLModel, table=True):
    """One event for one endpoint: the same event is never queued twice for it."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("webhook_deliveries_once", "endpoint_id", "outbox_id", unique=True),
        Index("webhook_deliveries_due", "state", "next_at"),
        _IN_STORE,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    endpoint_id: str
    outbox_id: int = Field(sa_type=BigInteger)
    message_id: str
    payload: bytes = Field(sa_type=LargeBinary)
    state: str
    """`due`, `delivered`, or `dead` once every retry has failed."""
    attempts: int = 0
    next_at: int = Field(sa_type=BigInteger)
    last_status: int | None = None
    """HTTP status of the last answer; none where there was no answer."""
    created_at: int = Field(sa_type=BigInteger)
    delivered_at: int | None = Field(default=None, sa_type=BigInteger)
