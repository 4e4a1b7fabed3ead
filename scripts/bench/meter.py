"""The meter as a request uses it: a hold, then a usage row with a signed receipt, both durable."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from backend.core.clock import SystemClock
from backend.core.settings import load_settings
from backend.core.units import ZERO_HASH, Address, ChainId, MicroCredits, PlanId, ServiceId, UnixTime
from backend.db.group_commit import GroupCommit
from backend.db.stores import open_chain_store, open_gateway_store
from backend.db.tables.chain import Tab
from backend.meter.schemas import HoldRequest, Outcome, Served, TabKey
from backend.meter.service import Meter
from backend.meter.signer import MeterSigner
from backend.signing.keys import LocalKey
from scripts.bench.figures import Measure

CHAIN, PLAN = ChainId(31337), PlanId(1 << 20 | 2)
REQUESTS = 480
TABS = 8


async def measure(home: Path) -> AsyncIterator[Measure]:
    """Holds and captures on SQLite, one caller and sixteen."""
    settings = load_settings(home=home, devnet=True)
    chain, store = await open_chain_store(settings), await open_gateway_store(settings)
    tabs = [TabKey(CHAIN, PLAN, Address(bytes([number]) * 20)) for number in range(1, TABS + 1)]
    async with chain.write() as session:
        session.add_all(
            Tab(chain_id=tab.chain_id, plan_id=tab.plan_id, payer=tab.payer, balance=10**9) for tab in tabs
        )
    async with GroupCommit(store) as group:
        signer = MeterSigner(LocalKey.create(), {CHAIN: Address(b"\xe5" * 20)})
        meter = Meter(store, group, signer, SystemClock())
        for callers in (1, 16):
            found = Measure(f"meter: hold and capture, SQLite, {callers} at once")
            with found.running():
                await asyncio.gather(
                    *(calls(meter, tabs, found, callers, caller) for caller in range(callers))
                )
            yield found
    await store.close()
    await chain.close()


async def calls(meter: Meter, tabs: list[TabKey], found: Measure, callers: int, caller: int) -> None:
    """One caller's share of the requests."""
    for number in range(REQUESTS // callers):
        request = f"bench-{callers}-{caller}-{number}"
        tab = tabs[caller % len(tabs)]
        with found.one():
            await meter.reserve(HoldRequest(request, tab, MicroCredits(5_000)))
            await meter.capture(served(request, tab))


def served(request: str, tab: TabKey) -> Served:
    """What a short chat used."""
    return Served(
        request_id=request,
        tab=tab,
        service_id=ServiceId(1),
        route="chat",
        outcome=Outcome.COMPLETED,
        units_in=40,
        units_out=60,
        cost=MicroCredits(1_600),
        model_digest=ZERO_HASH,
        request_hash=ZERO_HASH,
        response_hash=ZERO_HASH,
        started_at=UnixTime(1_700_000_000),
        duration_ms=900,
    )
