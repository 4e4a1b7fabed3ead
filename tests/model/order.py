"""A purchase as it was asked for, and what plans and orders may be."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.model.records import DAY, HOUR, MAX_UNITS, PASS, TIMED
from tests.model.refusal import refuse

MAX_ROYALTY_BPS = 2_500
MIN_PERIOD, MAX_PERIOD = HOUR, 3_650 * DAY


class Order(NamedTuple):
    """What a purchase says."""

    plan_id: int
    units: int
    payer: bytes
    recipient: bytes
    max_cost: int
    deadline: int
    then: int


def is_soulbound(plan_id: int) -> bool:
    """Whether its units stay with their holder."""
    return plan_id & 4 == 0


def require_payer(order: Order) -> None:
    """Nobody's cap or access is used up by a stranger's purchase."""
    if order.recipient != order.payer:
        refuse("AccessToken_RecipientNotPayer")


def require_valid(terms: Mapping[str, Any]) -> None:
    """What the terms of a plan may be."""
    timed = terms["kind"] == TIMED
    if not (MIN_PERIOD <= terms["period"] <= MAX_PERIOD if timed else terms["period"] == 0):
        refuse("AccessToken_BadPeriod")
    if terms["kind"] == PASS and terms["refundable"]:
        refuse("AccessToken_PassNotRefundable")
    if terms["royaltyBps"] > MAX_ROYALTY_BPS:
        refuse("AccessToken_RoyaltyTooHigh")
    if max(terms["supplyCap"], terms["accountCap"]) >= MAX_UNITS:
        refuse("AccessToken_CapTooHigh")
    if terms["earlySeconds"] > terms["saleStart"]:
        refuse("AccessToken_EarlyBeforeTime")
