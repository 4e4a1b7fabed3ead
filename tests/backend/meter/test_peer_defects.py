"""Defects seen in meters of others, each by its name: none of them here.

├── a channel lock without expiry: a dead process's holds run out
└── unsettled work deleted: no sweep takes a usage row, however old
"""

from sqlalchemy import text

from backend.core.clock import ManualClock
from backend.core.units import MICRO
from backend.db.session import Store
from backend.meter.service import HOLD_SECONDS, Meter
from tests.backend.meter.conftest import TAB, hold, served

TEN_YEARS = 10 * 365 * 86_400


async def test_channel_lock_without_expiry(meter: Meter, clock: ManualClock) -> None:
    """Eight requests die with their process."""
    for at in range(8):
        assert await meter.reserve(hold(f"r{at}", 1))
    assert (await meter.available(TAB)).available == 2 * MICRO
    await clock.advance(HOLD_SECONDS + 1)
    assert await meter.reap() == 8
    assert (await meter.available(TAB)).available == 10 * MICRO


async def test_unsettled_work_deleted(meter: Meter, clock: ManualClock, store: Store) -> None:
    assert await meter.reserve(hold("r", 1))
    receipt = await meter.capture(served("r", MICRO))
    await clock.advance(TEN_YEARS)
    await meter.reap()
    async with store.read_connection() as db:
        kept = (await db.execute(text("SELECT request_id, charged FROM gateway.usage"))).all()
    assert [tuple(row) for row in kept] == [("r", MICRO)]
    assert (await meter.available(TAB)).available == 9 * MICRO
    again = await meter.receipt("r")
    assert again is not None
    assert again.digest == receipt.digest
