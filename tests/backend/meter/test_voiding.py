"""Usage against a deposit that a fork took back, on SQLite and PostgreSQL.

follow_forks
├── given a fork that is not final: nothing is voided
├── given the same transaction mined again, or another that backs the use: nothing is voided, ever
├── given a final fork: the newest requests are voided beyond what the tab has, the oldest of them in part
│   ├── run twice, by two at once, or again after a crash: once
│   ├── no more than the deposit gave
│   ├── the receipts say so and stay as signed; the next counts on from what is still asked for
│   └── the deposit comes back later: only what is not voided is owed
├── given a request under way: waits for it
├── given a settlement for more, signed before the fork: waits until the escrow has left it out
├── given the deposit taken back twice before it is final: voided once
└── given an outbox made anew: it is read from its beginning
usage_events
└── names a request once for a deposit
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from backend.core.clock import ManualClock
from backend.core.units import MICRO, ZERO_HASH, keccak
from backend.db.session import Store
from backend.db.tables.chain import Chain, Outbox
from backend.db.tables.meter import MeterTab, UsageEvent
from backend.db.tables.settlement import SettlementBatch, SettlementLine
from backend.meter.service import Meter
from backend.meter.voiding import Voiding
from tests.backend.meter.conftest import TAB, Mirror, hold, served

DEPOSIT = keccak(b"deposit")
HEAD, FINAL = 10, 3
TOLD = {
    "event": "meter.usage.voided",
    "log_level": "warning",
    "chain": TAB.chain_id,
    "plan": TAB.plan_id,
    "block": 8,
    "requests": 2,
    "micro_credits": 2 * MICRO,
}


class Fork:
    """Writes what the indexer would: events, their retractions, the heads."""

    def __init__(self, store: Store, mirror: Mirror) -> None:
        self._store = store
        self.mirror = mirror

    async def event(self, event: str, block: int, transaction: bytes = DEPOSIT, **args: int) -> int:
        return await self._add(event, block, transaction, args, None)

    async def take_back(
        self, event_id: int, block: int = 8, units: int = 10, number: int | None = None
    ) -> int:
        return await self._add("Deposited", block, DEPOSIT, {"units": units}, event_id, number)

    async def final(self, number: int) -> None:
        async with self._store.write_connection() as db:
            await db.execute(update(Chain).values(finalized_number=number))

    async def forget_outbox(self) -> None:
        async with self._store.write_connection() as db:
            await db.execute(Outbox.__table__.delete())  # type: ignore[attr-defined]

    async def _add(
        self,
        event: str,
        block: int,
        transaction: bytes,
        args: dict[str, int],
        retracts: int | None,
        number: int | None = None,
    ) -> int:
        row = Outbox(
            id=number,
            chain_id=TAB.chain_id,
            block_number=block,
            block_hash=keccak(b"block %d" % block),
            log_index=0,
            timestamp=0,
            tx_hash=transaction,
            contract="UsageEscrow",
            event=event,
            service_id=1,
            plan_id=TAB.plan_id,
            account=TAB.payer,
            args={name: str(value) for name, value in args.items()},
            retracts=retracts,
        )
        async with self._store.write() as session:
            session.add(row)
            await session.flush()
            assert row.id is not None
            return row.id


@pytest.fixture
async def fork(mirror: Mirror) -> Fork:
    """A tab of ten credits from one deposit, in block 8 of a chain at 10."""
    store = mirror._store
    numbers = {"start_block": 0, "number": HEAD, "timestamp": 0, "safe_number": FINAL, "journal_from": 0}
    hashes = dict.fromkeys(("genesis_hash", "deployment_hash", "hash"), ZERO_HASH)
    async with store.write() as session:
        session.add(
            Chain(chain_id=TAB.chain_id, deployment={}, finalized_number=FINAL, **numbers, **hashes)  # type: ignore[arg-type]
        )
    return Fork(store, mirror)


@pytest.fixture
async def deposited(fork: Fork) -> int:
    return await fork.event("Deposited", 8, units=10, balance=10)


async def use(meter: Meter, *costs: float) -> None:
    for at, cost in enumerate(costs, 1):
        assert await meter.reserve(hold(f"r{at}", cost))
        await meter.capture(served(f"r{at}", int(cost * MICRO)))


async def voids(store: Store) -> dict[str, int]:
    columns = (UsageEvent.request_id, UsageEvent.micro_credits)
    async with store.read_connection() as db:
        return {row.request_id: row.micro_credits for row in (await db.execute(select(*columns))).all()}  # type: ignore[call-overload]


async def spent(store: Store) -> int:
    async with store.read_connection() as db:
        return int((await db.execute(select(MeterTab.spent))).scalar_one())  # type: ignore[call-overload]


class Crash(BaseException):
    """The process ends here."""


class CrashingStore(Store):
    """Ends the process when everything is written and nothing is committed yet."""

    def __init__(self, store: Store) -> None:
        self._inner = store

    def read_connection(self):  # type: ignore[no-untyped-def]
        return self._inner.read_connection()

    @asynccontextmanager
    async def write_connection(self) -> AsyncIterator[AsyncConnection]:
        async with self._inner.write_connection() as db:
            yield db
            raise Crash


class TestWaiting:
    async def test_given_a_fork_that_is_not_final(
        self, meter: Meter, store: Store, fork: Fork, deposited: int
    ) -> None:
        await use(meter, 4)
        await fork.take_back(deposited)
        await fork.mirror.put(balance=0)
        await fork.final(HEAD - 1)
        assert await meter.follow_forks() == 0
        assert await voids(store) == {}
        await fork.final(HEAD)
        assert await meter.follow_forks() == 1

    async def test_given_the_transaction_mined_again(
        self, meter: Meter, store: Store, fork: Fork, deposited: int
    ) -> None:
        await use(meter, 4)
        await fork.take_back(deposited)
        await fork.mirror.put(balance=0)
        assert await meter.follow_forks() == 0
        await fork.event("Deposited", 9, units=10, balance=10)
        await fork.mirror.put(balance=10)
        await fork.final(HEAD)
        assert await meter.follow_forks() == 0
        await fork.mirror.put(balance=0)  # a withdrawal is no fork
        assert await meter.follow_forks() == 0
        assert await spent(store) == 4 * MICRO

    async def test_given_another_deposit(
        self, meter: Meter, store: Store, fork: Fork, deposited: int
    ) -> None:
        await use(meter, 4)
        await fork.take_back(deposited)
        await fork.mirror.put(balance=4)
        await fork.final(HEAD)
        assert await meter.follow_forks() == 0
        assert await spent(store) == 4 * MICRO

    async def test_given_a_request_under_way(
        self, meter: Meter, store: Store, fork: Fork, deposited: int
    ) -> None:
        await use(meter, 1)
        assert await meter.reserve(hold("late", 2))
        await fork.take_back(deposited)
        await fork.mirror.put(balance=0)
        await fork.final(HEAD)
        assert await meter.follow_forks() == 0
        await meter.capture(served("late", 2 * MICRO))
        assert await meter.follow_forks() == 2
        assert await voids(store) == {"late": 2 * MICRO, "r1": MICRO}

    async def test_given_a_settlement_that_may_be_mined(
        self, meter: Meter, store: Store, fork: Fork, deposited: int
    ) -> None:
        await use(meter, 4)
        await self._sign(store, deposited, cumulative=4)
        await fork.take_back(deposited)
        await fork.mirror.put(balance=0)
        await fork.final(HEAD)
        assert await meter.follow_forks() == 0
        await fork.event("SettlementSkipped", 9, keccak(b"settle"), cumulativeUnits=3, reason=2)
        assert await meter.follow_forks() == 0
        await fork.event("SettlementSkipped", 9, keccak(b"settle"), cumulativeUnits=4, reason=2)
        assert await meter.follow_forks() == 1
        assert await spent(store) == 0

    async def _sign(self, store: Store, after: int, cumulative: int) -> None:
        batch = SettlementBatch(
            id="b1",
            chain_id=TAB.chain_id,
            plan_id=TAB.plan_id,
            status="confirmed",
            created_at=1,
            outbox_from=after,
        )
        line = SettlementLine(
            batch_id="b1",
            chain_id=TAB.chain_id,
            plan_id=TAB.plan_id,
            payer=TAB.payer,
            cumulative_units=cumulative,
            from_sequence=0,
            to_sequence=1,
            receipts_root=ZERO_HASH,
            outcome="settled",
        )
        async with store.write() as session:
            session.add_all([batch, line])


class TestVoiding:
    @pytest.fixture
    async def forked(self, meter: Meter, fork: Fork, deposited: int) -> Fork:
        """Four requests of a credit each; another deposit backs two of them."""
        await use(meter, 1, 1, 1, 1)
        await fork.take_back(deposited)
        await fork.mirror.put(balance=2)
        await meter.follow_forks()
        await fork.final(HEAD)
        return fork

    async def test_voids_the_newest_once(self, meter: Meter, store: Store, forked: Fork) -> None:
        with capture_logs() as logs:
            assert await meter.follow_forks() == 2
        assert logs == [TOLD]
        assert await voids(store) == {"r4": MICRO, "r3": MICRO}
        assert await spent(store) == 2 * MICRO
        assert await meter.follow_forks() == 0
        assert await spent(store) == 2 * MICRO

    async def test_by_two_at_once(self, meter: Meter, store: Store, clock: ManualClock, forked: Fork) -> None:
        two = [Voiding(store, clock).step() for _ in range(2)]
        assert sorted(await asyncio.gather(*two)) == [0, 2]
        assert await spent(store) == 2 * MICRO

    async def test_after_a_crash(self, meter: Meter, store: Store, clock: ManualClock, forked: Fork) -> None:
        with pytest.raises(Crash):
            await Voiding(CrashingStore(store), clock).step()
        assert await voids(store) == {}
        assert await spent(store) == 4 * MICRO
        assert await meter.follow_forks() == 2
        assert await spent(store) == 2 * MICRO

    async def test_in_part(self, meter: Meter, store: Store, fork: Fork, deposited: int) -> None:
        await use(meter, 1.5, 1.75)
        await fork.take_back(deposited)
        await fork.mirror.put(balance=1)
        await fork.final(HEAD)
        assert await meter.follow_forks() == 2
        assert await voids(store) == {"r2": 1_750_000, "r1": 500_000}
        assert await spent(store) == MICRO

    async def test_no_more_than_the_deposit_gave(
        self, meter: Meter, store: Store, fork: Fork, deposited: int
    ) -> None:
        await use(meter, 2, 2)
        await fork.take_back(deposited, units=1)
        await fork.mirror.put(balance=0)
        await fork.final(HEAD)
        assert await meter.follow_forks() == 1
        assert await voids(store) == {"r2": MICRO}
        assert await spent(store) == 3 * MICRO

    async def test_receipts_stay_and_say_so(self, meter: Meter, forked: Fork) -> None:
        before = await meter.receipt("r4")
        await meter.follow_forks()
        first, last = await meter.receipt("r1"), await meter.receipt("r4")
        assert before is not None
        assert first is not None
        assert last is not None
        assert (first.voided, last.voided, before.voided) == (None, MICRO, None)
        assert (last.body, last.signature) == (before.body, before.signature)
        await forked.mirror.put(balance=3)
        assert await meter.reserve(hold("r5", 1))
        after = (await meter.capture(served("r5", MICRO))).body
        assert after.previous_receipt == last.digest
        assert after.cumulative_micro_credits == 3 * MICRO

    async def test_a_later_deposit_owes_no_more(self, meter: Meter, store: Store, forked: Fork) -> None:
        await meter.follow_forks()
        await forked.event("Deposited", 12, units=10, balance=12)
        await forked.mirror.put(balance=12)
        assert await meter.follow_forks() == 0
        assert (await meter.available(TAB)).available == 10 * MICRO

    async def test_given_it_taken_back_twice(self, meter: Meter, store: Store, forked: Fork) -> None:
        again = await forked.event("Deposited", 8, units=10, balance=12)
        await forked.take_back(again)
        assert await meter.follow_forks() == 2
        assert await spent(store) == 2 * MICRO
        assert await meter.follow_forks() == 0

    async def test_given_an_outbox_made_anew(self, meter: Meter, store: Store, forked: Fork) -> None:
        assert await meter.follow_forks() == 2
        await forked.forget_outbox()
        await forked.take_back(0, block=9, units=1, number=1)
        await forked.mirror.put(balance=0)
        assert await meter.follow_forks() == 1
        assert await spent(store) == MICRO
        with capture_logs() as logs:
            assert await meter.follow_forks() == 0
        assert logs == []

    async def test_an_event_is_written_once(self, meter: Meter, store: Store, forked: Fork) -> None:
        await meter.follow_forks()
        async with store.read_connection() as db:
            events = UsageEvent.__table__  # type: ignore[attr-defined]
            row = dict((await db.execute(select(events).limit(1))).one()._mapping)
        with pytest.raises(IntegrityError):
            async with store.write_connection() as db:
                await db.execute(insert(events), row)
