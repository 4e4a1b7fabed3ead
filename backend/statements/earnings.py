"""What a claim of a service's revenue is made of: own revenue, royalties, gifts. Pure.

As in `RevenueShares`, an account is owed `shares * amount` millionths of every amount distributed, so what a
claim pays is split by where it came from, and the parts add up to the claim exactly.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from backend.core.units import SHARES_WHOLE
from backend.statements.entries import Category, Entry, Event, Market, of_money
from backend.statements.movements import Movement

_KINDS: Final = {
    Category.INCOME: "revenue",
    Category.ROYALTY: "royalty",
    Category.GIFT: "distribution received",
}


@dataclass(slots=True)
class _Holding:
    """The account in one service: its shares, and what it is owed by currency and origin, in millionths."""

    shares: int = 0
    owed: dict[int, dict[Category, int]] = field(
        default_factory=lambda: defaultdict(lambda: dict.fromkeys(_KINDS, 0))
    )


def claims(events: Iterable[Event], moved: Iterable[Movement], account: str, market: Market) -> list[Entry]:
    """The lines of every claim among `events`, which hold all that was distributed to its services."""
    steps: list[tuple[tuple[int, int], Event | Movement]] = [((e.block, e.log_index), e) for e in events]
    steps += [((m.event.block, m.event.log_index), m) for m in moved if m.asset.kind == "shares"]
    holdings: dict[int, _Holding] = defaultdict(_Holding)
    found = []
    for _, step in sorted(steps, key=lambda one: one[0]):
        if isinstance(step, Movement):
            holdings[step.asset.id].shares += step.delta
        elif step.name == "Claimed":
            if step.args["account"] == account:
                found += _claim(step, holdings[step.number("serviceId")])
        else:
            _accrue(step, holdings, market)
    return found


def _accrue(event: Event, holdings: dict[int, _Holding], market: Market) -> None:
    origin = Category.ROYALTY
    service = "upstreamId" if event.name == "UpstreamPaid" else "serviceId"
    if event.name == "Released":
        origin = Category.INCOME
    elif event.name == "Distributed" and market.contracts.get(event.args["from"]) != "TokenMarket":
        origin = Category.GIFT
    holding = holdings[event.number(service)]
    holding.owed[event.number("currency")][origin] += holding.shares * event.number("amount")


def _claim(event: Event, holding: _Holding) -> list[Entry]:
    currency, amount = event.number("currency"), event.number("amount")
    owed = holding.owed[currency]
    found, paid, running = [], 0, 0
    for origin, kind in _KINDS.items():
        running += owed[origin]
        part = min(running // SHARES_WHOLE, amount) - paid
        if part:
            found.append(of_money(event, kind, origin, currency, part))
        paid += part
    if paid < amount:  # cannot be while the index is whole; what is paid is paid
        found.append(of_money(event, _KINDS[Category.INCOME], Category.INCOME, currency, amount - paid))
    _carry(owed, running - paid * SHARES_WHOLE)
    return found


def _carry(owed: dict[Category, int], rest: int) -> None:
    """Less than one base unit stays owed, by its largest origin."""
    largest = max(owed, key=lambda origin: owed[origin])
    owed.update(dict.fromkeys(owed, 0))
    owed[largest] = max(rest, 0)
