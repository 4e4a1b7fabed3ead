"""Arithmetic of the rate card: integers only, the rounding in every name.

A credit is 1,000,000 micro-credits. A rate card gives micro-credits a request, a measure in and a measure out
(`contracts/src/types/DataTypes.sol`, `PlanTerms`).
"""

from dataclasses import dataclass
from typing import Final

from backend.core.units import MICRO, MicroCredits, Units

UNITS_CEILING: Final = 9_000_000_000_000
"""Credits of a tab that are counted at most: times a million they still fit a signed 64-bit column."""
SECONDS_A_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class RateCard:
    """Micro-credits for a request, for a measure in, for a measure out."""

    per_request: int
    per_unit_in: int
    per_unit_out: int

    @property
    def free(self) -> bool:
        """Whether no request can cost anything."""
        return not (self.per_request or self.per_unit_in or self.per_unit_out)


def cost_exact(card: RateCard, units_in: int, units_out: int) -> MicroCredits:
    """Micro-credits of one request; exact, nothing is rounded. Raises ValueError for a negative count."""
    if units_in < 0 or units_out < 0:
        raise ValueError(f"measures cannot be negative: in {units_in}, out {units_out}")
    return MicroCredits(card.per_request + card.per_unit_in * units_in + card.per_unit_out * units_out)


def units_down(amount: int) -> Units:
    """Whole credits in an amount of micro-credits; the fraction stays open."""
    return Units(amount // MICRO)


def units_up(amount: int) -> Units:
    """Whole credits that cover an amount of micro-credits; used when a tab is closed."""
    return Units(-(-amount // MICRO))


def kib_up(size: int) -> Units:
    """KiB that hold `size` bytes."""
    return Units(-(-size // 1024))


@dataclass(frozen=True, slots=True)
class TabState:
    """A tab as the indexer mirrors it; whole credits. `day` counts UTC days, as the escrow does."""

    balance: int
    settled: int
    withdraw_at: int
    daily_limit: int
    spent_on_day: int
    day: int

    def backed(self, today: int) -> Units:
        """Credits that can still be settled today: none while a withdrawal is asked for."""
        if self.withdraw_at:
            return Units(0)
        counted = min(self.balance, UNITS_CEILING - min(self.settled, UNITS_CEILING))
        if not self.daily_limit:
            return Units(counted)
        used = self.spent_on_day if self.day == today % 2**16 else 0
        return Units(min(counted, max(self.daily_limit - used, 0)))


def settled_micro(settled: int) -> MicroCredits:
    """Settled credits in micro-credits, as far as they are counted."""
    return MicroCredits(min(settled, UNITS_CEILING) * MICRO)


def spent_up(spent: int, settled: int) -> MicroCredits:
    """What a tab has spent, lifted where another meter settled meanwhile: its credits are not ours to serve.

    A closed tab may be settled up to a fraction of a credit beyond what was served; that stays the payer's.
    """
    return MicroCredits(max(spent, settled_micro(settled) - (MICRO - 1)))


def returnable_down(tab: TabState, spent: int, held: int) -> Units:
    """Whole credits a withdrawal brings back as things are: the balance less what was served or is held and
    not settled, which closing rounds up. Neither a withdrawal that runs nor a daily limit changes it.
    """
    unsettled = spent_up(spent, tab.settled) - settled_micro(tab.settled)
    return Units(max(tab.balance - max(units_up(unsettled + held), 0), 0))


def available_down(tab: TabState, spent: int, held: int, today: int) -> MicroCredits:
    """Micro-credits a new request may hold: backed less served and not settled, less held.

    None of an empty tab or one that is being left, even where closing rounded up in its payer's favour.
    """
    if tab.withdraw_at or not tab.balance:
        return MicroCredits(0)
    unsettled = spent_up(spent, tab.settled) - settled_micro(tab.settled)
    return MicroCredits(max(tab.backed(today) * MICRO - unsettled - held, 0))
