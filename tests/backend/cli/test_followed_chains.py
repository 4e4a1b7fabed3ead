"""Several chains in one indexer.

settings_of_each
├── one chain: the settings as they are
├── RECORD=URL, of the settings or of options: each its record; named again, more nodes; ws:// announces heads
└── given no pair, or a record without a node: SettingsError says what to write
emporion index --also
├── given two chains: both stand in one database, apart, and `emporion status` shows each
│   ├── a fork of one leaves the other as it was; both pass the audit
│   ├── a value corrupted in any table of the second is found by its audit, and by that of the first not
│   └── `emporion reindex` of the second repairs it, and leaves the first as it was
└── given two records of one chain: refused
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from backend.cli.devnet.network import Devnet
from backend.cli.devnet.seed import seed
from backend.cli.followed_chains import followed, settings_of_each
from backend.core.errors import DeploymentMismatch, SettingsError
from backend.core.settings import Settings, load_settings
from backend.db.session import Store
from backend.db.stores import open_chain_store
from indexer.audit import audit
from indexer.status import status_of
from tests.emporion_command import Emporion
from tests.indexer.harness import corrupted, everything

ROOT = Path(__file__).resolve().parents[3]
OTHER_ID = 31_338
MANY_TABLES = 12


class TestSettingsOfEach:
    def test_one_chain_is_that_of_the_settings(self) -> None:
        settings = load_settings()
        assert settings_of_each(settings) == [settings]

    def test_pairs_add_chains_nodes_and_heads(self) -> None:
        settings = load_settings(other_chains=["a.json=http://one", "b.json=https://two/?key=x"])
        own, first, second = settings_of_each(settings, ["a.json=http://three", "b.json=wss://two/heads"])
        assert own is settings
        assert [told(first), told(second)] == [
            ("a.json", ["http://one", "http://three"], ""),
            ("b.json", ["https://two/?key=x"], "wss://two/heads"),
        ]

    @pytest.mark.parametrize("pair", ["a.json", "a.json=", "=http://one", "a.json=ftp://one"])
    def test_what_is_no_pair_is_said(self, pair: str) -> None:
        with pytest.raises(SettingsError, match="RECORD=URL"):
            settings_of_each(load_settings(), [pair])

    def test_a_record_without_a_node_is_said(self) -> None:
        with pytest.raises(SettingsError, match=r"add a\.json=http://"):
            settings_of_each(load_settings(), ["a.json=ws://one"])


def told(settings: Settings) -> tuple[str, list[str], str]:
    return str(settings.deployment_path), settings.rpc_urls, settings.ws_url


@asynccontextmanager
async def two_chains(tmp_path: Path) -> AsyncIterator[tuple[Devnet, Devnet]]:
    """The same contracts at the same addresses, the same accounts and services, another history."""
    async with (
        Devnet.start(tmp_path / "first", port=0, history_days=5) as first,
        Devnet.start(tmp_path / "second", port=0, history_days=3, chain_id=OTHER_ID) as second,
    ):
        for devnet in (first, second):
            await seed(devnet)
            await devnet.controls.mine_at_once()
        yield first, second


@contextmanager
def indexing(*options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`emporion index OPTION...` in a process of its own; ends in order, with status 0."""
    command = [sys.executable, "-m", "backend.cli.main", "index", *options]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ.copy(), stderr=subprocess.DEVNULL)
    try:
        yield process
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


async def shown(emporion: Emporion) -> dict[int, Any]:
    said = await asyncio.to_thread(emporion, "status", "--json")
    return {one["chain"]: one for one in said.json["chains"]}


async def at_heads(emporion: Emporion, *devnets: Devnet) -> dict[int, Any]:
    """What `emporion status` says once every chain is mirrored up to its node's head."""
    wanted = {one.deployment.chain_id: await one.client.block_number() for one in devnets}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = await shown(emporion)
        if {chain: one["head"] for chain, one in found.items()} == wanted:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"not at {wanted}: {found}")


@pytest.mark.devnet
@pytest.mark.integration
@pytest.mark.usefixtures("nothing_listens")
class TestTwoChains:
    async def test_stand_apart_in_one_database(
        self, tmp_path: Path, emporion: Emporion, monkeypatch: pytest.MonkeyPatch, database_url: str
    ) -> None:
        async with two_chains(tmp_path) as (first, second):
            monkeypatch.setenv("EMPORION_DATABASE_URL", database_url)
            monkeypatch.setenv("EMPORION_RPC_URLS", first.rpc_url)
            monkeypatch.setenv("EMPORION_DEPLOYMENT_FILE", str(first.home / "deployment.json"))
            also = f"{second.home / 'deployment.json'}={second.rpc_url}"
            with indexing("--also", also):
                assert [one["reorgs"] for one in (await at_heads(emporion, first, second)).values()] == [0, 0]
                await second.controls.reorg(3)
                await second.controls.mine(2)
                found = await at_heads(emporion, first, second)
                assert [one["reorgs"] for one in found.values()] == [0, 1]
            store = await open_chain_store(load_settings())
            await self._as_the_contracts_say(store, first, second)
            await self._audited_and_repaired(emporion, monkeypatch, store, first, second)
            await store.close()

    async def _audited_and_repaired(
        self, emporion: Emporion, monkeypatch: pytest.MonkeyPatch, store: Store, first: Devnet, second: Devnet
    ) -> None:
        right = await everything(store)
        planted = await corrupted(store, OTHER_ID)
        assert len(planted) > MANY_TABLES
        wrong = await everything(store)
        assert (await asyncio.to_thread(emporion, "audit", "--json")).json["passed"]
        monkeypatch.setenv("EMPORION_RPC_URLS", second.rpc_url)
        monkeypatch.setenv("EMPORION_DEPLOYMENT_FILE", str(second.home / "deployment.json"))
        said = await asyncio.to_thread(emporion, "audit", "--json")
        assert said.status == 1
        assert {(found["table"], found["column"]) for found in said.json["differences"]} >= planted
        monkeypatch.setenv("EMPORION_RPC_URLS", first.rpc_url)
        monkeypatch.setenv("EMPORION_DEPLOYMENT_FILE", str(first.home / "deployment.json"))
        assert (await asyncio.to_thread(emporion, "reindex", "--json")).status == 0
        assert await everything(store) == wrong
        monkeypatch.setenv("EMPORION_DEPLOYMENT_FILE", str(second.home / "deployment.json"))
        assert (await asyncio.to_thread(emporion, "reindex", "--json")).status == 0
        assert await everything(store) == right

    async def _as_the_contracts_say(self, store: Store, first: Devnet, second: Devnet) -> None:
        assert first.deployment.contracts.keys() == second.deployment.contracts.keys()
        assert [row.chain_id for row in await status_of(store)] == [31_337, OTHER_ID]
        for devnet in (first, second):
            report = await audit(store, devnet.contracts, devnet.deployment)
            assert report.differences == []
            assert sum(report.rows.values()) > 50

    async def test_two_records_of_one_chain_are_refused(self, tmp_path: Path) -> None:
        async with Devnet.start(tmp_path / "first", port=0) as devnet:
            record = devnet.home / "deployment.json"
            settings = load_settings(rpc_urls=[devnet.rpc_url], deployment_file=record)
            each = settings_of_each(settings, [f"{record}={devnet.rpc_url}"])
            with pytest.raises(DeploymentMismatch, match="second record of chain 31337"):
                await self._entered(each)

    async def _entered(self, each: list[Settings]) -> None:
        async with followed(each):
            raise AssertionError("both were taken")
