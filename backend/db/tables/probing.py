"""What was measured of services, in the `gateway` store. Written by `backend.probing` alone.

Times are unix seconds or milliseconds as named; a share is in millionths; speed is in thousandths of a token
a second.
"""

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from backend.db.types import AddressType, BigId

_IN_STORE = {"schema": "gateway"}


class Probe(SQLModel, table=True):
    """One paid call of a prober, and how it went; rows are added, never changed."""

    __tablename__ = "probes"
    __table_args__ = (Index("probes_by_service", "chain_id", "service_id", "prober", "at"), _IN_STORE)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    chain_id: int = Field(sa_type=BigInteger)
    service_id: int = Field(sa_type=BigInteger)
    prober: bytes = Field(sa_type=AddressType)
    at: int = Field(sa_type=BigInteger)
    up: bool
    first_token_ms: int | None = None
    speed: int | None = Field(default=None, sa_type=BigInteger)
    reason: str = ""
    """Why it was not up: a status or a kind of fault, never an upstream's words."""


class Measured(SQLModel, table=True):
    """The figures of one service by one who measured it: a prober, or this gateway while it served."""

    __tablename__ = "measured"
    __table_args__ = _IN_STORE

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(primary_key=True, sa_type=BigInteger)
    measured_by: bytes = Field(primary_key=True, sa_type=AddressType)
    source: str = Field(primary_key=True)
    """`prober` (calls of its own, paid) or `gateway` (what it served its customers)."""
    since: int = Field(sa_type=BigInteger)
    until: int = Field(sa_type=BigInteger)
    samples: int = Field(sa_type=BigInteger)
    uptime_ppm: int = Field(sa_type=BigInteger)
    first_token_ms: int | None = Field(default=None, sa_type=BigInteger)
    speed: int | None = Field(default=None, sa_type=BigInteger)
