"""Offers of the second-hand market, and the governance token in wallets."""

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from backend.db.tables.chain_log import BY_KEY
from backend.db.types import AddressType, Uint256


class Listing(SQLModel, table=True):
    """An offer of the market; `open` false once cancelled or sold out.

    Whether the seller still holds the units is for readers to look up in `holdings` or `shares`.
    """

    __tablename__ = "listings"
    __table_args__ = (Index("listings_by_token", "chain_id", "open", "token", "token_id"), BY_KEY)

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    listing_id: int = Field(primary_key=True, sa_type=BigInteger)
    seller: bytes = Field(sa_type=AddressType)
    token: bytes = Field(sa_type=AddressType)
    token_id: int = Field(sa_type=Uint256)
    units: int = Field(sa_type=Uint256)
    """Id and units are whatever the seller wrote: the market checks them when it fills."""
    unit_price: int = Field(sa_type=Uint256)
    currency: int
    expiry: int = Field(sa_type=BigInteger)
    open: bool = True
    created_at: int = Field(sa_type=BigInteger)


class TokenBalance(SQLModel, table=True):
    """EMP in a wallet."""

    __tablename__ = "token_balances"
    __table_args__ = BY_KEY

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    token: bytes = Field(primary_key=True, sa_type=AddressType)
    account: bytes = Field(primary_key=True, sa_type=AddressType)
    amount: int = Field(default=0, sa_type=Uint256)
