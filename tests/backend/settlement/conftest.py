"""A settlement worker on both databases, a mirror written by hand, and an escrow that settles into it."""

from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from backend.core.clock import ManualClock
from backend.core.errors import EmporionError, NodeUnreachable
from backend.core.settings import Settings
from backend.core.units import (
    MICRO,
    ZERO_ADDRESS,
    ZERO_HASH,
    Address,
    ChainId,
    Hash32,
    MicroCredits,
    PlanId,
    ServiceId,
    UnixTime,
    keccak,
)
from backend.db.group_commit import GroupCommit
from backend.db.session import Store
from backend.db.stores import open_gateway_store
from backend.db.tables import chain as tables
from backend.meter.schemas import HoldRequest, Outcome, Served, TabKey
from backend.meter.service import Meter
from backend.settlement.batch import Policy
from backend.settlement.service import SettleEntry, SettlementWorker
from tests.backend.meter.conftest import DigestSigner
from tests.backend.shared_stores import opened_chain_store, settings

__all__ = ["settings"]

METER = Address(b"\x0e" * 20)
BUYER = Address(b"\xb0" * 20)
CHAIN = ChainId(31337)
PLAN = PlanId(1 << 20 | 2)
TAB = TabKey(CHAIN, PLAN, BUYER)


class Mirror:
    """Writes the indexer's rows."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def begin(self, meter: Address, chain_id: ChainId = CHAIN) -> None:
        """A chain with one service and its metered plan, and a tab of ten credits."""
        async with self.store.write() as session:
            session.add_all([_chain(chain_id), _service(chain_id, meter), _plan(chain_id)])
        await self.tab(chain_id=chain_id, balance=10, settled=0)

    async def tab(self, payer: Address = BUYER, chain_id: ChainId = CHAIN, **values: int) -> None:
        async with self.store.write() as session:
            tab = tables.Tab(chain_id=chain_id, plan_id=PLAN, payer=payer, **values)  # type: ignore[arg-type]
            await session.merge(tab)

    async def change(self, table: type[SQLModel], key: object, **values: object) -> None:
        """Change columns of one row."""
        async with self.store.write() as session:
            row = await session.get(table, key)
            assert row is not None
            for name, value in values.items():
                setattr(row, name, value)

    async def settled(self) -> int:
        async with self.store.read() as session:
            tab = await session.get(tables.Tab, (CHAIN, PLAN, BUYER))
            assert tab is not None
            return tab.settled

    async def skip(
        self, reason: int, cumulative: int, payer: Address = BUYER, meter: Address = METER
    ) -> None:
        async with self.store.write() as session:
            session.add(
                tables.Outbox(
                    chain_id=CHAIN,
                    block_number=1,
                    block_hash=ZERO_HASH,
                    log_index=0,
                    timestamp=0,
                    tx_hash=ZERO_HASH,
                    contract="UsageEscrow",
                    event="SettlementSkipped",
                    service_id=1,
                    plan_id=PLAN,
                    account=payer,
                    args={
                        "payer": "0x" + payer.hex(),
                        "meter": "0x" + meter.hex(),
                        "cumulativeUnits": str(cumulative),
                        "reason": str(reason),
                    },
                )
            )


def _chain(chain_id: ChainId) -> tables.Chain:
    zeros = dict.fromkeys(
        ("start_block", "number", "timestamp", "safe_number", "finalized_number", "journal_from"), 0
    )
    hashes = dict.fromkeys(("genesis_hash", "deployment_hash", "hash"), ZERO_HASH)
    return tables.Chain(chain_id=chain_id, deployment={}, **zeros, **hashes)  # type: ignore[arg-type]


def _service(chain_id: ChainId, meter: Address) -> tables.Service:
    return tables.Service(
        chain_id=chain_id,
        service_id=1,
        owner=ZERO_ADDRESS,
        kind=0,
        meter=meter,
        uri="",
        content_hash=ZERO_HASH,
        created_at=0,
        created_block=0,
    )


def _plan(chain_id: ChainId) -> tables.Plan:
    zeros = dict.fromkeys(
        ("currency", "royalty_bps", "unit_price", "period", "supply_cap", "account_cap", "sale_start"), 0
    )
    more = dict.fromkeys(("early_seconds", "early_score", "per_request", "per_unit_in", "per_unit_out"), 0)
    return tables.Plan(
        chain_id=chain_id,
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
    """Takes settlements; mines them into the mirror when told to. `refuses` says what it will not take."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self.sent: list[list[SettleEntry]] = []
        self.chains: list[ChainId] = []
        self.closed: list[Address] = []
        self.down: set[ChainId] = set()
        self.bad: dict[Address, EmporionError] = {}
        self.crashes = 0

    async def settle(self, chain_id: ChainId, plan_id: PlanId, entries: Sequence[SettleEntry]) -> Hash32:
        self._answer(chain_id)
        for entry in entries:
            if entry.payer in self.bad:
                raise self.bad[entry.payer]
        self.sent.append(list(entries))
        self.chains.append(chain_id)
        if self.crashes:
            self.crashes -= 1
            raise Crash
        return keccak(len(self.sent).to_bytes(4, "big"))

    async def close(self, chain_id: ChainId, plan_id: PlanId, payer: Address) -> Hash32:
        self._answer(chain_id)
        self.closed.append(payer)
        return ZERO_HASH

    async def tend(self, chain_id: ChainId) -> None:
        self._answer(chain_id)

    def _answer(self, chain_id: ChainId) -> None:
        if chain_id in self.down:
            raise NodeUnreachable("the node does not answer")

    async def mine(self, **changes: int) -> None:
        for entry in self.sent[-1]:
            settled = entry.cumulative_units
            await self._mirror.tab(
                entry.payer, self.chains[-1], balance=10 - settled, settled=settled, **changes
            )


class Crash(BaseException):
    """The process ends here."""


@pytest.fixture
async def mirror(settings: Settings) -> AsyncIterator[Mirror]:
    async with opened_chain_store(settings) as store:
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


@pytest.fixture
async def meter(store: Store, clock: ManualClock) -> AsyncIterator[Meter]:
    async with GroupCommit(store) as group:
        yield Meter(store, group, DigestSigner(), clock)


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
