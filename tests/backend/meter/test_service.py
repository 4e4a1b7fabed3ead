"""The meter on SQLite and PostgreSQL.

reserve
    given no tab, a withdrawal asked for, or too little: refused and nothing written
    given K credits and 4K callers at once: exactly K served
    given a tab that demands vouchers: refused beyond the voucher
capture
    charges the cost, lowers the hold, links the receipts
    given the same request twice: the first receipt, charged once
    given an expired hold: at most what is left, the rest is counted as lost
    given a cost above the hold: at most the hold
void
    gives the hold back, once
reap
    frees expired holds only; a renewed hold lives on
"""

import asyncio

from backend.core.clock import ManualClock
from backend.core.units import MICRO
from backend.db.session import Store
from backend.meter import repository
from backend.meter.service import HOLD_SECONDS, Meter
from tests.backend.meter.conftest import TAB, Mirror, hold, served


class TestReserve:
    async def test_refuses_without_a_tab(self, store: Store, meter: Meter, mirror: Mirror) -> None:
        await mirror.put(balance=0)
        assert not await meter.reserve(hold("r", 1))
        async with store.write_connection() as db:
            assert await repository.take_hold(db, "r") is None

    async def test_refuses_while_a_withdrawal_is_asked_for(self, meter: Meter, mirror: Mirror) -> None:
        await mirror.put(balance=10, withdraw_at=1)
        assert not await meter.reserve(hold("r", 1))

    async def test_refuses_a_micro_credit_too_much(self, meter: Meter) -> None:
        assert not await meter.reserve(hold("r", 10.000001))
        assert await meter.reserve(hold("r", 10))

    async def test_serves_exactly_what_is_deposited(self, meter: Meter) -> None:
        granted = await asyncio.gather(*(meter.reserve(hold(f"r{n}", 1)) for n in range(40)))
        assert sum(granted) == 10

    async def test_settled_credits_do_not_count_twice(self, meter: Meter, mirror: Mirror) -> None:
        await meter.reserve(hold("r", 4))
        await meter.capture(served("r", 4 * MICRO))
        await mirror.put(balance=6, settled=4)
        assert (await meter.available(TAB)).available == 6 * MICRO

    async def test_keeps_to_the_daily_limit(self, meter: Meter, mirror: Mirror) -> None:
        await mirror.put(balance=10, daily_limit=2)
        assert not await meter.reserve(hold("r", 3))
        assert await meter.reserve(hold("r", 2))

    async def test_demands_a_voucher_that_covers_it(self, store: Store, meter: Meter, mirror: Mirror) -> None:
        await mirror.put(balance=10, vouchers=True)
        assert not await meter.reserve(hold("r", 1))
        assert (await meter.available(TAB)).voucher_short_by == 10 * MICRO
        async with store.write_connection() as db:
            assert await repository.keep_voucher(db, TAB, 1, b"signature")
        assert await meter.reserve(hold("r", 1))
        assert not await meter.reserve(hold("s", 1))

    async def test_keeps_the_largest_voucher(self, store: Store, meter: Meter) -> None:
        async with store.write_connection() as db:
            assert await repository.keep_voucher(db, TAB, 5, b"five")
            assert not await repository.keep_voucher(db, TAB, 4, b"four")
            assert await repository.voucher_units(db, TAB) == 5


class TestCapture:
    async def test_charges_the_cost_and_frees_the_rest(self, meter: Meter) -> None:
        await meter.reserve(hold("r", 9))
        receipt = await meter.capture(served("r", 2 * MICRO))
        assert receipt.body.micro_credits == receipt.body.cumulative_micro_credits == 2 * MICRO
        assert receipt.remaining == 8 * MICRO
        assert (await meter.available(TAB)).available == 8 * MICRO

    async def test_links_receipts(self, meter: Meter) -> None:
        first = await meter.capture(served("a", 0))
        second = await meter.capture(served("b", 0))
        assert second.body.previous_receipt == first.digest
        assert (first.sequence, second.sequence) == (1, 2)

    async def test_same_request_twice_is_charged_once(self, meter: Meter) -> None:
        await meter.reserve(hold("r", 2))
        first = await meter.capture(served("r", MICRO))
        again = await meter.capture(served("r", MICRO))
        assert (again.digest, again.sequence) == (first.digest, 1)
        assert (await meter.available(TAB)).available == 9 * MICRO

    async def test_expired_hold_charges_what_is_left(self, meter: Meter, clock: ManualClock) -> None:
        await meter.reserve(hold("late", 6))
        await clock.advance(HOLD_SECONDS + 1)
        assert await meter.reap() == 1
        await meter.reserve(hold("other", 8))
        receipt = await meter.capture(served("late", 6 * MICRO))
        assert receipt.body.micro_credits == 2 * MICRO

    async def test_never_charges_more_than_was_held(self, store: Store, meter: Meter) -> None:
        await meter.reserve(hold("r", 1))
        receipt = await meter.capture(served("r", 3 * MICRO))
        assert receipt.body.micro_credits == MICRO
        async with store.read_connection() as db:
            assert (await repository.usage_row(db, "r")).lost == 2 * MICRO

    async def test_stored_receipt_is_the_one_given(self, meter: Meter) -> None:
        given = await meter.capture(served("r", 0))
        stored = await meter.receipt("r")
        assert stored is not None
        assert (stored.body, stored.digest, stored.signature) == (given.body, given.digest, given.signature)
        assert await meter.receipt("unknown") is None


class TestVoid:
    async def test_gives_the_hold_back_once(self, meter: Meter) -> None:
        request = hold("r", 4)
        await meter.reserve(request)
        await meter.void(request)
        await meter.void(request)
        assert (await meter.available(TAB)).available == 10 * MICRO


class TestReap:
    async def test_leaves_running_holds(self, meter: Meter, clock: ManualClock) -> None:
        await meter.reserve(hold("kept", 1))
        await meter.reserve(hold("lost", 2))
        await clock.advance(40)
        assert await meter.renew(["kept"]) == 1
        await clock.advance(30)
        assert await meter.reap() == 1
        assert (await meter.available(TAB)).available == 9 * MICRO
