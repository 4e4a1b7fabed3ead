"""Events of the chain become an account's lines, in order, with values and cost basis. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backend.statements.basis import NOTHING, UNKNOWN, Basis, Book, Cost, Method, new_book
from backend.statements.earnings import claims
from backend.statements.entries import Category, Entry, Event, Market
from backend.statements.movements import movements, unexplained
from backend.statements.ports import Worth
from backend.statements.readings import READERS
from backend.statements.rulings import rulings
from backend.statements.valuation import value_nearest

PriceTable = Mapping[tuple[int, int], Worth]
"""(currency, unix time) -> price; pairs without a price are absent."""
_HELD: Final = frozenset({"plan", "shares", "service"})


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with its worth in the quote (none: no price) and, where units left, their basis and gain.

    `gain` is in base units of the entry's currency, known where the units were paid in that very currency.
    """

    entry: Entry
    value: int | None
    basis: Basis | None = None
    gain: int | None = None
    gain_value: int | None = None

    @property
    def price_missing(self) -> bool:
        """Whether a value is blank for want of a price."""
        return self.value is None and self.entry.amount > 0


def entries_of(
    events: Sequence[Event],
    distributions: Iterable[Event],
    account: str,
    market: Market,
    resolved: Iterable[Event] = (),
) -> list[Entry]:
    """All lines of an account, oldest first. `events` name it; `distributions` are of its services,
    `resolved` the ends of disputes about them or of its own.
    """
    moved = list(movements(events, account, market))
    found = [
        entry
        for event in events
        if (reader := READERS.get((event.contract, event.name)))
        for entry in reader(event, account, market)
    ]
    claimed = [event for event in events if (event.contract, event.name) == ("RevenueShares", "Claimed")]
    found += claims([*claimed, *distributions], moved, account, market)
    found += rulings(resolved, events, moved, account, market)
    found += unexplained(moved, found)
    return sorted(found, key=lambda entry: entry.position)


def lines_of(
    entries: Sequence[Entry], prices: PriceTable, decimals: Mapping[int, int], method: Method
) -> list[Line]:
    """Entries with values and basis; they must begin with the account's first."""
    book, found = new_book(method), []
    for entry in entries:
        value = value_of(entry, prices, decimals)
        basis = _booked(book, entry, value)
        found.append(_line(entry, value, basis))
    return found


def value_of(entry: Entry, prices: PriceTable, decimals: Mapping[int, int]) -> int | None:
    """Worth of an entry in the quote; none where its currency has no price at that time."""
    if entry.currency is None:
        return None
    if entry.amount == 0:
        return 0
    price = prices.get((entry.currency, entry.event.time))
    if price is None:
        return None
    return value_nearest(entry.amount, decimals[entry.currency], price)


def _booked(book: Book, entry: Entry, value: int | None) -> Basis | None:
    if entry.asset.kind not in _HELD or not entry.held:
        return None
    if entry.held < 0:
        return book.release(entry.asset, -entry.held)
    book.acquire(entry.asset, entry.held, _cost(entry, value), entry.event.time)
    return None


def _cost(entry: Entry, value: int | None) -> Cost:
    if entry.basis == "zero":
        return NOTHING
    if entry.basis == "unknown" or entry.currency is None:
        return UNKNOWN
    return Cost({entry.currency: entry.amount}, value)


def _line(entry: Entry, value: int | None, basis: Basis | None) -> Line:
    if basis is None or entry.category is not Category.DISPOSAL:
        return Line(entry, value, basis)
    gain = None
    money = basis.cost.money
    if money is not None and not {c for c, amount in money.items() if amount} - {entry.currency}:
        gain = entry.amount - money.get(entry.currency or 0, 0)
    known = value is not None and basis.cost.value is not None
    gain_value = (value or 0) - (basis.cost.value or 0) if known else None
    return Line(entry, value, basis, gain, gain_value)
