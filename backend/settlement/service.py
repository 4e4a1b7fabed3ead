"""The settlement worker: batches are written, then sent, then confirmed by the indexed events.

Every step can be repeated: settlements are cumulative, so a batch sent twice changes nothing on chain, and a
batch that a crash left unsent is sent at the next step. What a reorganisation takes back is unsettled in the
mirror again, and becomes due again by itself.
"""

import asyncio
import secrets
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import Clock
from backend.core.errors import EmporionError
from backend.core.units import Address, ChainId, PlanId, UnixTime
from backend.db.session import Store
from backend.meter.proofs import receipts_tree
from backend.settlement import repository
from backend.settlement.batch import Line, OpenTab, Policy, may_close, plan_batches
from backend.settlement.dispatch import RESEND_SECONDS, Dispatch
from backend.settlement.lead import LEASE_SECONDS, Lead
from backend.settlement.ports import (
    SettleEntry,
    SettlementObserver,
    SettlementSender,
    StepReport,
    Unobserved,
)

__all__ = [
    "LEASE_SECONDS",
    "RESEND_SECONDS",
    "SettleEntry",
    "SettlementSender",
    "SettlementWorker",
    "StepReport",
]

SKIP_REASONS: Final = (
    "none",
    "nothing new",
    "exceeds balance",
    "daily limit",
    "voucher missing",
    "voucher too small",
    "voucher invalid",
    "service ended",
)

log = structlog.get_logger(__name__)


class SettlementWorker:
    """Settles the tabs of services whose meter is `meter`; of several workers one leads."""

    def __init__(
        self,
        store: Store,
        sender: SettlementSender,
        meter: Address,
        clock: Clock,
        policy: Policy,
        observer: SettlementObserver | None = None,
    ) -> None:
        self._store = store
        self._observer = observer or Unobserved()
        self._dispatch = Dispatch(store, sender, clock, self._observer)
        self._meter = meter
        self._clock = clock
        self._policy = policy
        self._lead = Lead(store, clock, meter)

    async def run(self, stop: asyncio.Event, interval: float = 1.0) -> None:
        """Step until told to stop; a failing step is logged and tried again."""
        while not stop.is_set():
            try:
                await self.step()
            except EmporionError as error:
                log.warning("settlement.step.failed", code=error.code, reason=str(error))
                self._observer.failed("step", error.code)
            try:
                await asyncio.wait_for(stop.wait(), interval)
            except TimeoutError:
                continue

    async def step(self) -> StepReport:
        """Lead, confirm what the index shows, write what is due, send what is open, let go who leaves."""
        report = await self._step() if await self._lead.take() else StepReport(leader=False)
        self._observer.stepped(report, self._clock.now())
        return report

    async def _step(self) -> StepReport:
        confirmed = prepared = sent = closed = 0
        async with self._store.read_connection() as db:
            followed = await repository.chains(db)
        for chain in followed:
            chain_id, now = ChainId(chain.chain_id), self._now(chain)
            confirmed += await self._confirm(chain_id)
            prepared += await self._prepare(chain_id, now)
            sent += await self._dispatch.send(chain_id)
            closed += await self._close(chain_id, now)
        async with self._store.read_connection() as db:
            oldest = await repository.oldest_open(db)
        return StepReport(True, prepared, sent, confirmed, closed, oldest)

    def _now(self, chain: Any) -> UnixTime:
        """The day of a limit and the end of a delay go by the next block's time, which is past the head's."""
        return UnixTime(max(self._clock.now(), chain.timestamp))

    def leads(self) -> bool:
        """Whether this process has the lease, and with it the meter's key to itself."""
        return self._lead.held()

    async def leave(self) -> None:
        """Let another process lead; only once the keeper too sends nothing more."""
        await self._lead.leave()

    async def _confirm(self, chain_id: ChainId) -> int:
        confirmed = 0
        async with self._store.write_connection() as db:
            for batch in await repository.open_batches(db, chain_id):
                confirmed += await self._confirm_batch(db, batch)
        return confirmed

    async def _confirm_batch(self, db: AsyncConnection, batch: Any) -> bool:
        skipped = await repository.skipped_since(db, batch, self._meter)
        still_open = 0
        for line in await repository.lines_of(db, batch.id):
            payer = bytes(line.payer)
            if (line.settled_now or 0) >= line.cumulative_units:
                await repository.set_line(db, batch.id, payer, "settled")
            elif line.outcome == "skipped":
                continue
            elif (reason_number := skipped.get((payer, line.cumulative_units))) is not None:
                reason = _reason(reason_number)
                log.warning("settlement.line.skipped", batch=batch.id, plan=batch.plan_id, reason=reason)
                await repository.set_line(db, batch.id, payer, "skipped", reason)
                self._observer.lost("skipped")
            else:
                still_open += 1
        if still_open:
            return False
        await repository.end_batch(db, batch.id, "confirmed", self._clock.now())
        log.info("settlement.batch.confirmed", batch=batch.id, plan=batch.plan_id)
        return True

    async def _close(self, chain_id: ChainId, now: UnixTime) -> int:
        async with self._store.read_connection() as db:
            leaving = await repository.leaving_tabs(db, chain_id, self._meter, now)
        return await self._dispatch.close([tab for tab in leaving if may_close(tab, now)])

    async def _prepare(self, chain_id: ChainId, now: UnixTime) -> int:
        async with self._store.write_connection() as db:
            tabs = await repository.open_tabs(db, chain_id, self._meter, now)
            batches = plan_batches(tabs, self._policy, now)
            by_key = {tab.key: tab for tab in tabs}
            for plan_id, lines in batches:
                await self._write(db, chain_id, plan_id, lines, by_key)
        return len(batches)

    async def _write(
        self,
        db: AsyncConnection,
        chain_id: ChainId,
        plan_id: PlanId,
        lines: list[Line],
        tabs: dict[Any, OpenTab],
    ) -> None:
        batch_id = secrets.token_hex(8)
        row = {"id": batch_id, "chain_id": chain_id, "plan_id": plan_id, "status": "prepared", "error": ""}
        times = {"created_at": self._clock.now(), "sent_at": 0, "attempts": 0, "tx_hash": None}
        times["outbox_from"] = await repository.newest_event(db)
        values = [await self._line(db, batch_id, line, tabs[line.key].mirror.settled) for line in lines]
        await repository.add_batch(db, row | times, values)
        log.info("settlement.batch.prepared", batch=batch_id, plan=plan_id, lines=len(lines))

    async def _line(self, db: AsyncConnection, batch_id: str, line: Line, settled: int) -> dict[str, Any]:
        after = await repository.covered_sequence(db, line.key, settled)
        leaves = await repository.digests(db, line.key, after, line.to_sequence)
        return {
            "batch_id": batch_id,
            "payer": line.key.payer,
            "chain_id": line.key.chain_id,
            "plan_id": line.key.plan_id,
            "cumulative_units": line.cumulative_units,
            "from_sequence": after,
            "to_sequence": line.to_sequence,
            "receipts_root": receipts_tree(leaves).root,
            "outcome": "pending",
            "reason": "",
        }


def _reason(number: int) -> str:
    return SKIP_REASONS[number] if number < len(SKIP_REASONS) else f"reason {number}"
