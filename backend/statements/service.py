"""Statements of one chain's accounts."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.deployment import DeployedCurrency, Deployment
from backend.core.errors import IndexStale
from backend.core.units import ZERO_ADDRESS, Address, ChainId, Hash32, checksum, hex_of
from backend.db.session import Store
from backend.statements import repository
from backend.statements.basis import Method
from backend.statements.entries import NO_LOG, Category, Entry, Event, Market, PlanTerms, of_money
from backend.statements.ledger import Line, entries_of, lines_of
from backend.statements.periods import Period
from backend.statements.ports import Prices, Worth

EMP_OUTSIDE: Final = -1
"""Index of EMP where it is no currency of the table."""
NATIVE: Final = -2
"""Index of what gas is paid in."""
NATIVE_DECIMALS: Final = 18
AT_ONCE: Final = 2
"""Statements made at a time: each reads the whole outbox."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Lines of a period, oldest first, true at a block; basis counts all that came before the period."""

    account: Address
    chain_id: ChainId
    period: Period
    method: Method
    quote: str
    block: int
    block_hash: Hash32
    gas_until: int
    """The last block whose transactions' gas is known."""
    currencies: dict[int, DeployedCurrency]
    lines: list[Line]


class Statements:
    """Makes them from the index alone; prices come from the port."""

    def __init__(self, store: Store, deployment: Deployment, prices: Prices) -> None:
        self._store = store
        self._chain_id = ChainId(deployment.chain_id)
        self._contracts = {entry.address.lower(): name for name, entry in deployment.contracts.items()}
        self._currencies = _currencies(deployment)
        self._emp = _emp_index(deployment)
        self._prices = prices
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def statement(self, account: Address, period: Period, method: Method = "fifo") -> Statement:
        """An account's statement; empty for one nobody ever saw. Raises IndexStale without an index."""
        async with self._turn, self._store.read_connection() as db:
            head = await repository.head(db, self._chain_id)
            if head is None:
                raise IndexStale("the index has not been built yet; start `emporion index`, or wait for it")
            entries = await self._entries(db, account)
            entries += [_gas(row) for row in await repository.gas(db, self._chain_id, account)]
        entries.sort(key=lambda entry: entry.position)
        prices = await self._priced(entries)
        decimals = {index: line.decimals for index, line in self._currencies.items()}
        lines = lines_of(entries, prices, decimals, method)
        return Statement(
            account=account,
            chain_id=self._chain_id,
            period=period,
            method=method,
            quote=self._prices.quote,
            block=head.number,
            block_hash=Hash32(bytes(head.hash)),
            gas_until=head.receipts_number,
            currencies=self._currencies,
            lines=[line for line in lines if period.holds(line.entry.event.time)],
        )

    async def _entries(self, db: AsyncConnection, account: Address) -> list[Entry]:
        events = [_event(row) for row in await repository.naming(db, self._chain_id, account)]
        held = {e.number("serviceId") for e in events if e.name == "Claimed"}
        given = [_event(row) for row in await repository.distributions(db, self._chain_id, held)]
        ends = await repository.resolved(db, self._chain_id, _disputed(events))
        market = await self._market(db, events)
        return entries_of(events, given, hex_of(account), market, [_event(row) for row in ends])

    async def _market(self, db: AsyncConnection, events: Sequence[Event]) -> Market:
        plans = await repository.plans(db, self._chain_id, _named(events, "planId"))
        offers = await repository.listings(db, self._chain_id, _named(events, "listingId"))
        return Market(
            plans={row.plan_id: PlanTerms(row.currency, row.unit_price) for row in plans},
            listings={row.listing_id: row.currency for row in offers},
            contracts=self._contracts,
            emp=self._emp,
        )

    async def _priced(self, entries: Iterable[Entry]) -> dict[tuple[int, int], Worth]:
        times: dict[int, set[int]] = {}
        for entry in entries:
            if entry.currency is not None and entry.amount:
                times.setdefault(entry.currency, set()).add(entry.event.time)
        found = {}
        for currency, wanted in times.items():
            symbol = self._currencies[currency].symbol
            for time, price in (await self._prices.at(symbol, sorted(wanted))).items():
                found[currency, time] = price
        return found


def _event(row: Row[Any]) -> Event:
    return Event(
        row.contract, row.event, row.block_number, row.log_index, row.timestamp, bytes(row.tx_hash), row.args
    )


def _gas(row: Row[Any]) -> Entry:
    """The line of what a transaction cost, whether it did anything or not."""
    event = Event("", "Gas", row.block_number, NO_LOG, row.timestamp, bytes(row.tx_hash), {})
    kind = "gas" if row.ok else "gas of a failed transaction"
    cash = -row.gas_used * row.gas_price
    to = hex_of(bytes(row.receiver))
    return of_money(event, kind, Category.EXPENSE, NATIVE, cash, counterparty=to)


def _named(events: Iterable[Event], noun: str) -> set[int]:
    """Ids that events name; one no database could hold is none of ours."""
    return {number for e in events if noun in e.args and (number := e.number(noun)) < 2**63}


def _disputed(events: Iterable[Event]) -> set[int]:
    """Services that a dispute's end may concern: those that moved, and those disputes were opened about."""
    moved = (e.number("tokenId") for e in events if (e.contract, e.name) == ("ServiceRegistry", "Transfer"))
    return {*moved, *(e.number("serviceId") for e in events if e.name == "DisputeOpened")}


def _emp_index(deployment: Deployment) -> int:
    token = deployment.contracts.get("EmporionToken")
    same = (line.index for line in deployment.currencies if token and line.address == token.address)
    return next(same, EMP_OUTSIDE)


def _currencies(deployment: Deployment) -> dict[int, DeployedCurrency]:
    found = {line.index: line for line in deployment.currencies}
    found[NATIVE] = DeployedCurrency(NATIVE, checksum(ZERO_ADDRESS), "ETH", "Ether", NATIVE_DECIMALS)
    token = deployment.contracts.get("EmporionToken")
    if token is not None and _emp_index(deployment) == EMP_OUTSIDE:
        found[EMP_OUTSIDE] = DeployedCurrency(EMP_OUTSIDE, token.address, "EMP", "Emporion", 18)
    return found
