"""Usage is forgotten when nothing needs it any more.

forget
├── what no settled line covers stays, however old: it is unpaid
├── a settled line goes as a whole, once its newest receipt is old enough; until then every proof holds
├── usage under passes and timed plans goes by age alone
└── the tab goes on: the next receipt follows the last, money unchanged
"""

from sqlalchemy import insert, select

from backend.core.clock import ManualClock
from backend.core.units import PlanId
from backend.db.session import Store
from backend.db.tables.meter import Usage
from backend.db.tables.settlement import SettlementBatch, SettlementLine
from backend.meter.proofs import receipts_tree
from backend.meter.schemas import Receipt
from backend.meter.service import Meter
from tests.backend.meter.conftest import TAB, hold, served

DAY = 86_400


async def used(meter: Meter, clock: ManualClock, count: int, first: int = 1) -> list[Receipt]:
    """So many requests, a day apart."""
    receipts = []
    for at in range(first, first + count):
        assert await meter.reserve(hold(f"r{at}", 1))
        receipts.append(await meter.capture(served(f"r{at}", 1_000)))
        await clock.advance(DAY)
    return receipts


async def settled(store: Store, batch: str, receipts: list[Receipt], outcome: str = "settled") -> None:
    first, last = receipts[0].sequence, receipts[-1].sequence
    async with store.write() as session:
        session.add(
            SettlementBatch(
                id=batch, chain_id=TAB.chain_id, plan_id=TAB.plan_id, status="confirmed", created_at=1
            )
        )
        session.add(
            SettlementLine(
                batch_id=batch,
                payer=TAB.payer,
                chain_id=TAB.chain_id,
                plan_id=TAB.plan_id,
                cumulative_units=1,
                from_sequence=first - 1,
                to_sequence=last,
                receipts_root=receipts_tree([receipt.digest for receipt in receipts]).root,
                outcome=outcome,
            )
        )


async def left(store: Store) -> list[str]:
    async with store.read_connection() as db:
        return sorted((await db.execute(select(Usage.request_id))).scalars())  # type: ignore[call-overload]


class TestForget:
    async def test_keeps_what_is_unpaid_or_unproved(
        self, meter: Meter, store: Store, clock: ManualClock
    ) -> None:
        receipts = await used(meter, clock, 6)
        await settled(store, "b1", receipts[:3])
        await settled(store, "b2", receipts[3:5], outcome="pending")
        assert await meter.forget(receipts[2].body.issued_at) == 0
        assert await meter.proof("r1")
        assert await meter.forget(receipts[2].body.issued_at + 1) == 3
        assert await left(store) == ["r4", "r5", "r6"]
        assert await meter.forget(clock.now() + 1_000 * DAY) == 0

    async def test_leaves_the_tab_as_it_is(self, meter: Meter, store: Store, clock: ManualClock) -> None:
        receipts = await used(meter, clock, 3)
        await settled(store, "b1", receipts)
        before = await meter.available(TAB)
        assert await meter.forget(clock.now()) == 3
        assert await meter.available(TAB) == before
        (following,) = await used(meter, clock, 1, first=4)
        assert following.sequence == 4
        assert following.body.previous_receipt == receipts[-1].digest
        assert following.body.cumulative_micro_credits == 4_000

    async def test_forgets_unmetered_use_by_age(self, meter: Meter, store: Store, clock: ManualClock) -> None:
        (receipt,) = await used(meter, clock, 1)
        async with store.read_connection() as db:
            row = dict((await db.execute(select(Usage.__table__))).one()._mapping)  # type: ignore[attr-defined]
        for kind in (0, 1):
            other = {**row, "request_id": f"p{kind}", "plan_id": PlanId(1 << 20 | kind), "charged": 0}
            async with store.write_connection() as db:
                await db.execute(insert(Usage.__table__), other)  # type: ignore[attr-defined]
        assert await meter.forget(receipt.body.issued_at) == 0
        assert await meter.forget(receipt.body.issued_at + 1) == 2
        assert await left(store) == ["r1"]
