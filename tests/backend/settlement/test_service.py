"""The settlement worker on SQLite and PostgreSQL.

step
    given another leader: it does nothing, until that one leaves or its time is over
    given a service with another meter: it leaves the tab alone
    given a meter that was replaced: it settles what it served, until its time is over
    given served credits: it prepares a batch, sends it once, and confirms it by the mirror alone
    given a crash at any point: the next worker goes on, and nothing is lost or settled twice
    given a node that is down: the batch is kept and sent later
    given no confirmation for a while: it sends the same lines again
    given a tab that demands vouchers: no more than the voucher covers, which goes with it
    given a daily limit: the day is the chain's where its clock is ahead
    given a confirmed settlement taken back by a fork: it settles the same receipts again
"""

import asyncio
from contextlib import suppress

from backend.core.clock import ManualClock
from backend.core.units import Address
from backend.db.session import Store
from backend.db.tables import chain as tables
from backend.meter.pricing import SECONDS_A_DAY
from backend.meter.proofs import receipts_tree
from backend.meter.repository import keep_voucher
from backend.meter.service import Meter
from backend.settlement.batch import Policy
from backend.settlement.service import LEASE_SECONDS, RESEND_SECONDS, SettlementWorker
from backend.signing.merkle import verify
from tests.backend.settlement.conftest import BUYER, CHAIN, METER, PLAN, TAB, Crash, Escrow, Mirror, serve


class TestStep:
    async def test_only_one_worker_leads(
        self, store: Store, escrow: Escrow, clock: ManualClock, worker: SettlementWorker
    ) -> None:
        second = SettlementWorker(store, escrow, METER, clock, Policy(max_age=0))
        assert (await worker.step()).leader
        assert not (await second.step()).leader
        await clock.advance(LEASE_SECONDS + 1)
        assert (await second.step()).leader

    async def test_one_that_leaves_makes_room_at_once(
        self, store: Store, escrow: Escrow, clock: ManualClock, worker: SettlementWorker
    ) -> None:
        second = SettlementWorker(store, escrow, METER, clock, Policy(max_age=0))
        await worker.step()
        await second.leave()
        assert not (await second.step()).leader
        await worker.leave()
        assert not worker.leads()
        assert (await second.step()).leader
        assert not (await worker.step()).leader

    async def test_leaves_tabs_of_other_meters_alone(
        self, store: Store, escrow: Escrow, clock: ManualClock, meter: Meter
    ) -> None:
        await serve(meter, "r", 3)
        stranger = SettlementWorker(store, escrow, Address(b"\x77" * 20), clock, Policy(max_age=0))
        await stranger.step()
        assert escrow.sent == []

    async def test_settles_whole_credits_once(
        self, escrow: Escrow, worker: SettlementWorker, meter: Meter
    ) -> None:
        digest = await serve(meter, "r", 3.5)
        assert (await worker.step()).sent == 1
        assert (await worker.step()).sent == 0
        assert [(entry.payer, entry.cumulative_units) for entry in escrow.sent[0]] == [(BUYER, 3)]
        assert escrow.sent[0][0].receipts_root == receipts_tree([digest]).root

    async def test_confirms_by_the_mirror_alone(
        self, escrow: Escrow, worker: SettlementWorker, meter: Meter
    ) -> None:
        await serve(meter, "r", 3)
        await worker.step()
        assert (await worker.step()).confirmed == 0
        await escrow.mine()
        assert (await worker.step()).confirmed == 1
        assert len(escrow.sent) == 1

    async def test_settled_receipts_can_be_proved(
        self, escrow: Escrow, worker: SettlementWorker, meter: Meter
    ) -> None:
        for name in ("a", "b", "c"):
            await serve(meter, name, 1)
        assert await meter.proof("b") is None
        await worker.step()
        await escrow.mine()
        await worker.step()
        proof = await meter.proof("b")
        assert proof is not None
        assert proof.settled
        assert proof.root == escrow.sent[0][0].receipts_root
        assert verify(proof.root, proof.leaf, proof.path)

    async def test_covers_each_receipt_once(
        self, escrow: Escrow, worker: SettlementWorker, meter: Meter
    ) -> None:
        await serve(meter, "a", 2)
        await worker.step()
        await escrow.mine()
        later = await serve(meter, "b", 2)
        await worker.step()
        assert escrow.sent[1][0].receipts_root == receipts_tree([later]).root
        assert escrow.sent[1][0].cumulative_units == 4

    async def test_keeps_a_batch_while_the_node_is_down(
        self, escrow: Escrow, worker: SettlementWorker, meter: Meter, clock: ManualClock
    ) -> None:
        await serve(meter, "r", 3)
        escrow.down.add(CHAIN)
        assert (await worker.step()).sent == 0
        escrow.down.clear()
        await clock.advance(2)
        report = await worker.step()
        assert (report.prepared, report.sent) == (0, 1)

    async def test_another_worker_sends_what_a_crash_left(
        self, store: Store, escrow: Escrow, worker: SettlementWorker, meter: Meter, clock: ManualClock
    ) -> None:
        await serve(meter, "r", 3)
        escrow.down.add(CHAIN)
        await worker.step()
        escrow.down.clear()
        await clock.advance(LEASE_SECONDS + 1)
        successor = SettlementWorker(store, escrow, METER, clock, Policy(max_age=0))
        report = await successor.step()
        assert (report.prepared, report.sent, len(escrow.sent)) == (0, 1, 1)

    async def test_sends_again_what_was_never_mined(
        self, escrow: Escrow, worker: SettlementWorker, meter: Meter, clock: ManualClock
    ) -> None:
        await serve(meter, "r", 3)
        await worker.step()
        await clock.advance(RESEND_SECONDS)
        assert (await worker.step()).sent == 1
        assert escrow.sent[0] == escrow.sent[1]

    async def test_replaced_meter_settles_what_it_served(
        self, mirror: Mirror, escrow: Escrow, worker: SettlementWorker, meter: Meter, clock: ManualClock
    ) -> None:
        successor = {"meter": Address(b"\x77" * 20), "previous_meter": METER}
        until = clock.now() + 1_000
        await serve(meter, "a", 2)
        await mirror.change(tables.Service, (CHAIN, 1), **successor, previous_meter_until=until)
        assert (await worker.step()).sent == 1
        await escrow.mine()
        await worker.step()
        await serve(meter, "b", 2)
        await mirror.change(tables.Chain, CHAIN, timestamp=until)
        assert (await worker.step()).prepared == 0

    async def test_settles_what_the_voucher_covers(
        self, store: Store, mirror: Mirror, escrow: Escrow, worker: SettlementWorker, meter: Meter
    ) -> None:
        await serve(meter, "r", 5)
        await mirror.change(tables.Tab, (CHAIN, PLAN, BUYER), vouchers=True)
        assert (await worker.step()).sent == 0
        async with store.write_connection() as db:
            await keep_voucher(db, TAB, 4, b"signature")
        assert (await worker.step()).sent == 1
        entry = escrow.sent[0][0]
        assert (entry.cumulative_units, entry.voucher) == (4, (4).to_bytes(32, "big") + b"signature")

    async def test_daily_limit_goes_by_the_later_clock(
        self, mirror: Mirror, escrow: Escrow, worker: SettlementWorker, meter: Meter, clock: ManualClock
    ) -> None:
        await serve(meter, "r", 5)
        today = clock.now() // SECONDS_A_DAY
        await mirror.change(tables.Tab, (CHAIN, PLAN, BUYER), daily_limit=3, spent=3, day=today % 2**16)
        assert (await worker.step()).sent == 0
        await mirror.change(tables.Chain, CHAIN, timestamp=(today + 1) * SECONDS_A_DAY)
        assert (await worker.step()).sent == 1
        assert escrow.sent[0][0].cumulative_units == 3

    async def test_settles_again_what_a_fork_took_back(
        self, mirror: Mirror, escrow: Escrow, worker: SettlementWorker, meter: Meter
    ) -> None:
        await serve(meter, "r", 3)
        await worker.step()
        await escrow.mine()
        await worker.step()
        await mirror.tab(balance=10, settled=0)
        assert (await worker.step()).sent == 1
        assert escrow.sent[0] == escrow.sent[1]


class TestRestart:
    """Every worker lives for one step; each crashes somewhere else."""

    async def test_nothing_is_lost_or_settled_twice(
        self, store: Store, mirror: Mirror, escrow: Escrow, meter: Meter, clock: ManualClock
    ) -> None:
        async def life() -> None:
            await clock.advance(max(LEASE_SECONDS, RESEND_SECONDS) + 1)
            with suppress(Crash):
                await SettlementWorker(store, escrow, METER, clock, Policy(max_age=0)).step()

        await serve(meter, "a", 2)
        escrow.crashes = 1
        await life()  # sent, and gone before that was written down
        await life()  # sends the same again
        assert escrow.sent[0] == escrow.sent[1]
        await serve(meter, "b", 3)
        await escrow.mine()
        await life()  # confirms the first, sends the second
        assert [entry.cumulative_units for entry in escrow.sent[2]] == [5]
        escrow.down.add(CHAIN)
        await life()
        escrow.down.clear()
        await escrow.mine()
        await life()
        await life()
        assert await mirror.settled() == 5
        assert len(escrow.sent) == 3
        proofs = [await meter.proof(name) for name in ("a", "b")]
        assert all(proof is not None and proof.settled for proof in proofs)


class TestRun:
    async def test_goes_on_after_a_failing_step(
        self, escrow: Escrow, worker: SettlementWorker, meter: Meter
    ) -> None:
        escrow.down.add(CHAIN)
        await serve(meter, "r", 3)
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop, interval=0.01))
        await asyncio.sleep(0.1)
        stop.set()
        await running
        assert escrow.sent == []
