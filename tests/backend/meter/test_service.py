"""The meter on SQLite and PostgreSQL.

reserve
    given no tab, a withdrawal asked for, or too little: refused and nothing written
    given K credits and 4K callers at once: exactly K served
    given a tab that demands vouchers: refused beyond the voucher
    given the same request twice: held once
    given credits that an earlier meter settled: they do not count as ours
    given numbers near the columns' end: refused, not overflown
    given a chain whose clock is ahead: the daily limit goes by the chain's day
capture
    charges the cost, lowers the hold, links the receipts
    given many at once on one tab: one chain of receipts
    given the same request twice, one after the other or at once: the first receipt, charged once
    given an expired hold: at most what is left, the rest is counted as lost
    given a cost above the hold, or counts no column holds: at most the hold
    given nothing delivered: no charge, and the hold is free; given a part: the part
void
    gives the hold back, once
reap
    frees expired holds only; a renewed hold lives on
available
    given a withdrawal that runs: nothing to spend, and exactly what comes back
"""

import asyncio
from dataclasses import replace

import pytest

from backend.core.clock import ManualClock
from backend.core.units import MICRO, Address
from backend.db.group_commit import GroupCommit
from backend.db.session import Store
from backend.meter import repository
from backend.meter.pricing import SECONDS_A_DAY
from backend.meter.schemas import Outcome
from backend.meter.service import HOLD_SECONDS, Meter
from tests.backend.meter.conftest import TAB, DigestSigner, Mirror, hold, served


class TestReserve:
    async def test_refuses_without_a_tab(self, meter: Meter, mirror: Mirror) -> None:
        await mirror.put(balance=0)
        assert not await meter.reserve(hold("r", 1))
        assert (await meter.available(TAB)).available == 0

    async def test_refuses_while_a_withdrawal_is_asked_for(self, meter: Meter, mirror: Mirror) -> None:
        await mirror.put(balance=10, withdraw_at=1)
        assert not await meter.reserve(hold("r", 1))

    async def test_refuses_a_micro_credit_too_much(self, meter: Meter) -> None:
        assert not await meter.reserve(hold("r", 10.000001))
        assert await meter.reserve(hold("r", 10))

    async def test_serves_exactly_what_is_deposited(self, meter: Meter) -> None:
        granted = await asyncio.gather(*(meter.reserve(hold(f"r{n}", 1)) for n in range(40)))
        assert sum(granted) == 10

    async def test_at_once_on_two_tabs_each_has_its_own(self, meter: Meter, mirror: Mirror) -> None:
        other = replace(TAB, payer=Address(b"\xb1" * 20))
        await mirror.put(other, balance=3)
        wanted = [replace(hold(f"r{n}", 1), tab=tab) for n in range(12) for tab in (TAB, other)]
        wanted = [replace(one, request_id=f"{one.request_id}-{number}") for number, one in enumerate(wanted)]
        granted = await asyncio.gather(*map(meter.reserve, wanted))
        assert (sum(granted[::2]), sum(granted[1::2])) == (10, 3)

    async def test_at_once_and_one_twice_holds_it_once(self, meter: Meter) -> None:
        names = ["a", "b", "b", "c"]
        assert all(await asyncio.gather(*(meter.reserve(hold(name, 1)) for name in names)))
        assert (await meter.available(TAB)).available == 7 * MICRO

    async def test_settled_credits_do_not_count_twice(self, meter: Meter, mirror: Mirror) -> None:
        await meter.reserve(hold("r", 4))
        await meter.capture(served("r", 4 * MICRO))
        await mirror.put(balance=6, settled=4)
        assert (await meter.available(TAB)).available == 6 * MICRO

    async def test_keeps_to_the_daily_limit(self, meter: Meter, mirror: Mirror) -> None:
        await mirror.put(balance=10, daily_limit=2)
        assert not await meter.reserve(hold("r", 3))
        assert await meter.reserve(hold("r", 2))

    async def test_holds_the_same_request_once(self, meter: Meter) -> None:
        assert await meter.reserve(hold("r", 6))
        assert await meter.reserve(hold("r", 6))
        assert (await meter.available(TAB)).available == 4 * MICRO

    async def test_credits_of_an_earlier_meter_are_not_ours(self, meter: Meter, mirror: Mirror) -> None:
        await mirror.put(balance=4, settled=6)
        assert (await meter.available(TAB)).available == 4 * MICRO
        assert not await meter.reserve(hold("r", 4.000001))
        assert await meter.reserve(hold("r", 4))
        receipt = await meter.capture(served("r", MICRO))
        assert receipt.body.cumulative_micro_credits == 7 * MICRO

    async def test_credits_another_meter_settled_meanwhile_are_not_ours(
        self, meter: Meter, mirror: Mirror
    ) -> None:
        await meter.reserve(hold("r", 1))
        await meter.capture(served("r", MICRO))
        await mirror.put(balance=2, settled=8)
        assert not await meter.reserve(hold("s", 3))
        await meter.reserve(hold("s", 1))
        assert (await meter.capture(served("s", MICRO))).body.cumulative_micro_credits >= 8 * MICRO
        assert (await meter.available(TAB)).available <= 2 * MICRO

    async def test_a_fraction_paid_at_closing_is_the_payers(self, meter: Meter, mirror: Mirror) -> None:
        await meter.reserve(hold("r", 3))
        await meter.capture(served("r", 2_300_000))
        await mirror.put(balance=5, settled=3)
        assert (await meter.available(TAB)).available == 5_700_000
        assert await meter.reserve(hold("s", 5.7))

    @pytest.mark.parametrize("tab", [{"balance": 5, "withdraw_at": 1}, {"balance": 0}])
    async def test_that_fraction_opens_no_tab_that_is_left(
        self, meter: Meter, mirror: Mirror, tab: dict[str, int]
    ) -> None:
        await meter.reserve(hold("r", 3))
        await meter.capture(served("r", 2_300_000))
        await mirror.put(TAB, settled=3, **tab)
        assert (await meter.available(TAB)).available == 0
        assert not await meter.reserve(hold("s", 0.1))

    @pytest.mark.parametrize(
        "tab", [{"settled": 2**62, "balance": 2**62}, {"settled": 9 * 10**12, "balance": 9 * 10**12}]
    )
    async def test_never_overflows(self, meter: Meter, mirror: Mirror, tab: dict[str, int]) -> None:
        await mirror.put(TAB, **tab)
        assert not await meter.reserve(hold("r", 1))
        assert (await meter.capture(served("r", MICRO))).body.micro_credits == 0

    async def test_daily_limit_goes_by_the_later_clock(
        self, store: Store, writer: GroupCommit, clock: ManualClock, mirror: Mirror
    ) -> None:
        tomorrow = clock.now() + SECONDS_A_DAY
        await mirror.put(balance=10, daily_limit=2, spent=2, day=clock.now() // SECONDS_A_DAY)
        ahead = Meter(store, writer, DigestSigner(), clock, chain_now=lambda _chain: tomorrow)
        here = Meter(store, writer, DigestSigner(), clock)
        assert not await here.reserve(hold("r", 1))
        assert await ahead.reserve(hold("r", 2))

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

    async def test_captures_at_once_are_one_chain(self, meter: Meter, mirror: Mirror) -> None:
        await mirror.put(balance=50)
        names = [f"r{n}" for n in range(40)]
        await asyncio.gather(*(meter.reserve(hold(name, 1)) for name in names))
        receipts = await asyncio.gather(*(meter.capture(served(name, MICRO)) for name in names))
        chain = sorted(receipts, key=lambda receipt: receipt.sequence)
        assert [receipt.sequence for receipt in chain] == list(range(1, 41))
        assert [one.body.previous_receipt for one in chain[1:]] == [one.digest for one in chain[:-1]]
        assert [one.body.cumulative_micro_credits for one in chain] == [n * MICRO for n in range(1, 41)]
        assert (await meter.available(TAB)).available == 10 * MICRO

    async def test_same_request_at_once_is_charged_once(self, meter: Meter) -> None:
        await meter.reserve(hold("r", 2))
        receipts = await asyncio.gather(*(meter.capture(served("r", MICRO)) for _ in range(5)))
        assert len({receipt.digest for receipt in receipts}) == 1
        assert (await meter.available(TAB)).available == 9 * MICRO

    @pytest.mark.parametrize("lie", [10**30, 2**63, 2**63 - 1])
    async def test_upstream_that_lies_takes_the_hold_at_most(
        self, store: Store, meter: Meter, lie: int
    ) -> None:
        await meter.reserve(hold("r", 1))
        receipt = await meter.capture(served("r", lie, units_in=lie, units_out=lie))
        assert receipt.body.micro_credits == MICRO
        async with store.read_connection() as db:
            row = await repository.usage_row(db, "r")
        assert (row.units_out, row.lost) == (2**63 - 1, 2**63 - 1 - MICRO)

    async def test_negative_cost_gives_nothing_back(self, meter: Meter) -> None:
        await meter.reserve(hold("r", 1))
        receipt = await meter.capture(served("r", -MICRO, units_out=-5))
        assert (receipt.body.micro_credits, receipt.body.units_out) == (0, 0)

    async def test_nothing_delivered_is_not_charged(self, store: Store, meter: Meter) -> None:
        await meter.reserve(hold("r", 4))
        receipt = await meter.capture(served("r", 3 * MICRO, outcome=Outcome.FAILED, units_out=0))
        assert (receipt.body.micro_credits, receipt.remaining) == (0, 10 * MICRO)
        async with store.read_connection() as db:
            assert (await repository.usage_row(db, "r")).lost == 0

    async def test_a_part_is_charged_as_a_part(self, meter: Meter) -> None:
        await meter.reserve(hold("r", 4))
        receipt = await meter.capture(served("r", 700_000, outcome=Outcome.PARTIAL, units_out=2))
        assert (receipt.body.micro_credits, receipt.remaining) == (700_000, 9_300_000)

    async def test_free_request_needs_no_tab(self, meter: Meter, mirror: Mirror) -> None:
        stranger = replace(TAB, payer=Address(b"\xcc" * 20))
        receipt = await meter.capture(replace(served("r", 0), tab=stranger))
        assert (receipt.sequence, receipt.body.cumulative_micro_credits, receipt.remaining) == (1, 0, 0)

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


class TestReturnable:
    async def test_is_exact_while_a_withdrawal_runs(self, meter: Meter, mirror: Mirror) -> None:
        """Of ten credits two and a half are served: seven come back, before and after two are settled."""
        assert await meter.reserve(hold("r", 3))
        await meter.capture(served("r", 5 * MICRO // 2))
        await mirror.put(balance=10, withdraw_at=5)
        asked = await meter.available(TAB)
        assert (asked.available, asked.returnable) == (0, 7)
        await mirror.put(balance=8, settled=2, withdraw_at=5)
        assert (await meter.available(TAB)).returnable == 7
        await mirror.put(balance=7, settled=3, withdraw_at=5)
        assert (await meter.available(TAB)).returnable == 7
