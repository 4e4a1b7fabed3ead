"""Usage that the chain no longer backs after a fork: voided by an event row, never deleted.

A deposit that a fork took back usually comes again, in the same transaction or another. So it is waited for
until the fork is final, and only what the tab has spent beyond its balance is voided then, from the newest
request on and for no more than the deposit gave. The receipts stay as they were signed; the tab's next one
counts on from what is still asked for.
"""

from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import Clock
from backend.core.units import ChainId
from backend.db.session import Store
from backend.meter import repository
from backend.meter import void_repository as statements
from backend.meter.pricing import TabState, settled_micro

REASON: Final = "a fork took back the deposit of transaction 0x{}"

log = structlog.get_logger(__name__)


class Voiding:
    """Follows the deposits that forks take back. Any number may run: rows are locked, a deposit decided once.

    What was signed for settlement is not voided while it may be mined. A line never asks for more than the
    tab has when it is written, so that only one from before the fork can ask for more than is left.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def step(self) -> int:
        """Remember what was taken back, decide what is final; returns how many requests were voided."""
        async with self._store.read_connection() as db:
            followed = await statements.chains(db)
        count = 0
        for chain in followed:
            chain_id = ChainId(chain.chain_id)
            await self._follow(chain_id, chain.number)
            async with self._store.read_connection() as db:
                due = await statements.due(db, chain_id, chain.finalized_number)
            for deposit in due:
                count += await self._decide(deposit)
        return count

    async def _follow(self, chain_id: ChainId, head: int) -> None:
        async with self._store.read_connection() as db:
            taken = await statements.newly_taken(db, chain_id)
        if not taken:
            return
        async with self._store.write_connection() as db:
            for row in taken:
                await statements.follow(db, row, head)
        for row in taken:
            told = log.bind(chain=chain_id, plan=row.plan_id, block=row.block_number)
            told.warning("meter.deposit.taken_back", credits=int(row.args["units"]))

    async def _decide(self, deposit: Any) -> int:
        """Void what is unbacked and be done with the deposit, in one transaction; 0 where it must wait."""
        now = self._clock.now()
        async with self._store.write_connection() as db:
            try:
                own = await statements.lock(db, deposit)
            except LookupError:
                return 0
            amount = await _unbacked(db, deposit, own)
            if amount is None:
                return 0
            rows = await _newest(db, deposit, own.sequence, amount) if amount else []
            if rows:
                reason = REASON.format(bytes(deposit.tx_hash).hex())
                await statements.void(db, deposit, rows, reason, now)
            await statements.decided(db, deposit, now)
        if rows:
            told = log.bind(chain=deposit.chain_id, plan=deposit.plan_id, block=deposit.block_number)
            told.warning(
                "meter.usage.voided", requests=len(rows), micro_credits=sum(each for _, each in rows)
            )
        return len(rows)


async def _unbacked(db: AsyncConnection, deposit: Any, own: Any) -> int | None:
    """Micro-credits to void for a deposit; None while requests or settlements under way may change it.

    The deposit is looked for before the balance: one that comes in between is then in the balance.
    """
    tab = statements.tab_of(deposit)
    if own is None or await statements.came_back(db, deposit):
        return 0
    mirror = await repository.mirrored_tab(db, tab) or TabState(0, 0, 0, 0, 0, 0)
    backed = mirror.settled + mirror.balance
    excess = int(own.spent) - settled_micro(backed)
    if excess + own.held <= 0:
        return 0
    if own.held or await statements.may_be_settled(db, tab, backed):
        return None
    return min(excess, settled_micro(deposit.units))


async def _newest(db: AsyncConnection, deposit: Any, sequence: int, amount: int) -> list[tuple[str, int]]:
    """The tab's newest requests that make up an amount, and how much of each; the oldest of them in part.

    Those that cost nothing are named as well: the next receipt follows the newest, and says less in all.
    """
    tab, below, found = statements.tab_of(deposit), sequence + 1, list[tuple[str, int]]()
    while rows := await statements.newest_usage(db, tab, below):
        for row in rows:
            part = min(int(row.charged - (row.voided or 0)), amount)
            if part or row.voided is None:
                found.append((row.request_id, part))
            amount -= part
            if not amount:
                return found
        below = rows[-1].sequence
    return found
