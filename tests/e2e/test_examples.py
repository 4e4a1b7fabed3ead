"""The examples against one devnet, each started as its docstring says.

buy_and_ask.py
    buys, asks, prints an answer
"""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from backend.cli.demo.world import World
from backend.cli.devnet.faucet import Gift
from backend.client import Wallet
from tests.e2e.stage import published

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240), pytest.mark.devnet]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with published(tmp_path_factory.mktemp("examples")) as cast:
        yield cast


async def places(stage: World, home: Path) -> dict[str, str]:
    """The environment of an example: gateway, node, and the key file of a funded wallet."""
    secret = secrets.token_bytes(32)
    await stage.devnet.faucet.fund(Wallet(secret).address, Gift(dollars=50 * 10**6, emp=0))
    key_file = home / "key"
    key_file.write_text(secret.hex())
    return {"GATEWAY": stage.services.url, "NODE": stage.devnet.rpc_url, "KEY_FILE": str(key_file)}


async def printed(*command: str, env: dict[str, str]) -> str:
    """What a program prints; it must end with status 0."""
    process = await asyncio.create_subprocess_exec(
        *command, env=dict(os.environ) | env, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return told.decode()


async def test_ten_lines_buy_and_ask(stage: World, tmp_path: Path) -> None:
    env = await places(stage, tmp_path)
    assert (await printed(sys.executable, str(EXAMPLES / "buy_and_ask.py"), env=env)).strip()
