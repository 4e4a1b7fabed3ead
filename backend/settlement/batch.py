"""Which tabs to settle, and for how much; pure.

Settlements are cumulative for the life of a tab and in whole credits, rounded down; the fraction stays open
and is rounded up only where the payer closes the tab.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from backend.core.units import PlanId, Units, UnixTime
from backend.meter.pricing import SECONDS_A_DAY, TabState, units_down, units_up
from backend.meter.schemas import TabKey

MAX_LINES: Final = 100
"""Lines of one call: about 1.4 million gas."""


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
    backed = TabState(
        tab.mirror.balance,
        tab.mirror.settled,
        0,  # a requested withdrawal stops new requests, not the settlement of old ones
        tab.mirror.daily_limit,
        tab.mirror.spent_on_day,
        tab.mirror.day,
    ).backed(now // SECONDS_A_DAY)
    return Units(min(served, tab.mirror.settled + backed))


def is_due(tab: OpenTab, policy: Policy, now: UnixTime) -> bool:
    """Whether a tab should be settled now."""
    fresh = cumulative_due(tab, now) - tab.mirror.settled
    if fresh <= 0:
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
