"""The gate over the indexed tables.

admit
├── when the index is absent or unconfirmed for too long, it should refuse as stale
├── when there is no such service, it should say so
├── when the caller has nothing
│   ├── it should wait for one block and then ask for payment
│   ├── given a purchase mined meanwhile, it should admit
│   └── given a minimum block already reached, it should not wait
├── when the plan named is another service's, it should refuse it as malformed
├── when the service is retired, it should say that it has ended, but serve who has access
├── when the service is paused, it should serve who has access, and nobody else
├── when a withdrawal is requested, it should not spend the credits
├── when the daily limit is used up, it should not spend the credits
├── given a Pass, a Timed access and a tab, it should try them in that order
└── given a policy of confirmed blocks, it should grant late and withdraw at once
after a transfer is indexed it should refuse within two seconds
head
└── given a reading that takes long, it should not replace one begun later
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import ManualClock
from backend.core.errors import (
    IndexStale,
    MalformedRequest,
    ModelNotFound,
    PaymentRequired,
    ServiceRetired,
)
from backend.core.settings import Settings
from backend.core.units import Address, ChainId, PlanId, PlanKind, ServiceId
from backend.db.stores import open_gateway_store
from backend.db.tables.chain import Undo
from backend.entitlement import repository
from backend.entitlement.head import HeadWatch
from backend.entitlement.service import Gate
from tests.backend.market import (
    BUYER,
    CHAIN_ID,
    SERVICE,
    START,
    STRANGER,
    Market,
    access,
    holding,
    plan,
    plan_id,
    service,
    tab,
)
from tests.backend.shared_stores import opened_chain_store, settings

__all__ = ["settings"]

PASS, TIMED, METERED = (plan_id(kind) for kind in PlanKind)
WAIT = 0.4
LONG_WAIT = 60


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def market(settings: Settings) -> AsyncIterator[Market]:
    async with opened_chain_store(settings) as store:
        yield Market(store)


@pytest.fixture
async def watch(settings: Settings, market: Market, clock: ManualClock) -> AsyncIterator[HeadWatch]:
    store = await open_gateway_store(settings)
    followed = HeadWatch(store, ChainId(CHAIN_ID), clock, max_lag=30)
    running = asyncio.create_task(followed.run())
    yield followed
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await store.close()


@pytest.fixture
async def gate(watch: HeadWatch, market: Market, clock: ManualClock) -> Gate:
    await market.mine(service(), *(plan(kind) for kind in PlanKind))
    await watch.refresh()
    return Gate(watch._store, ChainId(CHAIN_ID), watch, clock, WAIT)


@pytest.fixture
def patient(gate: Gate, watch: HeadWatch, clock: ManualClock) -> Gate:
    """A gate that waits for a block longer than any test takes."""
    return Gate(watch._store, ChainId(CHAIN_ID), watch, clock, LONG_WAIT)


class TestHead:
    async def test_is_never_replaced_by_an_older_reading(
        self, settings: Settings, market: Market, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun, go, honest = asyncio.Event(), asyncio.Event(), repository.head

        async def slow_at_first(connection: AsyncConnection, chain_id: ChainId) -> Any:
            row = await honest(connection, chain_id)
            if not begun.is_set():
                begun.set()
                await go.wait()
            return row

        monkeypatch.setattr(repository, "head", slow_at_first)
        store = await open_gateway_store(settings)
        watch = HeadWatch(store, ChainId(CHAIN_ID), clock, max_lag=30)
        first = asyncio.create_task(watch.refresh())
        await begun.wait()
        await market.mine(service())
        second = asyncio.create_task(watch.refresh())
        await asyncio.wait([second], timeout=WAIT)
        go.set()
        await asyncio.gather(first, second)
        await store.close()
        assert watch.number == 1


class TestStale:
    async def test_refuses_without_an_index(self, watch: HeadWatch, clock: ManualClock) -> None:
        gate = Gate(watch._store, ChainId(CHAIN_ID), watch, clock, WAIT)
        with pytest.raises(IndexStale, match="not been built"):
            await gate.admit(BUYER, SERVICE)

    async def test_refuses_once_unconfirmed_for_too_long(
        self, gate: Gate, watch: HeadWatch, market: Market, clock: ManualClock
    ) -> None:
        await market.put(holding(PASS))
        await clock.advance(20)
        assert watch.is_late()
        await clock.advance(11)
        with pytest.raises(IndexStale) as caught:
            await gate.admit(BUYER, SERVICE)
        assert caught.value.details["lag_seconds"] == 31

    async def test_serves_on_an_idle_chain_that_is_confirmed(
        self, gate: Gate, watch: HeadWatch, market: Market, clock: ManualClock
    ) -> None:
        await clock.advance(3600)
        await market.put(market.heartbeat(START + 3600), holding(PASS))
        await watch.refresh()
        await asyncio.sleep(0.7)
        _standing, grants = await gate.admit(BUYER, SERVICE)
        assert grants


class TestAdmit:
    async def test_refuses_an_unknown_service(self, gate: Gate) -> None:
        with pytest.raises(ModelNotFound):
            await gate.admit(BUYER, ServiceId(99))

    async def test_waits_for_one_block_before_it_asks_for_payment(self, gate: Gate) -> None:
        began = time.monotonic()
        with pytest.raises(PaymentRequired):
            await gate.admit(STRANGER, SERVICE)
        assert time.monotonic() - began >= WAIT

    async def test_admits_when_the_purchase_is_mined_meanwhile(self, patient: Gate, market: Market) -> None:
        asked = asyncio.create_task(patient.admit(BUYER, SERVICE, min_block=2))
        await asyncio.sleep(0.05)
        await market.mine(holding(PASS))
        standing, grants = await asked
        assert standing.block_number == 2
        assert [grant.terms.plan_id for grant in grants] == [PASS]

    async def test_does_not_wait_for_a_block_it_has(self, patient: Gate) -> None:
        began = time.monotonic()
        with pytest.raises(PaymentRequired):
            await patient.admit(STRANGER, SERVICE, min_block=1)
        assert time.monotonic() - began < LONG_WAIT

    async def test_refuses_a_plan_of_another_service(self, gate: Gate) -> None:
        with pytest.raises(MalformedRequest, match="no plan of service"):
            await gate.admit(BUYER, SERVICE, wanted=PlanId(7))

    async def test_tries_pass_then_timed_then_metered(self, gate: Gate, market: Market) -> None:
        await market.mine(holding(PASS), access(TIMED, START + 60), tab(METERED, 5))
        await asyncio.sleep(0.7)
        _standing, grants = await gate.admit(BUYER, SERVICE)
        assert [grant.terms.plan_id for grant in grants] == [PASS, TIMED, METERED]
        _standing, grants = await gate.admit(BUYER, SERVICE, wanted=METERED)
        assert [grant.terms.plan_id for grant in grants] == [METERED]

    async def test_ends_timed_access_between_two_blocks(
        self, gate: Gate, market: Market, clock: ManualClock
    ) -> None:
        await market.mine(access(TIMED, START + 10))
        await asyncio.sleep(0.7)
        assert (await gate.standing(BUYER, SERVICE)).grants
        await clock.advance(10)
        assert not (await gate.standing(BUYER, SERVICE)).grants

    async def test_takes_the_heads_time_where_it_is_later(self, gate: Gate, market: Market) -> None:
        await market.mine(access(TIMED, START + 10), now=START + 20)
        await asyncio.sleep(0.7)
        assert not (await gate.standing(BUYER, SERVICE)).grants

    async def test_spends_no_credits_under_withdrawal(self, gate: Gate, market: Market) -> None:
        await market.mine(tab(METERED, 5, withdraw_at=START + 3600))
        with pytest.raises(PaymentRequired, match="withdrawal"):
            await gate.admit(BUYER, SERVICE, min_block=2)

    async def test_spends_no_credits_over_the_daily_limit(self, gate: Gate, market: Market) -> None:
        today = START // 86_400
        await market.mine(tab(METERED, 5, daily_limit=3, spent=3, day=today % 2**16))
        with pytest.raises(PaymentRequired):
            await gate.admit(BUYER, SERVICE, min_block=2)
        await market.mine(tab(METERED, 5, daily_limit=3, spent=3, day=(today - 1) % 2**16))
        _standing, grants = await gate.admit(BUYER, SERVICE, min_block=3)
        assert grants[0].units == 3

    async def test_says_that_a_retired_service_has_ended(self, gate: Gate, market: Market) -> None:
        await market.mine(service(status=2, retired_at=START), holding(PASS))
        await asyncio.sleep(0.7)
        assert (await gate.admit(BUYER, SERVICE))[1]
        with pytest.raises(ServiceRetired):
            await gate.admit(STRANGER, SERVICE)

    async def test_serves_who_has_access_to_a_paused_service(self, gate: Gate, market: Market) -> None:
        await market.mine(service(status=1), holding(PASS), tab(METERED, 10, STRANGER))
        await asyncio.sleep(0.7)
        assert [one.terms.plan_id for one in (await gate.admit(BUYER, SERVICE))[1]] == [PASS]
        assert [one.terms.plan_id for one in (await gate.admit(STRANGER, SERVICE))[1]] == [METERED]
        with pytest.raises(PaymentRequired):
            await gate.admit(Address(b"\x33" * 20), SERVICE)


class TestConfirmation:
    async def test_grants_late_and_withdraws_at_once(self, gate: Gate, market: Market) -> None:
        key = orjson.dumps({"plan_id": str(PASS), "account": BUYER.hex()}).decode()
        undo = Undo(chain_id=CHAIN_ID, block_number=2, seq=0, table_name="holdings", key=key, old=None)
        await market.mine(holding(PASS), undo, behind=1)
        await asyncio.sleep(0.7)
        assert (await gate.standing(BUYER, SERVICE, "latest")).grants
        assert not (await gate.standing(BUYER, SERVICE, "safe")).grants
        await market.mine(behind=1)
        await asyncio.sleep(0.7)
        assert (await gate.standing(BUYER, SERVICE, "safe")).grants
        await market.mine(holding(PASS, units=0), behind=1)
        await asyncio.sleep(0.7)
        assert not (await gate.standing(BUYER, SERVICE, "safe")).grants


class TestRevocation:
    async def test_refuses_within_two_seconds_of_a_transfer(self, gate: Gate, market: Market) -> None:
        await market.mine(holding(PASS))
        await asyncio.sleep(0.7)
        assert (await gate.standing(BUYER, SERVICE)).grants
        await market.mine(holding(PASS, units=0), holding(PASS, STRANGER))
        began = time.monotonic()
        while (await gate.standing(BUYER, SERVICE)).grants:
            await asyncio.sleep(0.01)
        assert time.monotonic() - began < 2
        assert (await gate.standing(STRANGER, SERVICE)).grants
