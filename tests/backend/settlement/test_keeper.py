"""The keeper flushes fees when it can.

step
    given nothing pending, or a stream that runs: it sends nothing
    given fees and no stream: it flushes once, then waits before trying again
    given a vault without score: its clock stands, the stream goes on running
"""

import pytest

from backend.core.clock import ManualClock
from backend.core.units import ChainId, Hash32, keccak
from backend.db.session import Store
from backend.db.tables import chain as tables
from backend.settlement.keeper import RETRY_SECONDS, Keeper, vault_clock
from tests.backend.settlement.conftest import CHAIN, Mirror


class Flushes:
    """Notes what it was asked to flush."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int]] = []

    async def flush_fees(self, chain_id: ChainId, currency: int) -> Hash32:
        self.sent.append((chain_id, currency))
        return keccak(b"flush")


@pytest.fixture
def flushes() -> Flushes:
    return Flushes()


@pytest.fixture
def keeper(store: Store, flushes: Flushes, clock: ManualClock) -> Keeper:
    return Keeper(store, flushes, clock)


async def put(mirror: Mirror, *rows: object) -> None:
    async with mirror.store.write() as session:
        for row in rows:
            await session.merge(row)


class TestStep:
    async def test_nothing_pending_sends_nothing(
        self, mirror: Mirror, keeper: Keeper, flushes: Flushes
    ) -> None:
        await put(mirror, tables.FeePool(chain_id=CHAIN, currency=0, pending=0))
        assert await keeper.step() == 0
        assert flushes.sent == []

    async def test_flushes_once_and_waits(
        self, mirror: Mirror, keeper: Keeper, flushes: Flushes, clock: ManualClock
    ) -> None:
        await put(mirror, tables.FeePool(chain_id=CHAIN, currency=1, pending=7))
        assert await keeper.step() == 1
        assert await keeper.step() == 0
        await clock.advance(RETRY_SECONDS)
        assert await keeper.step() == 1
        assert flushes.sent == [(CHAIN, 1), (CHAIN, 1)]

    async def test_waits_for_a_running_stream(
        self, mirror: Mirror, keeper: Keeper, clock: ManualClock
    ) -> None:
        now = clock.now()
        await put(
            mirror,
            tables.FeePool(chain_id=CHAIN, currency=0, pending=7),
            tables.RewardStream(chain_id=CHAIN, currency=0, pending=5, stream_end=100),
            tables.Vault(chain_id=CHAIN, total_score=1, updated_at=now, idle=now),
        )
        assert await keeper.step() == 0
        await clock.advance(100)
        assert await keeper.step() == 1


class TestVaultClock:
    def test_stands_without_score(self) -> None:
        assert vault_clock(990, 1_000, 0, 2_000) == 10

    def test_runs_with_score(self) -> None:
        assert vault_clock(990, 1_000, 1, 2_000) == 1_010
