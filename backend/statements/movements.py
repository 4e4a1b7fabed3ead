"""What transfers say moved, whatever for; what no other line explains becomes a transfer line. Pure.

So a statement's units and EMP add up to the chain's, to the unit, whatever a contract of somebody else did.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from backend.core.units import ZERO_ADDRESS, hex_of
from backend.statements.entries import Asset, Category, Entry, Event, Market, of_money

_NOBODY: Final = hex_of(ZERO_ADDRESS)
_MULTI: Final = {"AccessToken": "plan", "RevenueShares": "shares"}
_TAB: Final = {"Deposited": 1, "Withdrawn": -1, "Settled": -1}
"""The escrow's events about a tab, whose units are still the payer's own."""


class Movement(NamedTuple):
    """A change of what an account owns, and who was at the other end (none: minted or burnt)."""

    event: Event
    asset: Asset
    delta: int
    counterparty: str | None


def movements(events: Iterable[Event], account: str, market: Market) -> Iterator[Movement]:
    """Every movement of the account's units, shares, services and EMP, tabs included."""
    for event in events:
        if event.contract in _MULTI and event.name == "TransferSingle":
            yield from _moved(event, account, _MULTI[event.contract], event.args["id"], event.args["value"])
        elif event.contract in _MULTI and event.name == "TransferBatch":
            for token, units in zip(event.args["ids"], event.args["values"], strict=True):
                yield from _moved(event, account, _MULTI[event.contract], token, units)
        elif (event.contract, event.name) == ("ServiceRegistry", "Transfer"):
            yield from _moved(event, account, "service", event.args["tokenId"], "1")
        elif (event.contract, event.name) == ("EmporionToken", "Transfer"):
            yield from _moved(event, account, "currency", str(market.emp), event.args["value"])
        elif event.contract == "UsageEscrow" and event.name in _TAB and event.args["payer"] == account:
            units = event.number("units") * _TAB[event.name]
            yield Movement(event, Asset("plan", event.number("planId")), units, None)


def _moved(event: Event, account: str, kind: str, token: str, units: str) -> Iterator[Movement]:
    sender, receiver = event.args["from"], event.args["to"]
    if sender == receiver or int(units) == 0:
        return
    asset = Asset(kind, int(token))  # type: ignore[arg-type]
    if sender == account:
        yield Movement(event, asset, -int(units), None if receiver == _NOBODY else receiver)
    if receiver == account:
        yield Movement(event, asset, int(units), None if sender == _NOBODY else sender)


@dataclass(slots=True)
class _Balance:
    """One asset in one transaction: what moved less what lines explain."""

    left: int = 0
    seen: list[Movement] = field(default_factory=list)


def unexplained(moved: Iterable[Movement], entries: Sequence[Entry]) -> list[Entry]:
    """A transfer line for each asset and transaction whose lines do not account for what moved."""
    balances: dict[tuple[bytes, Asset], _Balance] = defaultdict(_Balance)
    for movement in moved:
        balance = balances[movement.event.tx, movement.asset]
        balance.left += movement.delta
        balance.seen.append(movement)
    for entry in entries:
        if (found := balances.get((entry.event.tx, entry.asset))) is not None:
            found.left -= entry.cash if entry.asset.kind == "currency" else entry.held
        if entry.currency is not None and entry.asset.kind != "currency":
            paid = balances.get((entry.event.tx, Asset("currency", entry.currency)))
            if paid is not None:
                paid.left -= entry.cash
    return [_transfer(asset, found) for (_, asset), found in balances.items() if found.left]


def _transfer(asset: Asset, balance: _Balance) -> Entry:
    """The line of what is left, at the last movement of its direction."""
    same = [m for m in balance.seen if (m.delta > 0) == (balance.left > 0)] or balance.seen
    last = same[-1]
    kind = "received" if balance.left > 0 else "sent"
    if asset.kind == "currency":
        return of_money(
            last.event, kind, Category.TRANSFER, asset.id, balance.left, counterparty=last.counterparty
        )
    issued = balance.left > 0 and last.counterparty is None
    return Entry(
        last.event,
        "issued" if issued else kind,
        Category.TRANSFER,
        asset,
        abs(balance.left),
        balance.left,
        counterparty=last.counterparty,
        basis="zero" if issued else "unknown",
    )
