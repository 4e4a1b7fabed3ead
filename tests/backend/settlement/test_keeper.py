"""The keeper does what anybody may, when it can.

step
    given nothing pending, or a stream that runs: it sends nothing
    given fees and no stream: it flushes once, then waits before trying again
    given a vault without score: its clock stands, the stream goes on running
    given positions that ended with a score: it expires them together, once
    given a service that sells without its bond: it flags it; flagged or silent for long: it retires it
    given a service that is not ripe yet: it tries again an hour later
    given another process that leads: it sends nothing
    given gas for fewer than ten settlements: it warns
"""

from typing import Any

import pytest
import structlog

from backend.core.clock import ManualClock
from backend.core.errors import ContractRevert
from backend.core.units import Address, ChainId, Hash32, ServiceId, keccak
from backend.db.session import Store
from backend.db.tables import chain as tables
from backend.settlement.keeper import REFUSED_SECONDS, RETRY_SECONDS, ROUND_SECONDS, Keeper, vault_clock
from tests.backend.settlement.conftest import CHAIN, Mirror

STAKER = Address(b"\x5a" * 20)


class Flushes:
    """Notes what it was asked to do."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int]] = []
        self.upkeep: list[tuple[str, Any]] = []
        self.ripe = True
        self.left = 10

    async def flush_fees(self, chain_id: ChainId, currency: int) -> Hash32:
        self.sent.append((chain_id, currency))
        return keccak(b"flush")

    async def expire(self, chain_id: ChainId, positions: list[tuple[Address, int]]) -> Hash32:
        self.upkeep.append(("expire", positions))
        return keccak(b"expire")

    async def flag(self, chain_id: ChainId, service_id: ServiceId) -> Hash32:
        self.upkeep.append(("flag", service_id))
        return keccak(b"flag")

    async def retire(self, chain_id: ChainId, service_id: ServiceId) -> Hash32:
        self.upkeep.append(("retire", service_id))
        if not self.ripe:
            raise ContractRevert(bytes(4), "ServiceRegistry_NotRetireable", {}, "not yet")
        return keccak(b"retire")

    async def min_bond(self, chain_id: ChainId) -> int:
        return 50

    async def tend(self, chain_id: ChainId) -> None:
        self.upkeep.append(("tend", None))

    async def settlements_left(self, chain_id: ChainId) -> int:
        return self.left

    def done(self) -> list[tuple[str, Any]]:
        """What went out since the last look."""
        found = [entry for entry in self.upkeep if entry[0] != "tend"]
        self.upkeep.clear()
        return found


@pytest.fixture
def flushes() -> Flushes:
    return Flushes()


@pytest.fixture
async def keeper(store: Store, mirror: Mirror, flushes: Flushes, clock: ManualClock) -> Keeper:
    """Of a chain whose service 1 sells and has its bond."""
    await mirror.change(tables.Service, (CHAIN, 1), bond=50)
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


class TestUpkeep:
    async def test_expires_ended_positions(
        self, mirror: Mirror, keeper: Keeper, flushes: Flushes, clock: ManualClock
    ) -> None:
        now = clock.now()
        ended = [(STAKER, 0, 7, now), (STAKER, 1, 7, now - 5), (STAKER, 2, 0, now), (STAKER, 3, 7, now + 9)]
        for owner, index, score, end in ended:
            position = tables.Position(
                chain_id=CHAIN, owner=owner, index=index, amount=1, score=score, end=end
            )
            await put(mirror, position)
        assert await keeper.step() == 1
        assert flushes.done() == [("expire", [(STAKER, 1), (STAKER, 0)])]
        await clock.advance(RETRY_SECONDS - 1)
        assert await keeper.step() == 0

    async def test_flags_then_retires(
        self, mirror: Mirror, keeper: Keeper, flushes: Flushes, clock: ManualClock
    ) -> None:
        await mirror.change(tables.Service, (CHAIN, 1), bond=60, unbonding=11)
        assert await keeper.step() == 1
        assert flushes.done() == [("flag", 1)]
        flushes.ripe = False
        await mirror.change(tables.Service, (CHAIN, 1), underbonded_since=clock.now())
        await clock.advance(ROUND_SECONDS)
        assert await keeper.step() == 0
        assert flushes.done() == [("retire", 1)]
        await clock.advance(REFUSED_SECONDS - 1)
        assert await keeper.step() == 0
        assert flushes.done() == []
        flushes.ripe = True
        await clock.advance(ROUND_SECONDS)
        assert await keeper.step() == 1
        assert flushes.done() == [("retire", 1)]

    async def test_retires_who_left_a_challenge_unanswered(
        self, mirror: Mirror, keeper: Keeper, flushes: Flushes, clock: ManualClock
    ) -> None:
        await mirror.change(tables.Service, (CHAIN, 1), bond=50, challenge_until=clock.now())
        assert await keeper.step() == 0
        await clock.advance(ROUND_SECONDS)
        assert await keeper.step() == 1
        assert flushes.done() == [("retire", 1)]

    async def test_leaves_the_retired_alone(self, mirror: Mirror, keeper: Keeper, flushes: Flushes) -> None:
        await mirror.change(tables.Service, (CHAIN, 1), status=2, underbonded_since=5)
        assert await keeper.step() == 0

    async def test_follows_who_leads(
        self, store: Store, mirror: Mirror, flushes: Flushes, clock: ManualClock
    ) -> None:
        follower = Keeper(store, flushes, clock, leads=lambda: False)
        await put(mirror, tables.FeePool(chain_id=CHAIN, currency=1, pending=7))
        assert await follower.step() == 0
        assert flushes.upkeep == []

    async def test_warns_of_little_gas(
        self, mirror: Mirror, keeper: Keeper, flushes: Flushes, clock: ManualClock
    ) -> None:
        with structlog.testing.capture_logs() as lines:
            await keeper.step()
        assert not [line for line in lines if line["event"] == "keeper.gas.low"]
        flushes.left = 9
        await clock.advance(ROUND_SECONDS)
        with structlog.testing.capture_logs() as lines:
            await keeper.step()
        (line,) = [line for line in lines if line["event"] == "keeper.gas.low"]
        assert line["settlements_left"] == 9
        assert ("tend", None) in flushes.upkeep


class TestVaultClock:
    def test_stands_without_score(self) -> None:
        assert vault_clock(990, 1_000, 0, 2_000) == 10

    def test_runs_with_score(self) -> None:
        assert vault_clock(990, 1_000, 1, 2_000) == 1_010
