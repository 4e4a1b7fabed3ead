"""What an account used at this gateway: by day, and call by call. Reads only."""

from typing import Any

from backend.catalog import usage_repository as repository
from backend.catalog.usage_repository import DAY
from backend.catalog.usage_schemas import CallPage, CallReply, UsageDay, UsageReply
from backend.core.clock import Clock
from backend.core.units import Address, ChainId, checksum
from backend.db.session import Store


class UsageView:
    """Reads the usage rows of one chain."""

    def __init__(self, store: Store, chain_id: ChainId, clock: Clock) -> None:
        self._store = store
        self._chain_id = chain_id
        self._clock = clock

    async def days(self, payer: Address, days: int) -> UsageReply:
        """The last days, today's included."""
        since = self._clock.now() // DAY * DAY - (days - 1) * DAY
        async with self._store.read_connection() as db:
            rows = await repository.by_day(db, self._chain_id, payer, since)
        return UsageReply(account=checksum(payer), days=[_day(row) for row in rows])

    async def calls(self, payer: Address, before: str | None, limit: int) -> CallPage:
        """Requests, newest first, older than the one named; unknown names give an empty page."""
        async with self._store.read_connection() as db:
            rows = await repository.calls(db, self._chain_id, payer, before, limit)
        last = rows[-1].request_id if len(rows) == limit else None
        return CallPage(calls=[_call(row) for row in rows], next=last)


def _day(row: Any) -> UsageDay:
    return UsageDay(
        day=row.day * DAY,
        plan_id=row.plan_id,
        service_id=row.service_id,
        calls=row.calls,
        failed=row.failed,
        units_in=str(int(row.units_in)),
        units_out=str(int(row.units_out)),
        charged_micro_credits=str(int(row.charged - row.voided)),
        voided_micro_credits=str(int(row.voided)),
    )


def _call(row: Any) -> CallReply:
    return CallReply(
        request_id=row.request_id,
        plan_id=row.plan_id,
        service_id=row.service_id,
        route=row.route,
        outcome=row.outcome,
        units_in=str(row.units_in),
        units_out=str(row.units_out),
        micro_credits=str(row.charged),
        issued_at=row.issued_at,
        voided_micro_credits=None if row.voided is None else str(int(row.voided)),
    )
