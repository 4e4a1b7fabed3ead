"""Sends prepared batches and closes, and narrows down what the chain refuses."""

import secrets
from typing import Any, Final

import structlog

from backend.core.clock import Clock
from backend.core.errors import EmporionError
from backend.core.units import Address, ChainId, Hash32, PlanId, Units, UnixTime
from backend.db.session import Store
from backend.meter.schemas import TabKey
from backend.settlement import repository
from backend.settlement.batch import LeavingTab, Verdict, verdict_on
from backend.settlement.ports import SettleEntry, SettlementObserver, SettlementSender, Unobserved
from backend.signing.messages import settlement_voucher

RESEND_SECONDS: Final = 60

log = structlog.get_logger(__name__)


class Dispatch:
    """What goes to the chain. Every send may be repeated: settlements are cumulative, closes idempotent."""

    def __init__(
        self,
        store: Store,
        sender: SettlementSender,
        clock: Clock,
        observer: SettlementObserver | None = None,
    ) -> None:
        self._store = store
        self._observer = observer or Unobserved()
        self._sender = sender
        self._clock = clock
        self._closed: dict[TabKey, UnixTime] = {}
        self._tended: dict[ChainId, UnixTime] = {}

    async def send(self, chain_id: ChainId) -> int:
        """Send the open batches that are due; returns how many went out."""
        async with self._store.read_connection() as db:
            batches = await repository.open_batches(db, chain_id)
        now = self._clock.now()
        due = [batch for batch in batches if not _waits(batch, now)]
        if any(batch.status == "sent" for batch in due):
            await self._tend(chain_id)
        return sum([await self._send_batch(batch) for batch in due])

    async def close(self, tabs: list[LeavingTab]) -> int:
        """Let payers go at once; returns how many closes went out."""
        now = self._clock.now()
        self._closed = {key: at for key, at in self._closed.items() if now - at < RESEND_SECONDS}
        return sum([await self._close_tab(tab.key, now) for tab in tabs if tab.key not in self._closed])

    async def _close_tab(self, key: TabKey, now: UnixTime) -> bool:
        self._closed[key] = now
        try:
            await self._sender.close(key.chain_id, key.plan_id, key.payer)
        except EmporionError as error:
            log.warning("settlement.close.failed", plan=key.plan_id, code=error.code, reason=str(error))
            self._observer.failed("close", error.code)
            return False
        log.info("settlement.tab.closed", chain=key.chain_id, plan=key.plan_id)
        return True

    async def _tend(self, chain_id: ChainId) -> None:
        try:
            await self._sender.tend(chain_id)
        except EmporionError as error:
            log.warning("settlement.tend.failed", chain=chain_id, code=error.code, reason=str(error))
            self._observer.failed("tend", error.code)

    async def _send_batch(self, batch: Any) -> bool:
        async with self._store.read_connection() as db:
            lines = await repository.lines_of(db, batch.id)
        pending = [line for line in lines if line.outcome == "pending"]
        values: dict[str, Any] = {"attempts": batch.attempts + 1, "sent_at": self._clock.now()}
        try:
            entries = [_entry_of(line) for line in pending]
            plan_id = PlanId(batch.plan_id)
            values["tx_hash"] = await self._sender.settle(ChainId(batch.chain_id), plan_id, entries)
        except EmporionError as error:
            log.warning("settlement.send.failed", batch=batch.id, code=error.code, reason=str(error))
            self._observer.failed("send", error.code)
            await self._refused(batch, pending, values, error)
            return False
        async with self._store.write_connection() as db:
            await repository.set_batch(db, batch.id, **values, status="sent", error="")
        return True

    async def _refused(
        self, batch: Any, lines: list[Any], values: dict[str, Any], error: EmporionError
    ) -> None:
        told = f"{error.code}: {error}"
        verdict = verdict_on(error, values["attempts"], len(lines))
        async with self._store.write_connection() as db:
            await repository.set_batch(db, batch.id, **values, error=told)
            if verdict is Verdict.AGAIN:
                return
            if verdict is Verdict.SPLIT:
                middle = len(lines) // 2
                for part in (lines[:middle], lines[middle:]):
                    await repository.add_batch(db, *_part_of(batch, part))
                await repository.end_batch(db, batch.id, "split", self._clock.now(), told)
            else:
                await repository.end_batch(db, batch.id, "abandoned", self._clock.now(), told)
                self._observer.lost("abandoned")
        log.warning(f"settlement.batch.{verdict.value}", batch=batch.id, plan=batch.plan_id, reason=told)


def _waits(batch: Any, now: UnixTime) -> bool:
    pause = RESEND_SECONDS if batch.status == "sent" else min(2**batch.attempts - 1, RESEND_SECONDS)
    return bool(now - batch.sent_at < pause)


def _entry_of(line: Any) -> SettleEntry:
    voucher = b""
    if line.signature:
        voucher = settlement_voucher(Units(line.covered_units), bytes(line.signature))
    return SettleEntry(
        Address(bytes(line.payer)), line.cumulative_units, Hash32(bytes(line.receipts_root)), voucher
    )


def _part_of(batch: Any, lines: list[Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A new batch of some of a batch's lines."""
    batch_id = secrets.token_hex(8)
    row = {name: getattr(batch, name) for name in ("chain_id", "plan_id", "created_at", "outbox_from")}
    row |= {"id": batch_id, "status": "prepared", "error": "", "sent_at": 0, "attempts": 0, "tx_hash": None}
    kept = [{name: getattr(line, name) for name in _KEPT} | {"batch_id": batch_id} for line in lines]
    return row, kept


_KEPT: Final = (
    "payer",
    "chain_id",
    "plan_id",
    "cumulative_units",
    "from_sequence",
    "to_sequence",
    "receipts_root",
    "outcome",
    "reason",
)
