"""Batches of settlements, written before they are sent; `backend.settlement` alone writes them."""

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from backend.db.types import AddressType, HashType, Uint256

_IN_STORE = {"schema": "gateway"}


class SettlementBatch(SQLModel, table=True):
    """One `UsageEscrow.settle` call: one plan, many payers."""

    __tablename__ = "settlement_batches"
    __table_args__ = (Index("settlement_batches_open", "chain_id", "status"), _IN_STORE)

    id: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BigInteger)
    plan_id: int = Field(sa_type=BigInteger)
    status: str
    """`prepared` (nothing sent), `sent`, `confirmed` (the indexed events say so), `split` (into smaller ones,
    because as a whole it was refused) or `abandoned` (refused line by line).
    """
    created_at: int = Field(sa_type=BigInteger)
    sent_at: int = Field(default=0, sa_type=BigInteger)
    attempts: int = 0
    tx_hash: bytes | None = Field(default=None, sa_type=HashType)
    error: str = ""
    """Why the last attempt failed; empty where it did not."""
    outbox_from: int = Field(default=0, sa_type=BigInteger)
    """Newest row of the chain store's outbox when it was prepared: its events come after that."""
    ended_at: int = Field(default=0, sa_type=BigInteger)
    """When it was confirmed, split or abandoned; 0 before."""


class SettlementLine(SQLModel, table=True):
    """One payer's line of a batch, and the receipts its root covers."""

    __tablename__ = "settlement_lines"
    __table_args__ = (
        Index("settlement_lines_by_tab", "chain_id", "plan_id", "payer", "to_sequence"),
        _IN_STORE,
    )

    batch_id: str = Field(primary_key=True)
    payer: bytes = Field(primary_key=True, sa_type=AddressType)
    chain_id: int = Field(sa_type=BigInteger)
    plan_id: int = Field(sa_type=BigInteger)
    cumulative_units: int = Field(sa_type=BigInteger)
    from_sequence: int = Field(sa_type=BigInteger)
    """Receipts with `from_sequence` < sequence <= `to_sequence` are the leaves of the root."""
    to_sequence: int = Field(sa_type=BigInteger)
    receipts_root: bytes = Field(sa_type=HashType)
    outcome: str = "pending"
    """`pending`, `settled`, `skipped` (by the escrow), `abandoned` (refused), `split` (see its batch)."""
    reason: str = ""


class Lease(SQLModel, table=True):
    """Who leads a job that only one process may do; free once expired."""

    __tablename__ = "leases"
    __table_args__ = _IN_STORE

    name: str = Field(primary_key=True)
    holder: str
    expires_at: int = Field(sa_type=BigInteger)


class SentTransaction(SQLModel, table=True):
    """A transaction of one of our keys that is not known to be mined: its number is taken, and a process that
    starts again replaces it when it is stuck.
    """

    __tablename__ = "sent_transactions"
    __table_args__ = _IN_STORE

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    sender: bytes = Field(primary_key=True, sa_type=AddressType)
    nonce: int = Field(primary_key=True, sa_type=BigInteger)
    to: bytes | None = Field(default=None, sa_type=AddressType)
    value: int = Field(sa_type=Uint256)
    data: bytes = Field(sa_type=LargeBinary)
    label: str
    gas: int = Field(sa_type=BigInteger)
    most: int = Field(sa_type=Uint256)
    """Wei a gas it offers in all; `tip` of them to the block's maker."""
    tip: int = Field(sa_type=Uint256)
    hashes: bytes = Field(sa_type=LargeBinary)
    """Every hash it was sent under, 32 bytes each."""
