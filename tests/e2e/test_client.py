"""The client library against a devnet with everything running.

AsyncEmporion
    finds, buys, calls and verifies; a plan of a kind that is not sold is named
Emporion
    does the same without `await`
examples/buy_and_ask.py
    runs as its docstring says
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
from backend.client import AsyncEmporion, Emporion, GatewayError, Wallet
from backend.core.errors import InsufficientFunds, NotFound
from tests.e2e.stage import published

EXAMPLE = Path(__file__).parents[2] / "examples" / "buy_and_ask.py"
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with published(tmp_path_factory.mktemp("client")) as cast:
        yield cast


async def funded(stage: World) -> Wallet:
    wallet = Wallet.create()
    await stage.devnet.faucet.fund(wallet.address, Gift(dollars=50 * 10**6, emp=0))
    return wallet


class TestClient:
    async def test_buys_calls_and_verifies(self, stage: World) -> None:
        wallet = await funded(stage)
        async with AsyncEmporion(stage.services.url, stage.devnet.rpc_url, wallet) as market:
            service = (await market.search("smollm2"))[0]
            bought = await market.buy(service.plan("metered"), units=100)
            assert bought.cost == 100 * service.plan("metered").unit_price
            async with await market.openai() as client:
                raw = await client.chat.completions.with_raw_response.create(
                    model=service.model, messages=[{"role": "user", "content": "Say yes."}], max_tokens=4
                )
            verdicts = await market.verify_receipt(raw.headers["x-request-id"], answer=raw.content)
            found = {verdict.check for verdict in verdicts if verdict.finding == "true"}
            assert found >= {"digest", "signature", "response", "charge"}

    async def test_poor_wallet_is_told_before_it_signs(self, stage: World) -> None:
        async with AsyncEmporion(stage.services.url, stage.devnet.rpc_url, Wallet.create()) as market:
            service = await market.service(stage.service_id)
            with pytest.raises(InsufficientFunds):
                await market.buy(service.plan("pass"))

    async def test_unknown_service_is_a_404(self, stage: World) -> None:
        async with AsyncEmporion(stage.services.url) as market:
            with pytest.raises(GatewayError, match="404"):
                await market.service(999)

    async def test_kind_that_is_not_sold_is_named(self, stage: World) -> None:
        async with AsyncEmporion(stage.services.url) as market:
            service = await market.service(stage.service_id)
            with pytest.raises(NotFound, match="sells no dataset"):
                service.plan("dataset")

    async def test_works_without_await(self, stage: World) -> None:
        wallet = await funded(stage)

        def ten_lines() -> str:
            with Emporion(stage.services.url, stage.devnet.rpc_url, wallet) as market:
                service = market.search("smollm2")[0]
                market.buy(service.plan("timed"))
                with market.openai() as client:
                    answer = client.chat.completions.create(
                        model=service.model, messages=[{"role": "user", "content": "Hi"}], max_tokens=4
                    )
                return answer.choices[0].message.content or ""

        assert await asyncio.to_thread(ten_lines)


class TestExample:
    async def test_ten_lines_buy_and_ask(self, stage: World, tmp_path: Path) -> None:
        secret = secrets.token_bytes(32)
        wallet = Wallet(secret)
        await stage.devnet.faucet.fund(wallet.address, Gift(dollars=50 * 10**6, emp=0))
        key_file = tmp_path / "key"
        key_file.write_text(secret.hex())
        places = {"GATEWAY": stage.services.url, "NODE": stage.devnet.rpc_url, "KEY_FILE": str(key_file)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(EXAMPLE), env=dict(os.environ) | places, stdout=asyncio.subprocess.PIPE
        )
        told, _ = await process.communicate()
        assert process.returncode == 0
        assert told.strip()
