"""What the end of a dispute means to who claimed and to who was claimed against. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from backend.statements.entries import Asset, Category, Entry, Event, Market, of_money
from backend.statements.movements import Movement


def rulings(
    resolved: Iterable[Event],
    events: Iterable[Event],
    moved: Sequence[Movement],
    account: str,
    market: Market,
) -> list[Entry]:
    """Lines of `DisputeResolved` events, those of services and claims the account never had passed over.

    The bond of a claim left with `DisputeOpened`; what comes back of it is a transfer, what comes beyond it
    income, the rest an expense. A service's bond is its owner's.
    """
    bonds = {
        event.number("disputeId"): event.number("bond")
        for event in events
        if event.name == "DisputeOpened" and event.args["claimant"] == account
    }
    found = list[Entry]()
    for event in resolved:
        if (bond := bonds.get(event.number("disputeId"))) is not None:
            found += _claimed(event, bond, market.emp)
        if _owned(event, moved):
            found += _defended(event, market.emp)
    return found


def _claimed(event: Event, bond: int, emp: int) -> Iterator[Entry]:
    back = min(event.number("toClaimant"), bond)
    award = event.number("toClaimant") - back
    if back:
        yield of_money(event, "dispute bond returned", Category.TRANSFER, emp, back)
    if award:
        yield of_money(event, "dispute award", Category.INCOME, emp, award)
    if bond > back:
        yield of_money(event, "dispute bond lost", Category.EXPENSE, emp, back - bond, moved=False)


def _defended(event: Event, emp: int) -> Iterator[Entry]:
    if won := event.number("toProvider"):
        yield of_money(event, "dispute won", Category.INCOME, emp, won)
    if slashed := event.number("slashed"):
        yield of_money(event, "bond slashed", Category.EXPENSE, emp, -slashed, moved=False)


def _owned(event: Event, moved: Sequence[Movement]) -> bool:
    """Whether the service was the account's when the dispute ended."""
    service, end = Asset("service", event.number("serviceId")), (event.block, event.log_index)
    before = (one for one in moved if one.asset == service and (one.event.block, one.event.log_index) < end)
    return sum(one.delta for one in before) > 0
