"""The `chain` store as it comes from the node: blocks, logs, the way back, and what readers are told."""

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from backend.db.types import AddressType, BigId, HashType, Uint256

SCHEMA: Final = "chain"
IN_STORE = {"schema": SCHEMA}
BY_KEY = {"schema": SCHEMA, "sqlite_with_rowid": False}
"""Rows lie in the order of their key: one tree to write instead of two (SQLite)."""
_RETRACTION = text("retracts IS NOT NULL")


class Chain(SQLModel, table=True):
    """One chain the store follows, and the head its rows are true for."""

    __tablename__ = "chains"
    __table_args__ = BY_KEY

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
    receipts_number: int = Field(default=0, sa_type=BigInteger)
    """Final block up to which `receipts` are kept."""
    reorgs: int = Field(default=0, sa_type=BigInteger)


class Lease(SQLModel, table=True):
    """Who may write this store (SQLite; PostgreSQL has advisory locks), until when."""

    __tablename__ = "leases"
    __table_args__ = BY_KEY

    name: str = Field(primary_key=True)
    holder: str
    expires_at_ms: int = Field(sa_type=BigInteger)


class Heartbeat(SQLModel, table=True):
    """When a node last confirmed the stored head, apart from it so that an idle chain moves one tiny row."""

    __tablename__ = "heartbeats"
    __table_args__ = BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    confirmed_at_ms: int = Field(sa_type=BigInteger)
    node_number: int = Field(sa_type=BigInteger)


class Block(SQLModel, table=True):
    """Header of every block from the deployment on, whether it has logs of ours or not."""

    __tablename__ = "blocks"
    __table_args__ = BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    hash: bytes = Field(sa_type=HashType)
    parent_hash: bytes = Field(sa_type=HashType)
    timestamp: int = Field(sa_type=BigInteger)


class Log(SQLModel, table=True):
    """A raw log of one of our contracts; projections can be rebuilt from these alone. `topics` are joined."""

    __tablename__ = "logs"
    __table_args__ = BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    block_number: int = Field(primary_key=True, sa_type=BigInteger)
    log_index: int = Field(primary_key=True, sa_type=BigInteger)
    block_hash: bytes = Field(sa_type=HashType)
    tx_hash: bytes = Field(sa_type=HashType)
    tx_index: int = Field(sa_type=BigInteger)
    address: bytes = Field(sa_type=AddressType)
    topics: bytes = Field(sa_type=LargeBinary)
    data: bytes = Field(sa_type=LargeBinary)


class TransactionReceipt(SQLModel, table=True):
    """A transaction to one of our contracts in a final block, a failed one too, and what its gas cost."""

    __tablename__ = "receipts"
    __table_args__ = (Index("receipts_by_sender", "chain_id", "sender", "block_number"), BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    tx_hash: bytes = Field(primary_key=True, sa_type=HashType)
    block_number: int = Field(sa_type=BigInteger)
    tx_index: int = Field(sa_type=BigInteger)
    sender: bytes = Field(sa_type=AddressType)
    receiver: bytes = Field(sa_type=AddressType)
    gas_used: int = Field(sa_type=BigInteger)
    gas_price: int = Field(sa_type=Uint256)
    """Wei for one gas."""
    ok: bool


class Undo(SQLModel, table=True):
    """What a projection row was before a block changed it; kept until the block is final."""

    __tablename__ = "undo"
    __table_args__ = BY_KEY

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
        IN_STORE,
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
