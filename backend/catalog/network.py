"""The whole network at the indexed block, and its days. Reads only."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from backend.catalog import account_repository
from backend.catalog import network_repository as repository
from backend.catalog.network_schemas import HistoryDay, HistoryReply, NetworkReply, StreamReply
from backend.core.errors import IndexStale
from backend.core.units import ChainId, ServiceStatus
from backend.db.session import Store

DAY: Final = 86_400
LONGEST_DAYS: Final = 90
FRESH_SECONDS: Final = 30
"""How long the days are remembered, in the chain's time: they are read from the log of events, which takes
longer than a page should."""
_STAKE: Final = {"Locked": ("amount", 1), "Increased": ("added", 1), "Unlocked": ("amount", -1)}
"""Events of the vault that move EMP: which argument, and which way."""
_NAMES: Final = ("Bought", "Released", *_STAKE)


class NetworkView:
    """Sums over one chain."""

    def __init__(self, store: Store, chain_id: ChainId) -> None:
        self._store = store
        self._chain_id = chain_id
        self._reading = asyncio.Lock()
        self._remembered: tuple[int, list[HistoryDay]] | None = None

    async def totals(self) -> NetworkReply:
        """What there is now. Raises IndexStale without an index."""
        chain = self._chain_id
        async with self._store.read_connection() as db:
            head = await self._head(db)
            plans = await repository.plans(db, chain)
            services = await repository.services(db, chain)
            buyers, holders = await repository.people(db, chain)
            vault = await account_repository.vault(db, chain)
            streams = await repository.streams(db, chain)
        return NetworkReply(
            chain_id=chain,
            block_number=head.number,
            block_timestamp=head.timestamp,
            services=sum(row.status != ServiceStatus.RETIRED for row in services),
            plans=len(plans),
            buyers=buyers,
            holders=holders,
            paid=_by_currency((row.currency, row.paid) for row in plans),
            refunded=_by_currency((row.currency, row.refunded) for row in plans),
            revenue=_by_currency((row.currency, row.revenue) for row in plans),
            locked=str(0 if vault is None else vault.total_locked),
            score=str(0 if vault is None else vault.total_score),
            streams=[] if vault is None else [stream_of(row, vault, head.timestamp) for row in streams],
        )

    async def history(self, days: int) -> HistoryReply:
        """The last days up to the indexed block's, at most `LONGEST_DAYS`. Raises IndexStale."""
        async with self._reading:
            async with self._store.read_connection() as db:
                now = (await self._head(db)).timestamp
            known = self._remembered
            if known is None or not 0 <= now - known[0] < FRESH_SECONDS:
                known = self._remembered = (now, await self._days(now))
        return HistoryReply(chain_id=self._chain_id, days=known[1][-days:])

    async def _days(self, now: int) -> list[HistoryDay]:
        first = now // DAY * DAY - (LONGEST_DAYS - 1) * DAY
        async with self._store.read_connection() as db:
            events = await repository.events(db, self._chain_id, _NAMES, first)
            plans = await repository.plans(db, self._chain_id)
            services = await repository.services(db, self._chain_id)
            vault = await account_repository.vault(db, self._chain_id)
        currencies = {row.plan_id: row.currency for row in plans}
        locked = 0 if vault is None else vault.total_locked
        born = [row.created_at for row in services]
        return days_of(events, first, currencies, born, locked)

    async def _head(self, db: Any) -> Any:
        head = await account_repository.head(db, self._chain_id)
        if head is None:
            raise IndexStale("the index has not been built yet; start `emporion index`, or wait for it")
        return head


def stream_of(row: Any, vault: Any, now: int) -> StreamReply:
    """A stream at a time (unix): it runs only while there is score."""
    running = min(max(now - vault.updated_at, 0), row.seconds_left) if vault.total_score else 0
    left = row.pending - (row.pending * running // row.seconds_left if row.seconds_left else 0)
    seconds = row.seconds_left - running
    return StreamReply(
        currency=row.currency,
        left=str(left),
        per_day=str(left * min(DAY, seconds) // seconds if seconds else 0),
        ends=now + seconds if seconds else 0,
    )


def days_of(
    events: Sequence[Any], first: int, currencies: Mapping[int, int], born: Iterable[int], locked: int
) -> list[HistoryDay]:
    """`LONGEST_DAYS` days from `first` on. `locked` is what the vault holds after all the events: the days
    before are found backwards from it.
    """
    groups: dict[int, list[Any]] = defaultdict(list)
    for event in events:
        groups[event.timestamp // DAY * DAY].append(event)
    moments, days = sorted(born), []
    for day in range(first + (LONGEST_DAYS - 1) * DAY, first - DAY, -DAY):
        group = groups.get(day, [])
        sales = [event for event in group if event.event == "Bought"]
        released = [event for event in group if event.event == "Released"]
        days.append(
            HistoryDay(
                day=day,
                purchases=len(sales),
                buyers=len({event.args["payer"] for event in sales}),
                paid=_by_currency((currencies[one.plan_id], int(one.args["cost"])) for one in sales),
                revenue=_by_currency((int(one.args["currency"]), int(one.args["gross"])) for one in released),
                services=sum(moment < day + DAY for moment in moments),
                locked=str(locked),
            )
        )
        locked -= sum(_moved(event) for event in group)
    return days[::-1]


def _moved(event: Any) -> int:
    name, sign = _STAKE.get(event.event, ("", 0))
    return sign * int(event.args[name]) if sign else 0


def _by_currency(amounts: Iterable[tuple[int, int]]) -> dict[int, str]:
    found: Counter[int] = Counter()
    for currency, amount in amounts:
        found[currency] += amount
    return {currency: str(amount) for currency, amount in sorted(found.items()) if amount}
