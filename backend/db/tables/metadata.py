"""Documents by content hash and what they say, in the `gateway` store. Written by `backend.metadata` alone.

The bytes themselves are blobs (`backend/storage`); here is what lists and searches read.
"""

from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from backend.db.types import HashType, JsonType

_IN_STORE = {"schema": "gateway"}


class MetadataDocument(SQLModel, table=True):
    """A document whose keccak256 is `content_hash`, checked and read."""

    __tablename__ = "metadata_documents"
    __table_args__ = (Index("metadata_documents_by_slug", "slug"), _IN_STORE)

    content_hash: bytes = Field(primary_key=True, sa_type=HashType)
    kind: str
    """`service`, `limits` or `other`."""
    size: int = Field(sa_type=BigInteger)
    slug: str = ""
    name: str = ""
    words: str = ""
    """Name, summary and tags in lower case: what a search looks through."""
    document: dict[str, Any] = Field(sa_type=JsonType)
    """The document where it is JSON that passed its schema, else empty."""
    stored_at: int = Field(sa_type=BigInteger)


class MetadataFetch(SQLModel, table=True):
    """A document that could not be had yet: when to try again, and why it failed."""

    __tablename__ = "metadata_fetches"
    __table_args__ = _IN_STORE

    content_hash: bytes = Field(primary_key=True, sa_type=HashType)
    attempts: int = 0
    next_at: int = Field(sa_type=BigInteger)
    problem: str = ""
