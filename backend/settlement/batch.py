"""Which tabs to settle, and for how much; pure.

Settlements are cumulative for the life of a tab and in whole credits, rounded down; the fraction stays open
and is rounded up only where the payer closes the tab.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby
from typing import Final

from backend.core.errors import (
    ContractRevert,
    DeploymentMismatch,
    EmporionError,
    InsufficientFunds,
    TransactionReverted,
    WrongChain,
)
from backend.core.units import PlanId, Units, UnixTime
from backend.meter.pricing import SECONDS_A_DAY, TabState, units_down, units_up
from backend.meter.schemas import TabKey

MAX_LINES: Final = 100
"""Lines of one call: about 1.4 million gas."""
MAX_ATTEMPTS: Final = 5
"""Refusals after which a line on its own is given up."""
FIRST_PAUSE: Final = 600
LONGEST_PAUSE: Final = SECONDS_A_DAY
HOPELESS: Final = frozenset({"UsageEscrow_NotMeter"})
"""Refusals of every line alike."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When a tab is due: so many whole credits are unsettled, or the oldest is so old (seconds)."""

    min_units: int = 1
    max_age: int = 60
    eager_units: int = 100
    """From so many credits on a tab does not wait for `max_age`."""


@dataclass(frozen=True, slots=True)
class OpenTab:
    """A tab with usage of ours: micro-credits spent in its life, newest sequence, the mirrored tab."""

    key: TabKey
    spent: int
    held: int
    sequence: int
    oldest_unsettled_at: UnixTime
    mirror: TabState
    vouched: Units | None = None
    """Credits the payer's largest voucher covers; None where the tab demands none."""
    failures: int = 0
    """Lines for credits still unsettled that were skipped or abandoned."""
    failed_at: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One payer's line: settle the tab up to `cumulative_units`."""

    key: TabKey
    cumulative_units: Units
    to_sequence: int


def cumulative_due(tab: OpenTab, now: UnixTime) -> Units:
    """Credits the tab can be settled to now: what was served, no more than the escrow would take."""
    closing = tab.mirror.withdraw_at > 0 and tab.held == 0
    served = units_up(tab.spent) if closing else units_down(tab.spent)
    # A requested withdrawal stops new requests, not the settlement of old ones.
    backed = replace(tab.mirror, withdraw_at=0).backed(now // SECONDS_A_DAY)
    covered = served if tab.vouched is None else min(served, tab.vouched)
    return Units(min(covered, tab.mirror.settled + backed))


def pause_after(failures: int) -> int:
    """Seconds a tab rests after so many lines of it failed: a bad voucher must not burn gas for ever."""
    return min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE) if failures else 0


def is_due(tab: OpenTab, policy: Policy, now: UnixTime) -> bool:
    """Whether a tab should be settled now."""
    fresh = cumulative_due(tab, now) - tab.mirror.settled
    if fresh <= 0 or now - tab.failed_at < pause_after(tab.failures):
        return False
    if tab.mirror.withdraw_at or fresh >= policy.eager_units:
        return True
    return fresh >= policy.min_units and now - tab.oldest_unsettled_at >= policy.max_age


def plan_batches(tabs: Iterable[OpenTab], policy: Policy, now: UnixTime) -> list[tuple[PlanId, list[Line]]]:
    """Lines of the tabs that are due, one plan a batch, at most MAX_LINES each, in a fixed order."""
    due = sorted((tab for tab in tabs if is_due(tab, policy, now)), key=_place)
    batches: list[tuple[PlanId, list[Line]]] = []
    for plan_id, members in groupby(due, key=lambda tab: tab.key.plan_id):
        lines = [Line(tab.key, cumulative_due(tab, now), tab.sequence) for tab in members]
        batches += [(plan_id, lines[start : start + MAX_LINES]) for start in range(0, len(lines), MAX_LINES)]
    return batches


def _place(tab: OpenTab) -> tuple[int, bytes]:
    return tab.key.plan_id, tab.key.payer


class Verdict(Enum):
    """What becomes of a batch that could not be sent."""

    AGAIN = "again"
    SPLIT = "split"
    ABANDON = "abandon"


def verdict_on(error: EmporionError, attempts: int, lines: int) -> Verdict:
    """A node that is down or a key without gas is waited for; what the chain refuses is narrowed down.

    `attempts` counts this one. A batch of several lines is halved, so that one bad line holds up no other.
    """
    if isinstance(error, ContractRevert) and error.name in HOPELESS:
        return Verdict.ABANDON
    if error.retryable or isinstance(error, InsufficientFunds | DeploymentMismatch | WrongChain):
        return Verdict.AGAIN
    if lines > 1:
        final = isinstance(error, TransactionReverted)
        return Verdict.SPLIT if final or attempts >= MAX_ATTEMPTS else Verdict.AGAIN
    return Verdict.ABANDON if attempts >= MAX_ATTEMPTS else Verdict.AGAIN


@dataclass(frozen=True, slots=True)
class LeavingTab:
    """A tab whose payer asked to withdraw, at a service whose only meter is ours."""

    key: TabKey
    spent: int
    held: int
    mirror: TabState


def may_close(tab: LeavingTab, now: UnixTime) -> bool:
    """Whether nothing is left for us to take, so that the payer need not wait for the delay."""
    waits = tab.mirror.withdraw_at > now and tab.mirror.balance > 0
    return waits and tab.held == 0 and units_up(tab.spent) <= tab.mirror.settled
