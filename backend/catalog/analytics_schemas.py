"""Shapes of a provider's analytics."""

from typing import Literal

from pydantic import BaseModel, Field

By = Literal["hour", "day", "plan"]


class AnalyticsRow(BaseModel):
    """Sums of one span or plan. Units are the plan's measure: tokens for language models."""

    start: int | None = Field(description="Unix time of the span's begin; null by plan.")
    plan_id: int | None = Field(description="Null by hour and day.")
    calls: int
    failed: int
    partial: int
    units_in: str
    units_out: str
    charged_micro_credits: str = Field(description="What is asked for: charges less what was voided.")
    voided_micro_credits: str = Field(description="Charges whose deposits forks took back.")
    lost_micro_credits: str
    used: dict[int, str] = Field(description="Worth of what is asked for, base units by currency, down.")


class Percentiles(BaseModel):
    """Milliseconds within which so many of a hundred calls were done; null without any."""

    p50: int | None
    p90: int | None
    p99: int | None


class Outcomes(BaseModel):
    """Calls of a route by how they ended."""

    route: str
    completed: int
    partial: int
    failed: int
    faults: dict[str, int] = Field(
        description="Why those are not completed: an error's code, `caller_left` or `empty_answer`."
    )


class PlanSales(BaseModel):
    """Purchases of a plan in the period."""

    plan_id: int
    purchases: int
    units: str
    currency: int
    paid_base_units: str
    buyers: int


class Cohort(BaseModel):
    """Buyers by the week of their first call; `active[n]` of them called in the n-th week after it."""

    week: int = Field(description="Unix time of the week's begin.")
    buyers: int
    active: list[int]


class AnalyticsReply(BaseModel):
    """What this gateway served of a service in a period."""

    service_id: int
    start: int
    end: int
    by: By
    rows: list[AnalyticsRow]
    latency: Percentiles = Field(description="Until the last byte.")
    first_byte: Percentiles = Field(description="Until the first byte, where it was measured.")
    errors: list[Outcomes]
    sales: list[PlanSales]
    retention: list[Cohort]
