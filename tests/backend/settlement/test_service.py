"""The settlement worker on SQLite and PostgreSQL.

step
    given another leader: it does nothing
    given a service with another meter: it leaves the tab alone
    given a meter that was replaced: it settles what it served, until its time is over
    given served credits: it prepares a batch, sends it once, and confirms it by the mirror alone
    given a crash at any point: the next worker goes on, and nothing is lost or settled twice
    given a node that is down: the batch is kept and sent later; other chains go on
    given no confirmation for a while: it sends the same lines again
    given a skipped line: it is recorded with the reason, and the tab rests before it is tried again
    given a line that the chain refuses: the batch is halved until it is alone, and it alone is given up
    given a meter that is none any more: the batch is given up at once
    given a tab that demands vouchers: no more than the voucher covers, which goes with it
    given a daily limit: the day is the chain's where its clock is ahead
    given a payer who leaves: the last fraction is settled, rounded up, then the tab is closed
    given a confirmed settlement taken back by a fork: it settles the same receipts again
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import text

from backend.core.clock import ManualClock
from backend.core.errors import ContractRevert, InsufficientFunds
from backend.core.units import MICRO, Address, ChainId, MicroCredits, ServiceId, UnixTime, keccak
from backend.db.group_commit import GroupCommit
from backend.db.session import Store
from backend.db.tables import chain as tables
from backend.meter.pricing import SECONDS_A_DAY
from backend.meter.proofs import receipts_tree
from backend.meter.repository import keep_voucher
from backend.meter.schemas import HoldRequest, Outcome, Served, TabKey
from backend.meter.service import Meter
from backend.settlement.batch import FIRST_PAUSE, Policy
from backend.settlement.service import LEASE_SECONDS, RESEND_SECONDS, SettlementWorker
from backend.signing.merkle import verify
from tests.backend.meter.conftest import DigestSigner
from tests.backend.settlement.conftest import BUYER, CHAIN, METER, PLAN, Crash, Escrow, Mirror

TAB = TabKey(CHAIN, PLAN, BUYER)


@pytest.fixture
async def meter(store: Store, clock: ManualClock) -> AsyncIterator[Meter]:
    async with GroupCommit(store) as group:
        yield Meter(store, group, DigestSigner(), clock)


def refusal(name: str) -> ContractRevert:
    return ContractRevert(b"\0\0\0\0", name, {})


async def ends(store: Store) -> list[tuple[str, str]]:
    """How the lines ended, those of split batches left out."""
    statement = "SELECT outcome, reason FROM gateway.settlement_lines WHERE outcome <> 'split'"
    async with store.read_connection() as db:
        return [(line.outcome, line.reason) for line in (await db.execute(text(statement))).all()]


async def serve(meter: Meter, request_id: str, whole: float, tab: TabKey = TAB) -> bytes:
    """One request that costs so many credits; gives its receipt's digest."""
    amount = MicroCredits(int(whole * MICRO))
    assert await meter.reserve(HoldRequest(request_id, tab, amount))
    some_hash = keccak(request_id.encode())
    served = Served(
        request_id,
        tab,
        ServiceId(1),
        route="chat",
        outcome=Outcome.COMPLETED,
        units_in=1,
        units_out=1,
        cost=amount,
        model_digest=some_hash,
        request_hash=some_hash,
        response_hash=some_hash,
        started_at=UnixTime(0),
        duration_ms=1,
    )
    return (await meter.capture(served)).digest


class TestStep:
    async def test_only_one_worker_leads(
        self, store: Store, escrow: Escrow, clock: ManualClock, worker: SettlementWorker
    ) -> None:
        second = SettlementWorker(store, escrow, METER, clock, Policy(max_age=0))
        assert (await worker.step()).leader
        assert not (await second.step()).leader
        await clock.advance(LEASE_SECONDS + 1)
        assert (await second.step()).leader

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

    async def test_records_a_skipped_line_and_rests(
        self,
        store: Store,
        mirror: Mirror,
        escrow: Escrow,
        worker: SettlementWorker,
        meter: Meter,
        clock: ManualClock,
    ) -> None:
        await serve(meter, "r", 3)
        await worker.step()
        await mirror.skip(reason=6, cumulative=3)
        report = await worker.step()
        assert (report.confirmed, report.prepared) == (1, 0)
        assert await ends(store) == [("skipped", "voucher invalid")]
        await clock.advance(FIRST_PAUSE)
        assert (await worker.step()).sent == 1
        await clock.advance(2)
        assert (await worker.step()).confirmed == 0  # the earlier event is not about this batch
        await mirror.skip(reason=6, cumulative=3)
        await worker.step()
        await clock.advance(FIRST_PAUSE)
        assert (await worker.step()).sent == 0
        await clock.advance(FIRST_PAUSE)
        assert (await worker.step()).sent == 1

    async def test_skips_of_others_are_not_ours(
        self, mirror: Mirror, worker: SettlementWorker, meter: Meter
    ) -> None:
        await serve(meter, "r", 3)
        await worker.step()
        await mirror.skip(reason=6, cumulative=3, meter=Address(b"\x77" * 20))
        await mirror.skip(reason=6, cumulative=2)
        assert (await worker.step()).confirmed == 0

    async def test_a_refused_line_holds_up_no_other(
        self,
        store: Store,
        mirror: Mirror,
        escrow: Escrow,
        worker: SettlementWorker,
        meter: Meter,
        clock: ManualClock,
    ) -> None:
        payers = [Address(bytes([number]) * 20) for number in range(1, 9)]
        for payer in payers:
            await mirror.tab(payer, balance=10)
            await serve(meter, payer.hex(), 2, replace(TAB, payer=payer))
        escrow.bad[payers[5]] = refusal("UsageEscrow_GasTooLow")
        for _ in range(40):
            await worker.step()
            await clock.advance(5)
        settled = {entry.payer for batch in escrow.sent for entry in batch}
        assert settled == set(payers) - {payers[5]}
        told = [end for end in await ends(store) if end[0] == "abandoned"]
        assert len(told) == 1
        assert "UsageEscrow_GasTooLow" in told[0][1]
        escrow.bad.clear()
        await clock.advance(FIRST_PAUSE)
        await worker.step()
        assert escrow.sent[-1][0].payer == payers[5]

    async def test_gives_up_at_once_without_the_right(
        self, store: Store, mirror: Mirror, escrow: Escrow, worker: SettlementWorker, meter: Meter
    ) -> None:
        await serve(meter, "r", 2)
        escrow.bad[BUYER] = refusal("UsageEscrow_NotMeter")
        await worker.step()
        assert [status for status, _ in await ends(store)] == ["abandoned"]

    async def test_waits_for_gas_without_giving_up(
        self,
        store: Store,
        mirror: Mirror,
        escrow: Escrow,
        worker: SettlementWorker,
        meter: Meter,
        clock: ManualClock,
    ) -> None:
        await serve(meter, "r", 2)
        escrow.bad[BUYER] = InsufficientFunds("no gas")
        for _ in range(20):
            await worker.step()
            await clock.advance(RESEND_SECONDS)
        assert await ends(store) == [("pending", "")]
        escrow.bad.clear()
        assert (await worker.step()).sent == 1

    async def test_chains_do_not_wait_for_each_other(
        self, mirror: Mirror, escrow: Escrow, worker: SettlementWorker, meter: Meter
    ) -> None:
        other = ChainId(8453)
        await mirror.begin(METER, other)
        await serve(meter, "here", 2)
        await serve(meter, "there", 3, replace(TAB, chain_id=other))
        escrow.down.add(CHAIN)
        assert (await worker.step()).sent == 1
        assert escrow.chains == [other]
        await escrow.mine()
        assert (await worker.step()).confirmed == 1

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

    async def test_lets_a_payer_go_once_all_is_settled(
        self, mirror: Mirror, escrow: Escrow, worker: SettlementWorker, meter: Meter, clock: ManualClock
    ) -> None:
        ready = clock.now() + SECONDS_A_DAY
        await serve(meter, "r", 2.25)
        await meter.reserve(HoldRequest("running", TAB, MicroCredits(MICRO)))
        await mirror.change(tables.Tab, (CHAIN, PLAN, BUYER), withdraw_at=ready)
        await worker.step()
        await escrow.mine(withdraw_at=ready)
        assert (await worker.step()).closed == 0  # a request still runs
        await meter.void(HoldRequest("running", TAB, MicroCredits(MICRO)))
        report = await worker.step()
        assert (report.sent, report.closed, escrow.sent[-1][0].cumulative_units) == (1, 0, 3)
        await escrow.mine(withdraw_at=ready)
        assert (await worker.step()).closed == 1
        assert (await worker.step()).closed == 0
        await clock.advance(RESEND_SECONDS)
        await worker.step()
        assert escrow.closed == [BUYER, BUYER]
        await mirror.change(tables.Tab, (CHAIN, PLAN, BUYER), withdraw_at=clock.now())
        await clock.advance(RESEND_SECONDS)
        assert (await worker.step()).closed == 0

    async def test_lets_a_payer_go_who_used_nothing(
        self, mirror: Mirror, escrow: Escrow, worker: SettlementWorker, clock: ManualClock
    ) -> None:
        await mirror.tab(balance=10, withdraw_at=clock.now() + 100)
        assert (await worker.step()).closed == 1
        assert escrow.sent == []

    async def test_leaves_closing_to_the_delay_while_another_meter_may_settle(
        self, mirror: Mirror, escrow: Escrow, worker: SettlementWorker, clock: ManualClock
    ) -> None:
        await mirror.tab(balance=10, withdraw_at=clock.now() + 100)
        before = {"previous_meter": Address(b"\x77" * 20), "previous_meter_until": clock.now() + 50}
        await mirror.change(tables.Service, (CHAIN, 1), **before)
        assert (await worker.step()).closed == 0
        await clock.advance(60)
        assert (await worker.step()).closed == 1

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
