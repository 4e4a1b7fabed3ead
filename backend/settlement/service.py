"""The settlement worker: batches are written, then sent, then confirmed by the indexed events.

Every step can be repeated: settlements are cumulative, so a batch sent twice changes nothing on chain, and a
batch that a crash left unsent is sent at the next step. What a reorganisation takes back is unsettled in the
mirror again, and becomes due again by itself.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import Clock
from backend.core.errors import EmporionError
from backend.core.units import Address, ChainId, Hash32, PlanId, Units, UnixTime
from backend.db.session import Store
from backend.meter.proofs import receipts_tree
from backend.settlement import repository
from backend.settlement.batch import Line, OpenTab, Policy, plan_batches
from backend.signing.messages import settlement_voucher

LEASE_SECONDS: Final = 15
RESEND_SECONDS: Final = 60
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


@dataclass(frozen=True, slots=True)
class SettleEntry:
    """One line as the escrow takes it."""

    payer: Address
    cumulative_units: int
    receipts_root: Hash32
    voucher: bytes


class SettlementSender(Protocol):
    """Sends settlements with the meter's key; does not wait for them to be mined."""

    async def settle(self, chain_id: ChainId, plan_id: PlanId, entries: Sequence[SettleEntry]) -> Hash32:
        """Send one `UsageEscrow.settle`; returns the transaction's hash. Raises ChainError and its kind."""
        ...


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did."""

    leader: bool
    prepared: int = 0
    sent: int = 0
    confirmed: int = 0


class SettlementWorker:
    """Settles the tabs of services whose meter is `meter`; of several workers one leads."""

    def __init__(
        self,
        store: Store,
        sender: SettlementSender,
        meter: Address,
        clock: Clock,
        policy: Policy,
    ) -> None:
        self._store = store
        self._sender = sender
        self._meter = meter
        self._clock = clock
        self._policy = policy
        self._name = secrets.token_hex(8)

    async def run(self, stop: asyncio.Event, interval: float = 1.0) -> None:
        """Step until told to stop; a failing step is logged and tried again."""
        while not stop.is_set():
            try:
                await self.step()
            except EmporionError as error:
                log.warning("settlement.step.failed", code=error.code, reason=str(error))
            try:
                await asyncio.wait_for(stop.wait(), interval)
            except TimeoutError:
                continue

    async def step(self) -> StepReport:
        """Lead, confirm what the index shows, write what is due, send what is open."""
        if not await self._leads():
            return StepReport(leader=False)
        confirmed = prepared = sent = 0
        async with self._store.read_connection() as db:
            followed = await repository.chains(db)
        for chain in followed:
            chain_id = ChainId(chain.chain_id)
            confirmed += await self._confirm(chain_id)
            prepared += await self._prepare(chain_id)
            sent += await self._send(chain_id)
        return StepReport(leader=True, prepared=prepared, sent=sent, confirmed=confirmed)

    async def _leads(self) -> bool:
        now = self._clock.now()
        name = f"settlement:{self._meter.hex()}"
        async with self._store.write_connection() as db:
            return await repository.take_lease(db, name, self._name, now, now + LEASE_SECONDS)

    async def _confirm(self, chain_id: ChainId) -> int:
        confirmed = 0
        async with self._store.write_connection() as db:
            for batch in await repository.open_batches(db, chain_id):
                confirmed += await self._confirm_batch(db, batch)
        return confirmed

    async def _confirm_batch(self, db: AsyncConnection, batch: Any) -> bool:
        skipped = await repository.skipped_in(db, bytes(batch.tx_hash)) if batch.tx_hash else {}
        still_open = 0
        for line in await repository.lines_of(db, batch.id):
            payer = bytes(line.payer)
            if (line.settled_now or 0) >= line.cumulative_units:
                await repository.set_line(db, batch.id, payer, "settled")
            elif payer in skipped:
                reason = SKIP_REASONS[skipped[payer]]
                log.warning("settlement.line.skipped", batch=batch.id, plan=batch.plan_id, reason=reason)
                await repository.set_line(db, batch.id, payer, "skipped", reason)
            else:
                still_open += 1
        if still_open:
            return False
        await repository.set_batch(db, batch.id, status="confirmed")
        log.info("settlement.batch.confirmed", batch=batch.id, plan=batch.plan_id)
        return True

    async def _prepare(self, chain_id: ChainId) -> int:
        now = self._clock.now()
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

    async def _send(self, chain_id: ChainId) -> int:
        async with self._store.read_connection() as db:
            batches = await repository.open_batches(db, chain_id)
        sent = 0
        for batch in batches:
            if self._waits(batch, self._clock.now()):
                continue
            sent += await self._send_batch(batch)
        return sent

    @staticmethod
    def _waits(batch: Any, now: UnixTime) -> bool:
        pause = RESEND_SECONDS if batch.status == "sent" else min(2**batch.attempts - 1, RESEND_SECONDS)
        return bool(now - batch.sent_at < pause)

    async def _send_batch(self, batch: Any) -> bool:
        async with self._store.read_connection() as db:
            lines = await repository.lines_of(db, batch.id)
        entries = [
            SettleEntry(
                Address(bytes(line.payer)),
                line.cumulative_units,
                Hash32(bytes(line.receipts_root)),
                settlement_voucher(Units(line.covered_units), bytes(line.signature))
                if line.signature
                else b"",
            )
            for line in lines
        ]
        values: dict[str, Any] = {"attempts": batch.attempts + 1, "sent_at": self._clock.now()}
        try:
            plan_id = PlanId(batch.plan_id)
            values["tx_hash"] = await self._sender.settle(ChainId(batch.chain_id), plan_id, entries)
            values |= {"status": "sent", "error": ""}
        except EmporionError as error:
            values["error"] = f"{error.code}: {error}"
            log.warning("settlement.send.failed", batch=batch.id, code=error.code, reason=str(error))
        async with self._store.write_connection() as db:
            await repository.set_batch(db, batch.id, **values)
        return "tx_hash" in values
