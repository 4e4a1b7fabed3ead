"""The meter: a hold before a request, a usage row and a signed receipt after it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import Clock
from backend.core.errors import PortAbsent
from backend.core.units import ChainId, MicroCredits
from backend.db.group_commit import HotWork, SteppedWork, Work
from backend.db.session import Store
from backend.meter import repository, retention_repository, void_repository
from backend.meter.capture_repository import Capture, Captured, CaptureState, TabNow
from backend.meter.hold_repository import OpenTab, RenewHolds, Reserved, ReserveHold, VoidHold
from backend.meter.pricing import (
    SECONDS_A_DAY,
    TabState,
    available_down,
    returnable_down,
    settled_micro,
    spent_up,
)
from backend.meter.proofs import prove
from backend.meter.receipts import Issued, charge, receipt_of, usage_values
from backend.meter.schemas import Available, HoldRequest, Receipt, ReceiptProof, ReceiptSigner, Served, TabKey
from backend.meter.voiding import Voiding
from backend.meter.vouchers import VoucherCheck

HOLD_SECONDS: Final = 60

log = structlog.get_logger(__name__)
T = TypeVar("T")
_NO_TAB: Final = TabState(balance=0, settled=0, withdraw_at=0, daily_limit=0, spent_on_day=0, day=0)


class Writer(Protocol):
    """Runs work in a durable transaction of the gateway's store, several callers' work together."""

    async def submit(self, work: Work[T] | HotWork[T] | SteppedWork[T]) -> T:
        """Run the work; returns once it is durable, raises what it raised."""
        ...


ChainNow = Callable[[ChainId], int]
"""Timestamp of a chain's indexed head, 0 where none is known; must not wait."""


def no_chain(_chain_id: ChainId) -> int:
    """Stands in where no head is followed: the wall clock alone tells the day."""
    return 0


class Meter:
    """One gateway's meter. `writer` commits in groups; `store` serves look-ups.

    Daily limits go by the later of the wall clock and `chain_now`, as the escrow's block will.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        signer: ReceiptSigner,
        clock: Clock,
        chain_now: ChainNow = no_chain,
        vouchers: VoucherCheck | None = None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._signer = signer
        self._clock = clock
        self._chain_now = chain_now
        self._vouchers = vouchers
        self._voiding = Voiding(store, clock)

    @property
    def address(self) -> bytes:
        """The meter's key, as services name it on chain."""
        return self._signer.address

    async def reserve(self, hold: HoldRequest) -> bool:
        """Hold the worst case of a request; False where the tab does not cover it (ask `available` why).

        The same request twice holds once.
        """
        work = ReserveHold(hold, self._today(hold.tab.chain_id), self._clock.now() + HOLD_SECONDS)
        outcome = await self._writer.submit(work)
        if outcome is Reserved.UNOPENED:
            await self._open(hold.tab)
            outcome = await self._writer.submit(work)
        return outcome is Reserved.HELD

    async def renew(self, request_ids: list[str]) -> int:
        """Keep holds of running requests alive; `HoldKeeper` calls it. Returns how many still stood."""
        return await self._writer.submit(RenewHolds(request_ids, self._clock.now() + HOLD_SECONDS))

    async def void(self, hold: HoldRequest) -> None:
        """Give a hold back: nothing was delivered. Doing so twice changes nothing."""
        await self._writer.submit(VoidHold(hold))

    async def capture(self, served: Served) -> Receipt:
        """Write what a request used and sign its receipt; durable on return.

        The same request twice gives the first receipt again. Where the hold expired meanwhile, at most what
        the tab still has is charged.
        """
        captured = await self._writer.submit(Capture(served, self._issue))
        if captured is CaptureState.UNOPENED:
            await self._open(served.tab)
            captured = await self._writer.submit(Capture(served, self._issue))
        if isinstance(captured, CaptureState):
            return await self._earlier(served)
        if captured.lost:
            told = log.bind(request=served.request_id, had_hold=captured.had_hold)
            told.warning("meter.capture.short", lost=captured.lost)
        return captured.receipt

    async def follow_forks(self) -> int:
        """Void what no deposit backs once a fork is final; returns how many requests. See `Voiding`."""
        return await self._voiding.step()

    async def reap(self) -> int:
        """Free expired holds; returns how many."""
        now = self._clock.now()
        reaped = await self._writer.submit(lambda db: repository.reap(db, now))
        for tab, amount in reaped:
            log.warning("meter.hold.expired", chain=tab.chain_id, plan=tab.plan_id, micro_credits=amount)
        return len(reaped)

    async def forget(self, before: int) -> int:
        """Delete usage rows older than a time that neither money nor a proof needs; returns how many."""
        gone = await self._writer.submit(lambda db: retention_repository.forget_unmetered(db, before))
        while settled := await self._writer.submit(
            lambda db: retention_repository.forget_settled(db, before)
        ):
            gone += settled
        return gone

    async def available(self, tab: TabKey) -> Available:
        """What a tab has for a new request, and whether a larger voucher is what is missing."""
        async with self._store.read_connection() as db:
            spent, held, mirror = await self._standing(db, tab)
            free = available_down(mirror, spent, held, self._today(tab.chain_id))
            cumulative = MicroCredits(spent_up(spent, mirror.settled) + held)
            back = returnable_down(mirror, spent, held)
            if not await repository.demands_vouchers(db, tab):
                return Available(free, MicroCredits(0), cumulative, returnable=back)
            vouched = settled_micro(await repository.voucher_units(db, tab))
        covered = MicroCredits(max(vouched - cumulative, 0))
        short = MicroCredits(max(free - covered, 0))
        return Available(min(free, covered), short, cumulative, vouchers=True, returnable=back)

    async def keep_voucher(self, tab: TabKey, cumulative_units: int, signature: bytes) -> Available:
        """Keep a payer's voucher if it is larger than the one kept; how the tab stands then.

        Raises MalformedRequest, InvalidSignature, PortAbsent where no voucher check was handed in.
        """
        if self._vouchers is None:
            raise PortAbsent("this gateway takes no vouchers; it was started without a deployment")
        await self._vouchers.require(tab, cumulative_units, signature)
        await self._writer.submit(lambda db: repository.keep_voucher(db, tab, cumulative_units, signature))
        return await self.available(tab)

    async def receipt(self, request_id: str) -> Receipt | None:
        """The receipt of a request, or None."""
        async with self._store.read_connection() as db:
            row = await repository.usage_row(db, request_id)
            voided = await void_repository.voided(db, request_id)
        if row is None:
            return None
        told = None if voided is None else MicroCredits(voided)
        return replace(receipt_of(row, MicroCredits(0)), voided=told)

    async def proof(self, request_id: str) -> ReceiptProof | None:
        """The Merkle proof of a receipt, or None where no settlement covers it yet."""
        async with self._store.read_connection() as db:
            return await prove(db, request_id)

    def _issue(self, served: Served, now: TabNow) -> Captured:
        """Sign the receipt that follows the tab's last; charges no more than was held, or else is left."""
        tab, today = served.tab, self._today(served.tab.chain_id)
        limit = now.hold if now.hold is not None else available_down(now.mirror, now.spent, now.held, today)
        charged, lost = charge(served, limit)
        spent = spent_up(now.spent, now.mirror.settled)
        place = (now.sequence + 1, spent, charged, lost, now.last_receipt)
        issued = Issued(served, *place, self._clock.now())
        body = issued.body()
        digest, signature = self._signer.sign(tab.chain_id, body)
        others = now.held - (now.hold or 0)
        remaining = available_down(now.mirror, body.cumulative_micro_credits, others, today)
        receipt = Receipt(
            request_id=served.request_id,
            chain_id=tab.chain_id,
            sequence=issued.sequence,
            body=body,
            digest=digest,
            meter=self._signer.address,
            signature=signature,
            remaining=remaining,
        )
        values = usage_values(issued, digest, self._signer.address, signature)
        return Captured(values, receipt, issued.lost, now.hold is not None)

    async def _open(self, tab: TabKey) -> None:
        await self._writer.submit(OpenTab(tab))

    async def _earlier(self, served: Served) -> Receipt:
        async with self._store.read_connection() as db:
            row = await repository.usage_row(db, served.request_id)
            return receipt_of(row, await self._free(db, served.tab))

    async def _standing(self, db: AsyncConnection, tab: TabKey) -> tuple[int, int, TabState]:
        """Spent, held and the mirrored tab; a tab that is not open yet has spent what was settled."""
        own = await repository.meter_tab(db, tab)
        mirror = await repository.mirrored_tab(db, tab) or _NO_TAB
        return (own.spent, own.held, mirror) if own else (settled_micro(mirror.settled), 0, mirror)

    async def _free(self, db: AsyncConnection, tab: TabKey) -> MicroCredits:
        spent, held, mirror = await self._standing(db, tab)
        return available_down(mirror, spent, held, self._today(tab.chain_id))

    def _today(self, chain_id: ChainId) -> int:
        return max(self._clock.now(), self._chain_now(chain_id)) // SECONDS_A_DAY
