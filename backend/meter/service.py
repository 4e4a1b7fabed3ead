"""The meter: a hold before a request, a usage row and a signed receipt after it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import Clock
from backend.core.units import MICRO, ChainId, Hash32, MicroCredits
from backend.db.session import Store
from backend.meter import repository
from backend.meter.pricing import SECONDS_A_DAY, TabState, available_down
from backend.meter.proofs import prove
from backend.meter.receipts import Issued, receipt_of, usage_values
from backend.meter.schemas import Available, HoldRequest, Receipt, ReceiptProof, ReceiptSigner, Served, TabKey

HOLD_SECONDS: Final = 60
RENEW_SECONDS: Final = 20

log = structlog.get_logger(__name__)
T = TypeVar("T")
_NO_TAB: Final = TabState(balance=0, settled=0, withdraw_at=0, daily_limit=0, spent_on_day=0, day=0)


class Writer(Protocol):
    """Runs work in a durable transaction of the gateway's store, several callers' work together."""

    async def submit(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run the work; returns once it is durable, raises what it raised."""
        ...


class Meter:
    """One gateway's meter. `writer` commits in groups; `store` serves look-ups."""

    def __init__(self, store: Store, writer: Writer, signer: ReceiptSigner, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self._signer = signer
        self._clock = clock

    @property
    def address(self) -> bytes:
        """The meter's key, as services name it on chain."""
        return self._signer.address

    async def reserve(self, hold: HoldRequest) -> bool:
        """Hold the worst case of a request; False where the tab does not cover it (ask `available` why)."""
        now = self._clock.now()
        today, expires_at = now // SECONDS_A_DAY, now + HOLD_SECONDS
        return await self._writer.submit(lambda db: repository.reserve(db, hold, today, expires_at))

    async def renew(self, request_ids: list[str]) -> int:
        """Keep holds of running requests alive; call every RENEW_SECONDS. Returns how many still stood."""
        until = self._clock.now() + HOLD_SECONDS
        return await self._writer.submit(lambda db: repository.renew(db, request_ids, until))

    async def void(self, hold: HoldRequest) -> None:
        """Give a hold back: nothing was delivered. Doing so twice changes nothing."""

        async def work(db: AsyncConnection) -> None:
            amount = await repository.take_hold(db, hold.request_id)
            if amount is not None:
                await repository.release(db, hold.tab, amount)

        await self._writer.submit(work)

    async def capture(self, served: Served) -> Receipt:
        """Write what a request used and sign its receipt; durable on return.

        The same request twice gives the first receipt again. Where the hold expired meanwhile, at most what
        the tab still has is charged.
        """
        return await self._writer.submit(lambda db: self._captured(db, served))

    async def reap(self) -> int:
        """Free expired holds; returns how many."""
        now = self._clock.now()
        reaped = await self._writer.submit(lambda db: repository.reap(db, now))
        for tab, amount in reaped:
            log.warning("meter.hold.expired", chain=tab.chain_id, plan=tab.plan_id, micro_credits=amount)
        return len(reaped)

    async def available(self, tab: TabKey) -> Available:
        """What a tab has for a new request, and whether a larger voucher is what is missing."""
        async with self._store.read_connection() as db:
            free = await self._free(db, tab)
            if not await repository.demands_vouchers(db, tab):
                return Available(free, MicroCredits(0))
            own = await repository.meter_tab(db, tab)
            vouched = await repository.voucher_units(db, tab) * MICRO
        covered = MicroCredits(max(vouched - (own.spent + own.held if own else 0), 0))
        return Available(min(free, covered), MicroCredits(max(free - covered, 0)))

    async def receipt(self, request_id: str) -> Receipt | None:
        """The receipt of a request, or None."""
        async with self._store.read_connection() as db:
            row = await repository.usage_row(db, request_id)
        return None if row is None else receipt_of(row, MicroCredits(0))

    async def proof(self, request_id: str) -> ReceiptProof | None:
        """The Merkle proof of a receipt, or None where no settlement covers it yet."""
        async with self._store.read_connection() as db:
            return await prove(db, request_id)

    async def _captured(self, db: AsyncConnection, served: Served) -> Receipt:
        await repository.open_tab(db, served.tab)
        own = await repository.meter_tab(db, served.tab, lock=True)
        earlier = await repository.usage_row(db, served.request_id)
        if earlier is not None:
            return receipt_of(earlier, await self._free(db, served.tab))
        held = await repository.take_hold(db, served.request_id)
        limit = await self._limit(db, served, held)
        issued = Issued(
            served,
            own.sequence + 1,
            own.spent,
            MicroCredits(min(served.cost, limit)),
            Hash32(bytes(own.last_receipt)),
            self._clock.now(),
        )
        values = self._signed(issued)
        await repository.add_usage(db, values, released=held or 0)
        if values["lost"]:
            log.warning("meter.capture.short", request=served.request_id, lost=values["lost"])
        return receipt_of(_Row(values), await self._free(db, served.tab))

    def _signed(self, issued: Issued) -> dict[str, Any]:
        chain_id = ChainId(issued.served.tab.chain_id)
        digest, signature = self._signer.sign(chain_id, issued.body())
        return usage_values(issued, digest, self._signer.address, signature)

    async def _limit(self, db: AsyncConnection, served: Served, held: int | None) -> int:
        if held is not None or served.cost == 0:
            return held or 0
        log.warning("meter.hold.missing", request=served.request_id)
        return await self._free(db, served.tab)

    async def _free(self, db: AsyncConnection, tab: TabKey) -> MicroCredits:
        own = await repository.meter_tab(db, tab)
        mirror = await repository.mirrored_tab(db, tab) or _NO_TAB
        spent, held = (own.spent, own.held) if own else (0, 0)
        return available_down(mirror, spent, held, self._clock.now() // SECONDS_A_DAY)


class _Row:
    """A usage row by attribute, as the database gives it."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
