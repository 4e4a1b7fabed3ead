"""A meter on both databases, with a tab of ten credits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from backend.core.clock import ManualClock
from backend.core.settings import Settings
from backend.core.units import (
    MICRO,
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
from backend.db.tables.chain import Tab
from backend.meter.schemas import HoldRequest, Outcome, Served, TabKey
from backend.meter.service import Meter
from backend.signing.messages import UsageReceipt
from tests.backend.shared_stores import opened_chain_store, settings

__all__ = ["settings"]

BUYER = Address(b"\xb0" * 20)
PLAN = PlanId(1 << 20 | 2)
TAB = TabKey(ChainId(31337), PLAN, BUYER)


class DigestSigner:
    """Signs with the digest of the words; enough to see what was signed."""

    address = Address(b"\x0e" * 20)

    def sign(self, chain_id: ChainId, body: UsageReceipt) -> tuple[Hash32, bytes]:
        return keccak(repr((chain_id, body)).encode()), b"\x01" * 65


class Mirror:
    """Writes the indexer's row of a tab."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, tab: TabKey = TAB, **changes: int | bool) -> None:
        async with self.changing(tab, **changes):
            """All there is."""

    @asynccontextmanager
    async def changing(self, tab: TabKey = TAB, **changes: int | bool) -> AsyncIterator[None]:
        """The row is written inside, and to be seen by others afterwards."""
        async with self._store.write() as session:
            await session.merge(
                Tab(chain_id=tab.chain_id, plan_id=tab.plan_id, payer=tab.payer, **changes)  # type: ignore[arg-type]
            )
            await session.flush()
            yield


@pytest.fixture
async def mirror(settings: Settings) -> AsyncIterator[Mirror]:
    async with opened_chain_store(settings) as store:
        mirror = Mirror(store)
        await mirror.put(balance=10)
        yield mirror


@pytest.fixture
async def store(settings: Settings, mirror: Mirror) -> AsyncIterator[Store]:
    opened = await open_gateway_store(settings)
    yield opened
    await opened.close()


@pytest.fixture
async def writer(store: Store) -> AsyncIterator[GroupCommit]:
    async with GroupCommit(store) as group:
        yield group


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def meter(store: Store, writer: GroupCommit, clock: ManualClock) -> Meter:
    return Meter(store, writer, DigestSigner(), clock)


def hold(request_id: str, amount: float) -> HoldRequest:
    return HoldRequest(request_id, TAB, MicroCredits(int(amount * MICRO)))


def served(request_id: str, cost: int, **changes: object) -> Served:
    facts: dict[str, object] = {
        "service_id": ServiceId(1),
        "route": "chat",
        "outcome": Outcome.COMPLETED,
        "units_in": 3,
        "units_out": 5,
        "model_digest": ZERO_HASH,
        "request_hash": keccak(b"request"),
        "response_hash": keccak(b"response"),
        "started_at": UnixTime(1_700_000_000),
        "duration_ms": 12,
    }
    return Served(request_id=request_id, tab=TAB, cost=MicroCredits(cost), **(facts | changes))  # type: ignore[arg-type]
