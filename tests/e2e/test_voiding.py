"""Usage whose deposit a fork took back, from the chain to the receipt.

given a deposit, two calls answered against it, and a fork (`anvil_reorg`) that takes it back
├── before the fork is final: the receipts stand, the next call is refused
├── once it is final: every receipt is voided and says so, and so do calls, days, analytics and the log
├── the mirror equals the contracts
└── a new deposit pays for new calls alone
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError

from backend.chain.sender import Sender
from backend.cli.demo.market_hops import CREDITS_PLAN, publish
from backend.cli.demo.world import QUICK, Person, World, until
from backend.cli.devnet.faucet import Gift
from backend.cli.devnet.network import Devnet
from backend.cli.services import Services
from backend.cli.trading import Trader
from backend.core.settings import load_settings
from backend.core.units import MICRO, Then
from backend.db.stores import open_chain_store
from indexer.audit import audit

pytestmark = [pytest.mark.devnet, pytest.mark.model, pytest.mark.integration, pytest.mark.timeout(240)]

CREDITS = 10
FINALITY = 64
"""Blocks behind its head that anvil calls final."""


@asynccontextmanager
async def unsettled(home: Path) -> AsyncIterator[World]:
    """A published service whose usage is not settled meanwhile."""
    async with (
        Devnet.start(home, port=0) as devnet,
        Services.start(
            devnet, say=lambda _: None, settle_interval_seconds=3_600, settle_min_units=1_000
        ) as up,
    ):
        world = World(devnet, up)
        await publish(world)
        yield world


async def deposit(world: World, buyer: Person) -> int:
    """Buy credits into the tab; the block it stands in. A fork may have changed the wallet's nonce."""
    sender = Sender(world.devnet.client, buyer.key, patience=QUICK)
    trader = Trader(world.devnet.contracts, buyer.key, sender)
    bought = await trader.buy(world.plans[CREDITS_PLAN], CREDITS, Then.DEPOSIT)
    return bought.receipt.block_number


async def call(world: World, buyer: Person) -> str:
    """One answered call; its request id."""
    async with buyer.openai() as client:
        raw = await client.chat.completions.with_raw_response.create(
            model=world.model, messages=[{"role": "user", "content": "Say yes."}], max_tokens=4
        )
        return raw.headers["x-request-id"]


async def is_refused(world: World, buyer: Person) -> bool:
    try:
        await call(world, buyer)
    except APIStatusError as error:
        return error.status_code == 402
    return False


async def receipt(buyer: Person, request_id: str) -> Any:
    return await buyer.gateway.ask("GET", f"/v1/receipts/{request_id}")


class TestVoiding:
    async def test_follows_a_deposit_that_a_fork_took_back(self, tmp_path: Path) -> None:
        async with unsettled(tmp_path / "devnet") as world:
            buyer = await world.meet("buyer", Gift(dollars=100 * 10**6, emp=0))
            await buyer.sign_in()
            block = await deposit(world, buyer)
            used = [await call(world, buyer) for _ in range(2)]
            before = [await receipt(buyer, one) for one in used]

            await world.devnet.controls.reorg(await world.devnet.client.block_number() - block + 1)
            await until(lambda: is_refused(world, buyer), 30, "the deposit to be gone")
            assert [await receipt(buyer, one) for one in used] == before

            await until(lambda: self._voided_further_on(world, buyer, used[0]), 60, "the fork to be final", 1)
            await self._told_everywhere(world, buyer, used, before)
            await self._as_the_contracts_say(world)
            await self._pays_for_new_calls_alone(world, buyer, before[-1])

    async def _voided_further_on(self, world: World, buyer: Person, request_id: str) -> bool:
        """The gateway waits for the block it saw the fork at, whichever that was, to be final."""
        await world.devnet.controls.mine(2 * FINALITY)
        return await self._voided(buyer, request_id)

    async def _voided(self, buyer: Person, request_id: str) -> bool:
        return (await receipt(buyer, request_id))["voided_micro_credits"] is not None

    async def _told_everywhere(
        self, world: World, buyer: Person, used: list[str], before: list[dict[str, Any]]
    ) -> None:
        costs = [one["micro_credits"] for one in before]
        assert all(int(cost) > 0 for cost in costs)
        after = [await receipt(buyer, one) for one in used]
        assert after == [one | {"voided_micro_credits": one["micro_credits"]} for one in before]
        calls = (await buyer.gateway.ask("GET", "/v1/receipts"))["calls"]
        assert [one["request_id"] for one in calls] == used[::-1]
        assert [one["voided_micro_credits"] for one in calls] == costs[::-1]
        total = str(sum(map(int, costs)))
        days = (await buyer.gateway.ask("GET", "/v1/usage"))["days"]
        assert self._sums(days) == ("0", total)
        path = f"/v1/provider/services/{world.service_id}/analytics"
        rows = (await world["provider"].gateway.ask("GET", path))["rows"]
        assert self._sums(rows) == ("0", total)
        assert {amount for row in rows for amount in row["used"].values()} == {"0"}
        log = world.services.child.last_words(200_000)
        assert "meter.deposit.taken_back" in log
        assert "meter.usage.voided" in log
        assert "indexer.reorg.rewound" in log

    def _sums(self, rows: list[dict[str, Any]]) -> tuple[str, str]:
        names = ("charged_micro_credits", "voided_micro_credits")
        charged, voided = (str(sum(int(row[name]) for row in rows)) for name in names)
        return charged, voided

    async def _as_the_contracts_say(self, world: World) -> None:
        store = await open_chain_store(load_settings(home=world.devnet.home, devnet=True))
        head = await world.devnet.client.block_number()
        try:
            async with asyncio.timeout(30):
                while (
                    report := await audit(store, world.devnet.contracts, world.devnet.deployment)
                ).head.number < head:
                    await asyncio.sleep(0.1)
        finally:
            await store.close()
        assert report.differences == []

    async def _pays_for_new_calls_alone(self, world: World, buyer: Person, last: dict[str, Any]) -> None:
        await deposit(world, buyer)
        again = await receipt(buyer, await call(world, buyer))
        assert again["cumulative_micro_credits"] == again["micro_credits"]
        assert int(last["cumulative_micro_credits"]) > 0
        tab = await world.devnet.contracts.escrow.tab(world.plans[CREDITS_PLAN], buyer.key.address)
        assert (tab.balance, tab.settled) == (CREDITS, 0)
        assert int(again["micro_credits"]) < CREDITS * MICRO
