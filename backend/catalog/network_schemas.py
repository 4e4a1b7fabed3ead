"""Shapes of the whole network: totals now, and day by day. Amounts are text, base units."""

from pydantic import BaseModel, Field


class StreamReply(BaseModel):
    """Rewards of one currency on their way to stakers."""

    currency: int
    left: str = Field(description="Not streamed yet at the indexed block.")
    per_day: str = Field(description="What a day of the stream pays to all stakers together, down.")
    ends: int = Field(description="Unix time, if there is score until then; 0 for a stream that has ended.")


class NetworkReply(BaseModel):
    """Totals of one chain at the indexed block."""

    chain_id: int
    block_number: int
    block_timestamp: int
    services: int = Field(description="Not retired.")
    plans: int
    buyers: int = Field(description="Wallets that ever paid for a unit.")
    holders: int = Field(description="Wallets that hold a unit now.")
    paid: dict[int, str] = Field(description="Paid for units so far, by currency.")
    refunded: dict[int, str]
    revenue: dict[int, str] = Field(description="Released by use, before fees.")
    locked: str = Field(description="EMP in the staking vault.")
    score: str
    streams: list[StreamReply]


class HistoryDay(BaseModel):
    """One UTC day."""

    day: int = Field(description="Unix time of its midnight.")
    purchases: int
    buyers: int
    paid: dict[int, str]
    revenue: dict[int, str]
    services: int = Field(description="Registered up to the end of the day.")
    locked: str = Field(description="EMP in the staking vault at the end of the day.")


class HistoryReply(BaseModel):
    """Every day of a period, oldest first; a day without events stands there with nothing."""

    chain_id: int
    days: list[HistoryDay]
