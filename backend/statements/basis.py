"""Cost basis of units: first in first out, or the average of all held. Pure; every division rounds down, and
what it leaves stays with the units that are left.
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from backend.statements.entries import Asset

Method = Literal["fifo", "average"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What units cost: base units by currency, and worth in the quote (none: no price was known).

    `money` None where nobody knows what they cost.
    """

    money: Mapping[int, int] | None
    value: int | None

    def part_down(self, units: int, whole: int) -> "Cost":
        """The cost of some of `whole` units."""
        return Cost(
            None if self.money is None else {c: a * units // whole for c, a in self.money.items()},
            None if self.value is None else self.value * units // whole,
        )

    def plus(self, other: "Cost") -> "Cost":
        """Both together; unknown and anything is unknown."""
        money = None
        if self.money is not None and other.money is not None:
            both = self.money.keys() | other.money.keys()
            money = {c: self.money.get(c, 0) + other.money.get(c, 0) for c in sorted(both)}
        known = self.value is not None and other.value is not None
        return Cost(money, (self.value or 0) + (other.value or 0) if known else None)

    def less(self, part: "Cost") -> "Cost":
        """What is left after a part of it."""
        money = self.money
        if money is not None:
            taken = part.money or {}
            money = {c: amount - taken.get(c, 0) for c, amount in money.items()}
        return Cost(money, None if self.value is None else self.value - (part.value or 0))


NOTHING: Final = Cost({}, 0)
UNKNOWN: Final = Cost(None, None)


@dataclass(frozen=True, slots=True)
class Basis:
    """The cost of units that left, and the first and last time they were acquired (none: never seen)."""

    cost: Cost
    first: int | None = None
    last: int | None = None


@dataclass(slots=True)
class _Lot:
    units: int
    cost: Cost
    first: int
    last: int

    def take(self, units: int) -> Basis:
        part = self.cost if units == self.units else self.cost.part_down(units, self.units)
        self.units -= units
        self.cost = self.cost.less(part)
        return Basis(part, self.first, self.last)


class Book(Protocol):
    """Units held and what they cost."""

    def acquire(self, asset: Asset, units: int, cost: Cost, time: int) -> None:
        """Units came."""
        ...

    def release(self, asset: Asset, units: int) -> Basis:
        """Units left; their basis."""
        ...


@dataclass(slots=True)
class FifoBook:
    """What came first leaves first."""

    _lots: dict[Asset, deque[_Lot]] = field(default_factory=lambda: defaultdict(deque))

    def acquire(self, asset: Asset, units: int, cost: Cost, time: int) -> None:
        """Units came."""
        self._lots[asset].append(_Lot(units, cost, time, time))

    def release(self, asset: Asset, units: int) -> Basis:
        """Units left; more than are known have an unknown basis."""
        lots, taken = self._lots[asset], Basis(NOTHING)
        while units and lots:
            part = min(units, lots[0].units)
            taken = _joined(taken, lots[0].take(part))
            units -= part
            if not lots[0].units:
                lots.popleft()
        return Basis(UNKNOWN, taken.first, taken.last) if units else taken


def _joined(one: Basis, other: Basis) -> Basis:
    first = other.first if one.first is None else one.first
    return Basis(one.cost.plus(other.cost), first, other.last)


@dataclass(slots=True)
class AverageBook:
    """Every unit held cost the same."""

    _pools: dict[Asset, _Lot] = field(default_factory=dict)

    def acquire(self, asset: Asset, units: int, cost: Cost, time: int) -> None:
        """Units came."""
        pool = self._pools.setdefault(asset, _Lot(0, NOTHING, time, time))
        if not pool.units:
            pool.cost, pool.first = NOTHING, time
        pool.units, pool.cost, pool.last = pool.units + units, pool.cost.plus(cost), time

    def release(self, asset: Asset, units: int) -> Basis:
        """Units left; more than are known have an unknown basis."""
        pool = self._pools.get(asset)
        if pool is None or units > pool.units:
            if pool is not None:
                pool.take(pool.units)
            return Basis(UNKNOWN)
        return pool.take(units)


def new_book(method: Method) -> Book:
    """An empty book of a method."""
    return FifoBook() if method == "fifo" else AverageBook()
