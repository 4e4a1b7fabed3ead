"""Shapes of a statement as JSON. Amounts are base units as text, values 10**-8 of the quote as text."""

from typing import Literal

from pydantic import BaseModel, Field


class StatementLine(BaseModel):
    """One line. What is not known is null and counted, never guessed."""

    time: int
    block: int
    log_index: int | None = Field(description="Null for gas, which no log tells.")
    transaction: str
    category: Literal["income", "reward", "royalty", "disposal", "gift", "transfer", "expense"]
    kind: str
    asset: Literal["plan", "shares", "service", "currency"]
    asset_id: int = Field(description="Plan, service or currency index, by `asset`.")
    quantity: str = Field(description="Units, or base units of money; no sign.")
    held: str = Field(description="Change of the account's own units; negative where they left.")
    currency: int | None
    amount: str = Field(description="What the line is worth, base units of its currency.")
    cash: str = Field(description="Change of the account's money, base units of the currency.")
    value: str | None = Field(description="Worth in the quote at that time; null without a price.")
    counterparty: str | None
    basis: dict[int, str] | None = Field(description="Cost of units that left, base units by currency.")
    basis_value: str | None
    acquired_first: int | None
    acquired_last: int | None
    gain: str | None = Field(description="Of a disposal: base units of its currency.")
    gain_value: str | None


class StatementTotal(BaseModel):
    """Sums of one category and currency."""

    category: str
    currency: int | None
    lines: int
    amount: str
    cash: str
    gain: str
    value: str | None = Field(description="Null where a price is missing.")


class StatementCurrency(BaseModel):
    """A currency of the lines; -2 is what gas is paid in."""

    index: int
    symbol: str
    decimals: int


class StatementReply(BaseModel):
    """A statement of a period, true at a block."""

    account: str
    chain_id: int
    start: int
    end: int | None
    method: Literal["fifo", "average"]
    quote: str
    block_number: int
    block_hash: str
    missing_prices: int
    missing_basis: int
    missing_gas: int = Field(description="Transactions too young for their gas to be known.")
    currencies: list[StatementCurrency]
    totals: list[StatementTotal]
    lines: list[StatementLine]
