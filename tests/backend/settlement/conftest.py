"""A settlement worker on both databases, a mirror written by hand, and an escrow that settles into it."""

from collections.abc import AsyncIterator, Sequence

import pytest

from backend.core.clock import ManualClock
from backend.core.errors import NodeUnreachable
from backend.core.settings import Settings
from backend.core.units import ZERO_ADDRESS, ZERO_HASH, Address, ChainId, Hash32, PlanId, keccak
from backend.db.session import Store
from backend.db.stores import open_gateway_store
from backend.db.tables import chain as tables
from backend.settlement.batch import Policy
from backend.settlement.service import SettleEntry, SettlementWorker
from tests.backend.shared_stores import emptied_chain_store, settings, shared_database

__all__ = ["settings", "shared_database"]

METER = Address(b"\x0e" * 20)
BUYER = Address(b"\xb0" * 20)
CHAIN = ChainId(31337)
PLAN = PlanId(1 << 20 | 2)


class Mirror:
    """Writes the indexer's rows."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def begin(self, meter: Address) -> None:
        async with self.store.write() as session:
            session.add(
                tables.Chain(
                    chain_id=CHAIN,
                    genesis_hash=ZERO_HASH,
                    deployment_hash=ZERO_HASH,
                    deployment={},
                    start_block=0,
                    number=0,
                    hash=ZERO_HASH,
                    timestamp=0,
                    safe_number=0,
                    finalized_number=0,
                    journal_from=0,
                )
            )
            session.add(
                tables.Service(
                    chain_id=CHAIN,
                    service_id=1,
                    owner=ZERO_ADDRESS,
                    kind=0,
                    meter=meter,
                    uri="",
                    content_hash=ZERO_HASH,
                    created_at=0,
                    created_block=0,
                )
            )
            session.add(_plan())
        await self.tab(balance=10, settled=0)

    async def tab(self, **values: int) -> None:
        async with self.store.write() as session:
            await session.merge(tables.Tab(chain_id=CHAIN, plan_id=PLAN, payer=BUYER, **values))  # type: ignore[arg-type]

    async def settled(self) -> int:
        async with self.store.read() as session:
            tab = await session.get(tables.Tab, (CHAIN, PLAN, BUYER))
            assert tab is not None
            return tab.settled

    async def skip(self, tx_hash: Hash32, reason: int) -> None:
        async with self.store.write() as session:
            session.add(
                tables.Outbox(
                    chain_id=CHAIN,
                    block_number=1,
                    block_hash=ZERO_HASH,
                    log_index=0,
                    timestamp=0,
                    tx_hash=tx_hash,
                    contract="UsageEscrow",
                    event="SettlementSkipped",
                    args={"payer": "0x" + BUYER.hex(), "reason": reason},
                )
            )


def _plan() -> tables.Plan:
    zeros = dict.fromkeys(
        ("currency", "royalty_bps", "unit_price", "period", "supply_cap", "account_cap", "sale_start"), 0
    )
    more = dict.fromkeys(("early_seconds", "early_score", "per_request", "per_unit_in", "per_unit_out"), 0)
    return tables.Plan(
        chain_id=CHAIN,
        plan_id=PLAN,
        service_id=1,
        kind=2,
        transferable=True,
        refundable=True,
        measure=0,
        limits_hash=ZERO_HASH,
        fee_bps=250,
        created_at=0,
        created_block=0,
        **zeros,  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )


class Escrow:
    """Takes settlements; mines them into the mirror when told to."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self.sent: list[list[SettleEntry]] = []
        self.down = False

    async def settle(self, chain_id: ChainId, plan_id: PlanId, entries: Sequence[SettleEntry]) -> Hash32:
        if self.down:
            raise NodeUnreachable("the node does not answer")
        self.sent.append(list(entries))
        return keccak(len(self.sent).to_bytes(4, "big"))

    async def mine(self) -> None:
        settled = max(entry.cumulative_units for entry in self.sent[-1])
        await self._mirror.tab(balance=10 - settled, settled=settled)


@pytest.fixture
async def mirror(settings: Settings) -> AsyncIterator[Mirror]:
    async with emptied_chain_store(settings) as store:
        mirror = Mirror(store)
        await mirror.begin(METER)
        yield mirror


@pytest.fixture
async def store(settings: Settings, mirror: Mirror) -> AsyncIterator[Store]:
    opened = await open_gateway_store(settings)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def escrow(mirror: Mirror) -> Escrow:
    return Escrow(mirror)


@pytest.fixture
def worker(store: Store, escrow: Escrow, clock: ManualClock) -> SettlementWorker:
    return SettlementWorker(store, escrow, METER, clock, Policy(max_age=0))
