"""The settlement worker on SQLite and PostgreSQL.

step
    given another leader: it does nothing
    given a service with another meter: it leaves the tab alone
    given served credits: it prepares a batch, sends it once, and confirms it by the mirror alone
    given a crash between writing and sending: the next worker sends the same batch
    given a node that is down: the batch is kept and sent later
    given no confirmation for a while: it sends the same lines again
    given a skipped line: it is recorded with the reason, and the tab is free again
    given a confirmed settlement taken back by a fork: it settles the same receipts again
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from backend.core.clock import ManualClock
from backend.core.units import MICRO, Address, MicroCredits, ServiceId, UnixTime, keccak
from backend.db.group_commit import GroupCommit
from backend.db.session import Store
from backend.meter.proofs import receipts_tree
from backend.meter.schemas import HoldRequest, Outcome, Served, TabKey
from backend.meter.service import Meter
from backend.settlement.batch import Policy
from backend.settlement.service import LEASE_SECONDS, RESEND_SECONDS, SettlementWorker
from backend.signing.merkle import verify
from tests.backend.meter.conftest import DigestSigner
from tests.backend.settlement.conftest import BUYER, CHAIN, METER, PLAN, Escrow, Mirror

TAB = TabKey(CHAIN, PLAN, BUYER)


@pytest.fixture
async def meter(store: Store, clock: ManualClock) -> AsyncIterator[Meter]:
    async with GroupCommit(store) as group:
        yield Meter(store, group, DigestSigner(), clock)


async def serve(meter: Meter, request_id: str, whole: float) -> bytes:
    """One request that costs so many credits; gives its receipt's digest."""
    amount = MicroCredits(int(whole * MICRO))
    assert await meter.reserve(HoldRequest(request_id, TAB, amount))
    some_hash = keccak(request_id.encode())
    served = Served(
        request_id,
        TAB,
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
        escrow.down = True
        assert (await worker.step()).sent == 0
        escrow.down = False
        await clock.advance(2)
        report = await worker.step()
        assert (report.prepared, report.sent) == (0, 1)

    async def test_another_worker_sends_what_a_crash_left(
        self, store: Store, escrow: Escrow, worker: SettlementWorker, meter: Meter, clock: ManualClock
    ) -> None:
        await serve(meter, "r", 3)
        escrow.down = True
        await worker.step()
        escrow.down = False
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

    async def test_records_a_skipped_line(
        self, mirror: Mirror, escrow: Escrow, worker: SettlementWorker, meter: Meter
    ) -> None:
        await serve(meter, "r", 3)
        await worker.step()
        await mirror.skip(keccak((1).to_bytes(4, "big")), reason=3)
        report = await worker.step()
        assert (report.confirmed, report.prepared) == (1, 1)

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


class TestRun:
    async def test_goes_on_after_a_failing_step(
        self, escrow: Escrow, worker: SettlementWorker, meter: Meter
    ) -> None:
        escrow.down = True
        await serve(meter, "r", 3)
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop, interval=0.01))
        await asyncio.sleep(0.1)
        stop.set()
        await running
        assert escrow.sent == []
