"""The indexer against anvil and the real contracts

given a devnet on which everything has happened that makes a row
    the mirror should hold what the contracts hold, by audit
    an audit should find any single corrupted value of any table, and rows that are missing or too many
when anvil reorganises, takes a snapshot and reverts to it
    the mirror should follow, and pass the audit each time
when blocks are announced over a WebSocket
    the mirror should follow without waiting for a poll
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backend.chain.bindings.structs import Upstream
from backend.chain.heads import SocketHeads
from backend.cli.devnet.catalogue import DAY
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.seed import seed
from backend.cli.trading import Trader
from backend.core.units import ServiceId, ServiceKind, keccak
from backend.db.session import Store
from backend.db.tables.chain import Holding, Plan
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from indexer.audit import AuditReport, audit
from indexer.loop import IndexerOptions, index_once, run_indexer
from indexer.shapes import FACTS, PROJECTED, Row, Shape
from indexer.statements import in_one_write
from indexer.status import status_of
from tests.indexer.harness import other, planted, rows_of

pytestmark = [pytest.mark.devnet, pytest.mark.integration]


@pytest.fixture
async def devnet(tmp_path: Path) -> AsyncIterator[Devnet]:
    async with Devnet.start(tmp_path / "devnet", port=0, history_days=30) as running:
        await seed(running)
        yield running


async def live_on(devnet: Devnet) -> None:
    """What the seeded history lacks: a service derived from another, and rewards that were taken."""
    contracts, provider, staker = devnet.contracts, "second_provider", "staker"
    bond, now = await contracts.registry.min_bond(), await devnet.controls.now()
    derived = contracts.registry.register(
        ServiceKind.MODEL,
        "data:,derived",
        keccak(b"derived"),
        meter=devnet.accounts[provider].address,
        bond=bond,
        upstreams=[Upstream(ServiceId(1), 500)],
    )
    async with devnet.controls.instant_mining():
        await devnet.sender(provider).send(derived)
        await devnet.controls.advance_to(now + DAY)
        await devnet.sender(staker).send(contracts.vault.claim([0], devnet.accounts[staker].address))


async def audited(devnet: Devnet, store: Store) -> AuditReport:
    await index_once(store, devnet.client, devnet.deployment)
    return await audit(store, devnet.contracts, devnet.deployment)


class TestSeededDevnet:
    async def test_mirror_holds_what_the_contracts_hold(self, devnet: Devnet, store: Store) -> None:
        await live_on(devnet)
        report = await audited(devnet, store)
        assert report.differences == []
        assert [name for name, rows in report.rows.items() if not rows] == []
        assert report.questions > 50

    async def test_audit_finds_any_corrupted_row(self, devnet: Devnet, store: Store) -> None:
        await live_on(devnet)
        assert (await audited(devnet, store)).passed
        missed = []
        for shape in [*PROJECTED.values(), *FACTS.values()]:
            row = (await rows_of(store, shape))[-1]
            for column in shape.value_columns:
                await planted(store, shape, {**row, column: other(row[column])})
                found = (await audit(store, devnet.contracts, devnet.deployment)).differences
                if (shape.name, column) not in {(d.table, d.column) for d in found}:
                    missed.append((shape.name, column))
            await planted(store, shape, row)
        assert missed == []
        assert (await audit(store, devnet.contracts, devnet.deployment)).passed

    async def test_audit_finds_missing_and_surplus_rows(self, devnet: Devnet, store: Store) -> None:
        assert (await audited(devnet, store)).passed
        shape = PROJECTED[Holding]
        row = (await rows_of(store, shape))[0]
        await in_one_write(store, lambda db: db.delete(shape, row["chain_id"], [shape.key_of(row)]))
        report = await audit(store, devnet.contracts, devnet.deployment)
        assert [(d.table, d.stored, d.expected) for d in report.differences] == [("holdings", None, "a row")]
        await planted(store, shape, row)
        await planted(store, shape, {**row, "plan_id": row["plan_id"] + 1})
        report = await audit(store, devnet.contracts, devnet.deployment)
        assert ("holdings", "a row", None) in [(d.table, d.stored, d.expected) for d in report.differences]


class TestChainControl:
    async def test_follows_reorgs(self, devnet: Devnet, store: Store) -> None:
        assert (await audited(devnet, store)).passed
        await devnet.controls.reorg(5)
        assert (await audited(devnet, store)).passed
        await devnet.controls.mine(3)
        assert (await audited(devnet, store)).passed
        await devnet.controls.reorg(2)
        assert (await audited(devnet, store)).passed
        assert (await status_of(store))[0].reorgs >= 2

    async def test_follows_a_revert(self, devnet: Devnet, store: Store) -> None:
        snapshot, height = await devnet.controls.snapshot(), await devnet.client.block_number()
        buyer = Trader(devnet.contracts, devnet.accounts["buyer"], devnet.sender("buyer"))
        plan = (await rows_after(devnet, store, PROJECTED[Plan]))[0]["plan_id"]
        before = await rows_of(store, PROJECTED[Plan])
        await buyer.buy(plan, 1)
        assert await rows_after(devnet, store, PROJECTED[Plan]) != before
        await devnet.controls.revert(snapshot)
        assert (await audited(devnet, store)).passed
        assert await rows_of(store, PROJECTED[Plan]) == before
        assert (await status_of(store))[0].number >= height


async def rows_after(devnet: Devnet, store: Store, shape: Shape) -> list[Row]:
    await index_once(store, devnet.client, devnet.deployment)
    return await rows_of(store, shape)


class TestLive:
    async def test_follows_announced_heads(self, devnet: Devnet, store: Store) -> None:
        async with following(devnet, store):
            await devnet.controls.mine(1)
            head = await devnet.client.block_number()
            deadline = time.monotonic() + 5
            while (await status_of(store))[0].number < head and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
            assert (await status_of(store))[0].number >= head


@asynccontextmanager
async def following(devnet: Devnet, store: Store) -> AsyncIterator[None]:
    """An indexer that hears heads and would poll once an hour."""
    stop, options = asyncio.Event(), IndexerOptions(poll_interval_ms=3_600_000)
    async with HttpClient(LOOPBACK_ONLY) as http:
        feed = SocketHeads(http, devnet.ws_url)
        await index_once(store, devnet.client, devnet.deployment)
        task = asyncio.create_task(run_indexer(store, devnet.client, devnet.deployment, stop, options, feed))
        await asyncio.sleep(1.0)
        yield
        stop.set()
        await task
