"""A payer who asked to withdraw need not wait for the delay once nothing is left to settle.

step
    given usage of a payer who leaves: the last fraction is settled, rounded up, then the tab is closed
    given a payer who used nothing: the tab is closed at once
    given another meter that may still settle: closing is left to the delay
"""

from backend.core.clock import ManualClock
from backend.core.units import MICRO, Address, MicroCredits
from backend.db.tables import chain as tables
from backend.meter.pricing import SECONDS_A_DAY
from backend.meter.schemas import HoldRequest
from backend.meter.service import Meter
from backend.settlement.service import RESEND_SECONDS, SettlementWorker
from tests.backend.settlement.conftest import BUYER, CHAIN, PLAN, TAB, Escrow, Mirror, serve


class TestStep:
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
