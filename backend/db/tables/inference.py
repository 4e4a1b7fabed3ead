"""Upstreams that providers bound to their services, in the `gateway` store. Written by `backend.inference`
alone.
"""

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel


class BoundUpstream(SQLModel, table=True):
    """Where requests of one service are sent. Health and circuit breakers are each process's own, not
    stored.
    """

    __tablename__ = "upstreams"
    __table_args__ = (Index("upstreams_by_service", "chain_id", "service_id"), {"schema": "gateway"})

    upstream_id: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BigInteger)
    service_id: int = Field(sa_type=BigInteger)
    kind: str
    url: str
    model: str
    weight: int
    timeout_seconds: int
    secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed (`backend.inference.secrets`), readable only for `secret_origin`."""
    secret_origin: str = ""
    updated_at: int = Field(sa_type=BigInteger)
    """Unix seconds."""
