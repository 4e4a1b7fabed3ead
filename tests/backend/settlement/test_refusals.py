"""What the escrow or the node will not take holds up nobody else.

step
    given a skipped line: it is recorded with the reason, and the tab rests before it is tried again
    given skips of other meters or of other lines: they are not ours
    given a line that the chain refuses: the batch is halved until it is alone, and it alone is given up
    given a meter that is none any more: the batch is given up at once
    given a key without gas: it waits, and gives nothing up
    given a chain whose node is down: the others go on
"""

from dataclasses import replace

from backend.core.clock import ManualClock
from backend.core.errors import ContractRevert, InsufficientFunds
from backend.core.units import Address, ChainId
from backend.db.session import Store
from backend.meter.service import Meter
from backend.settlement.batch import FIRST_PAUSE
from backend.settlement.service import RESEND_SECONDS, SettlementWorker
from tests.backend.settlement.conftest import BUYER, CHAIN, METER, TAB, Escrow, Mirror, ends, serve


def refusal(name: str) -> ContractRevert:
    return ContractRevert(b"\0\0\0\0", name, {})


class TestStep:
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
