"""Prices of currencies at points in time, in the `gateway` store. Written by `backend.pricing` alone."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from backend.db.types import Uint256


class PricePoint(SQLModel, table=True):
    """What one whole unit of a currency was worth from a time on: `answer / 10**decimals` of the quote."""

    __tablename__ = "price_points"
    __table_args__ = {"schema": "gateway", "sqlite_with_rowid": False}

    symbol: str = Field(primary_key=True)
    quote: str = Field(primary_key=True)
    at: int = Field(primary_key=True, sa_type=BigInteger)
    answer: int = Field(sa_type=Uint256)
    decimals: int
    source: str
