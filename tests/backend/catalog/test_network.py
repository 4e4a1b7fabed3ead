"""The whole network

stream_of: what is left falls second by second while somebody has score, and stands still otherwise
NetworkView.totals
├── given no index: says it is not built
└── sums by currency, counts wallets once
NetworkView.history
├── gives every day, those without events too; stake is followed backwards from what is locked now
├── leaves out what a fork took back
└── is read again once the chain has moved on
"""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backend.catalog.network import DAY, FRESH_SECONDS, NetworkView, stream_of
from backend.core.errors import IndexStale
from backend.core.settings import load_settings
from backend.core.units import Address, ChainId, PlanKind, checksum, keccak
from backend.db.session import Store
from backend.db.stores import open_chain_store
from backend.db.tables import chain as rows
from tests.backend.market import (
    BUYER,
    CHAIN_ID,
    START,
    STRANGER,
    Market,
    holding,
    plan,
    plan_id,
    service,
)

PASS, EMP_PLAN = plan_id(PlanKind.PASS), plan_id(PlanKind.METERED, 2)
TODAY = START // DAY * DAY


@pytest.fixture
async def store(tmp_path: Path, database_url: str) -> AsyncIterator[Store]:
    opened = await open_chain_store(load_settings(home=tmp_path, database_url=database_url, devnet=True))
    yield opened
    await opened.close()


def event(number: int, name: str, at: int, **args: Any) -> rows.Outbox:
    retracts = args.pop("retracts", None)
    return rows.Outbox(
        id=number,
        chain_id=CHAIN_ID,
        block_number=number,
        block_hash=keccak(b"%d" % number),
        log_index=0,
        timestamp=at,
        tx_hash=bytes(32),
        contract="AccessToken",
        event=name,
        plan_id=args.pop("plan", None),
        args=args,
        retracts=retracts,
    )


def bought(number: int, at: int, cost: int, plan: int = PASS, payer: bytes = BUYER) -> rows.Outbox:
    return event(number, "Bought", at, plan=plan, cost=str(cost), payer=checksum(Address(payer)))


def purchase(number: int, payer: bytes, cost: int) -> rows.Purchase:
    return rows.Purchase(
        chain_id=CHAIN_ID,
        block_number=number,
        log_index=0,
        tx_hash=bytes(32),
        timestamp=START,
        plan_id=PASS,
        payer=payer,
        recipient=payer,
        units=1,
        cost=cost,
        then=0,
    )


class TestStreamOf:
    ROW = SimpleNamespace(currency=0, pending=700, seconds_left=7 * DAY)

    def test_falls_while_there_is_score(self) -> None:
        vault = SimpleNamespace(updated_at=START, total_score=1)
        shown = stream_of(self.ROW, vault, START + 2 * DAY)
        assert (shown.left, shown.per_day, shown.ends) == ("500", "100", START + 7 * DAY)
        ended = stream_of(self.ROW, vault, START + 30 * DAY)
        assert (ended.left, ended.per_day, ended.ends) == ("0", "0", 0)

    def test_stands_still_without_score(self) -> None:
        shown = stream_of(self.ROW, SimpleNamespace(updated_at=START, total_score=0), START + 2 * DAY)
        assert (shown.left, shown.per_day, shown.ends) == ("700", "100", START + 9 * DAY)


class TestTotals:
    async def test_say_when_there_is_no_index(self, store: Store) -> None:
        with pytest.raises(IndexStale):
            await NetworkView(store, ChainId(CHAIN_ID)).totals()

    async def test_sum_by_currency(self, store: Store) -> None:
        await Market(store).mine(
            service(),
            service(service_id=2, status=2),
            plan(PlanKind.PASS, paid=2**100, revenue=7),
            plan(PlanKind.METERED, 2, currency=1, paid=5, refunded=2),
            plan(PlanKind.METERED, 3, currency=1, paid=6),
            holding(PASS),
            purchase(1, BUYER, 3),
            purchase(2, BUYER, 3),
            purchase(3, STRANGER, 0),
        )
        shown = await NetworkView(store, ChainId(CHAIN_ID)).totals()
        assert (shown.services, shown.plans, shown.buyers, shown.holders) == (1, 3, 1, 1)
        assert (shown.paid, shown.refunded, shown.revenue) == ({0: str(2**100), 1: "11"}, {1: "2"}, {0: "7"})
        assert (shown.locked, shown.streams) == ("0", [])


class TestHistory:
    async def test_gives_every_day(self, store: Store) -> None:
        vault = rows.Vault(chain_id=CHAIN_ID, total_locked=900, total_score=1, updated_at=START)
        await Market(store).mine(
            service(created_at=TODAY - DAY),
            plan(PlanKind.PASS),
            plan(PlanKind.METERED, 2, currency=1),
            vault,
            bought(1, TODAY - 2 * DAY, 20),
            bought(2, TODAY - 2 * DAY + 9, 30, payer=STRANGER),
            bought(3, TODAY - 2 * DAY + 10, 4, plan=EMP_PLAN),
            event(4, "Locked", TODAY - 2 * DAY, amount="1000"),
            event(5, "Released", TODAY, currency="0", gross="20"),
            event(6, "Increased", TODAY, added="50"),
            event(7, "Unlocked", TODAY, amount="150"),
        )
        days = (await NetworkView(store, ChainId(CHAIN_ID)).history(4)).days
        assert [one.day for one in days] == [TODAY - ago * DAY for ago in (3, 2, 1, 0)]
        assert [one.purchases for one in days] == [0, 3, 0, 0]
        assert (days[1].buyers, days[1].paid) == (2, {0: "50", 1: "4"})
        assert [one.revenue for one in days] == [{}, {}, {}, {0: "20"}]
        assert [one.services for one in days] == [0, 0, 1, 1]
        assert [one.locked for one in days] == ["0", "1000", "1000", "900"]

    async def test_leaves_out_what_was_taken_back_and_is_read_again(self, store: Store) -> None:
        market, view = Market(store), NetworkView(store, ChainId(CHAIN_ID))
        await market.mine(plan(PlanKind.PASS), bought(1, START, 20), bought(2, START, 30))
        assert (await view.history(1)).days[0].paid == {0: "50"}
        taken = event(3, "Bought", START, retracts=2)
        await market.mine(taken, now=START + 1)
        assert (await view.history(1)).days[0].paid == {0: "50"}
        await market.mine(now=START + FRESH_SECONDS)
        assert (await view.history(1)).days[0].paid == {0: "20"}
