"""Shapes of what an account used here."""

from typing import Literal

from pydantic import BaseModel


class UsageDay(BaseModel):
    """One UTC day in one plan; units are in the plan's measure."""

    day: int
    """Unix time of its midnight."""
    plan_id: int
    service_id: int
    calls: int
    failed: int
    units_in: str
    units_out: str
    charged_micro_credits: str
    """What is asked for: the receipts' sum less what was voided of it."""
    voided_micro_credits: str
    """What is not asked for any more since forks took back the deposits behind it."""


class UsageReply(BaseModel):
    """The caller's use by day and plan, oldest first; days without a call are left out."""

    account: str
    days: list[UsageDay]


class CallReply(BaseModel):
    """One answered request; its signed receipt is at `GET /v1/receipts/{request_id}`."""

    request_id: str
    plan_id: int
    service_id: int
    route: str
    outcome: Literal["completed", "partial", "failed"]
    units_in: str
    units_out: str
    micro_credits: str
    issued_at: int
    voided_micro_credits: str | None
    """Of its charge, what is not asked for any more since a fork took back the deposit behind it."""


class CallPage(BaseModel):
    """Requests, newest first; send `next` as `before` for older ones."""

    calls: list[CallReply]
    next: str | None
