"""The devnet: a chain in a process of its own.

Devnet.start
├── when the port is taken: stepped over, and said
├── when anvil is missing: named with the fix
├── given a fresh chain: contracts, money for gas, a block a second
├── given kept state: the same chain and deployment go on
├── when the block is left by an error: the process has ended, the presence file is gone
└── when the parent is killed: anvil ends too
Devnet.attach: finds a running devnet by its home; says when there is none
Controls
├── advance, advance_to: time passes, never back
├── reorg: what was in the newest blocks never happened
├── snapshot, revert: back to what was; a strange snapshot is refused
└── seconds_of: durations as people write them
Faucet.fund: adds gas, dollars and EMP
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.chain.deploy_check import verify
from backend.cli.devnet.accounts import ROLES, devnet_accounts
from backend.cli.devnet.anvil import anvil_program
from backend.cli.devnet.controls import seconds_of
from backend.cli.devnet.faucet import Gift
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.ports import LOOPBACK, free_port, is_free
from backend.core.errors import MalformedRequest, NodeUnreachable, SettingsError

pytestmark = [pytest.mark.devnet, pytest.mark.integration]

STRANGER = b"\7" * 20
HOLDER = """
import asyncio, pathlib, sys
from backend.cli.devnet.network import Devnet

async def hold():
    async with Devnet.start(pathlib.Path(sys.argv[1]), port=0) as devnet:
        print(devnet.rpc_url, flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


@pytest.fixture
async def devnet(tmp_path: Path) -> AsyncIterator[Devnet]:
    async with Devnet.start(tmp_path, port=0) as devnet, devnet.controls.instant_mining():
        yield devnet


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def ended(port: int) -> bool:
    """Whether the port is free within ten seconds."""
    for _ in range(200):
        if is_free(port):
            return True
        time.sleep(0.05)
    return False


class TestStart:
    async def test_steps_over_a_taken_port_and_says_so(self, tmp_path: Path) -> None:
        said: list[str] = []
        with socket.socket() as taken:
            taken.bind((LOOPBACK, 0))
            taken.listen()
            port = taken.getsockname()[1]
            async with Devnet.start(tmp_path, port=port, say=said.append) as devnet:
                assert port_of(devnet.rpc_url) > port
        assert said == [f"port {port} is taken; the chain is at port {port_of(devnet.rpc_url)}"]

    async def test_two_run_side_by_side(self, devnet: Devnet, tmp_path: Path) -> None:
        async with Devnet.start(tmp_path / "second", port=port_of(devnet.rpc_url)) as second:
            assert second.rpc_url != devnet.rpc_url
            assert second.deployment.genesis_hash.startswith("0x")

    async def test_deploys_and_pays_for_gas(self, devnet: Devnet) -> None:
        await verify(devnet.client, devnet.deployment)
        assert set(devnet.accounts) == set(ROLES)
        for key in devnet.accounts.values():
            assert await devnet.client.balance(key.address) > 10**21
        assert devnet.fresh

    async def test_mines_by_interval(self, tmp_path: Path) -> None:
        async with Devnet.start(tmp_path, port=0, block_time=1) as devnet:
            before = await devnet.client.block_number()
            await asyncio.sleep(2.5)
            assert await devnet.client.block_number() - before in (1, 2, 3)

    async def test_goes_on_with_kept_state(self, tmp_path: Path) -> None:
        async with Devnet.start(tmp_path, port=0, keep_state=True) as first:
            await first.faucet.fund(STRANGER, Gift(gas=5, dollars=7, emp=9))
            head = await first.client.block_number()
        async with Devnet.start(tmp_path, port=0, keep_state=True) as second:
            assert second.deployment == first.deployment
            assert not second.fresh
            assert await second.client.block_number() >= head
            assert await second.contracts.dollar.balance(STRANGER) == 7

    async def test_forgets_without(self, tmp_path: Path) -> None:
        async with Devnet.start(tmp_path, port=0) as first:
            await first.faucet.fund(STRANGER, Gift(gas=5, dollars=7, emp=9))
        async with Devnet.start(tmp_path, port=0) as second:
            assert await second.contracts.dollar.balance(STRANGER) == 0

    async def test_ends_its_process_after_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ZeroDivisionError):
            async with Devnet.start(tmp_path, port=0) as devnet:
                raise ZeroDivisionError
        assert is_free(port_of(devnet.rpc_url))
        with pytest.raises(NodeUnreachable, match="no devnet runs"):
            async with Devnet.attach(tmp_path):
                pass

    @pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
    def test_dies_with_its_parent(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", HOLDER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            url = next(line for line in parent.stdout if line.startswith("http")).strip()
            parent.send_signal(signal.SIGKILL)
        assert ended(port_of(url))


class TestAttach:
    async def test_finds_a_running_devnet(self, devnet: Devnet) -> None:
        async with Devnet.attach(devnet.home) as other:
            assert other.deployment == devnet.deployment
            await other.faucet.fund(STRANGER)
        assert await devnet.contracts.dollar.balance(STRANGER) == Gift().dollars


class TestControls:
    async def test_lets_time_pass(self, devnet: Devnet) -> None:
        before = await devnet.controls.now()
        assert await devnet.controls.advance(86_400) >= before + 86_400

    async def test_refuses_to_go_back_in_time(self, devnet: Devnet) -> None:
        with pytest.raises(MalformedRequest, match="use revert"):
            await devnet.controls.advance(-1)

    async def test_stays_where_it_is_past(self, devnet: Devnet) -> None:
        before = await devnet.client.block_number()
        await devnet.controls.advance_to(int(time.time()) - 86_400)
        assert await devnet.client.block_number() == before

    async def test_takes_the_newest_blocks_back(self, devnet: Devnet) -> None:
        await devnet.faucet.fund(STRANGER, Gift(gas=0, dollars=7, emp=0))
        head = await devnet.client.header("latest")
        assert head is not None
        replaced = await devnet.controls.reorg(1)
        assert await devnet.contracts.dollar.balance(STRANGER) == 0
        assert replaced != head.hash
        assert await devnet.client.block_number() == head.number

    @pytest.mark.parametrize("depth", [0, -1, 10_000])
    async def test_refuses_an_impossible_depth(self, devnet: Devnet, depth: int) -> None:
        with pytest.raises(MalformedRequest, match="outside 1 to"):
            await devnet.controls.reorg(depth)

    async def test_goes_back_to_a_snapshot(self, devnet: Devnet) -> None:
        snapshot = await devnet.controls.snapshot()
        await devnet.faucet.fund(STRANGER)
        await devnet.controls.revert(snapshot)
        assert await devnet.contracts.dollar.balance(STRANGER) == 0
        await devnet.faucet.fund(STRANGER)
        assert await devnet.contracts.dollar.balance(STRANGER) == Gift().dollars

    async def test_refuses_a_strange_snapshot(self, devnet: Devnet) -> None:
        with pytest.raises(MalformedRequest, match="no snapshot 0x77"):
            await devnet.controls.revert("0x77")


class TestSecondsOf:
    @pytest.mark.parametrize(
        ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("12H", 43_200), ("30d", 2_592_000)]
    )
    def test_reads_what_people_write(self, text: str, seconds: int) -> None:
        assert seconds_of(text) == seconds

    @pytest.mark.parametrize("text", ["", "d", "-1d", "1.5h", "3 years"])
    def test_refuses_the_rest(self, text: str) -> None:
        with pytest.raises(MalformedRequest, match="write 90s"):
            seconds_of(text)


class TestFund:
    async def test_adds_to_what_is_there(self, devnet: Devnet) -> None:
        for _ in range(2):
            await devnet.faucet.fund(STRANGER, Gift(gas=5, dollars=7, emp=9))
        assert await devnet.client.balance(STRANGER) == 10
        assert await devnet.contracts.dollar.balance(STRANGER) == 14
        assert await devnet.contracts.emp.balance(STRANGER) == 18


class TestFreePort:
    def test_says_when_none_is_left(self) -> None:
        with pytest.raises(SettingsError, match="name another"):
            free_port(70_000)


class TestAccounts:
    def test_are_the_same_everywhere(self) -> None:
        assert devnet_accounts()["buyer"].address == devnet_accounts()["buyer"].address
        assert len({key.address for key in devnet_accounts().values()}) == len(ROLES)


class TestAnvilProgram:
    def test_is_the_binary_itself(self) -> None:
        assert anvil_program().read_bytes()[:2] != b"#!"
