"""The examples against one devnet, each started as its docstring says.

buy_and_ask.py
    buys, asks, prints an answer
agent.py
    buys, calls the model with tools, pays for what it used, finds its receipts right
langchain/agent.py
    answers from its own environment with a base URL and a key; each turn has a receipt, paid from the tab
    uses a tool the model asks for, and tells the model what it gave
webhook_receiver.py
    is told of a purchase; refuses a message that is not signed, or was received before
docs/client.md
    its pieces, one after the other, are a program that runs
typescript
    passes the compiler; buys by permit, asks, leaves credits in its tab
"""

import asyncio
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web

from backend.cli.demo.world import Person, World
from backend.cli.devnet.faucet import Gift
from backend.cli.devnet.ports import free_port
from backend.client import EMP, AsyncEmporion, NewPlan, NewService, RateCard, Wallet
from backend.core.units import MICRO, Then
from backend.signing.webhooks import make_secret, sign
from scripts.toolchain import find_npm
from tests.backend.gateway.model_server import ModelServer, usage
from tests.e2e.stage import published

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(400),
    pytest.mark.devnet,
    pytest.mark.integration,
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dapp(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[asyncio.Task[Path]]:
    """The TypeScript example, being installed and compiled in a copy while the others run."""
    building = asyncio.create_task(built(tmp_path_factory.mktemp("dapp") / "typescript"))
    yield building
    building.cancel()
    await asyncio.gather(building, return_exceptions=True)


async def built(home: Path) -> Path:
    left_out = shutil.ignore_patterns("node_modules", "build")
    await asyncio.to_thread(shutil.copytree, EXAMPLES / "typescript", home, ignore=left_out)
    npm = find_npm()
    await printed(npm, "ci", "--prefer-offline", "--loglevel=error", env={}, cwd=home)
    await printed(npm, "run", "--silent", "build", env={}, cwd=home)
    return home


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, dapp: asyncio.Task[Path]) -> AsyncIterator[World]:
    async with published(tmp_path_factory.mktemp("examples")) as cast:
        yield cast


async def places(stage: World, home: Path, emp: int = 0) -> dict[str, str]:
    """The environment of an example: gateway, node, and the key file of a funded wallet."""
    secret = secrets.token_bytes(32)
    await stage.devnet.faucet.fund(Wallet(secret).address, Gift(dollars=50 * 10**6, emp=emp))
    key_file = home / "key"
    key_file.write_text(secret.hex())
    node = stage.devnet.rpc_url
    return {"GATEWAY": stage.services.url, "NODE": node, "NODE_URL": node, "KEY_FILE": str(key_file)}


async def printed(*command: str, env: dict[str, str], cwd: Path | None = None) -> str:
    """What a program prints; it must end with status 0."""
    process = await asyncio.create_subprocess_exec(
        *command, env=dict(os.environ) | env, cwd=cwd, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()
    return told.decode()


async def paid(stage: World, env: dict[str, str]) -> int:
    """Dollars (base units) that the wallet of an example has spent."""
    wallet = Wallet.from_file(Path(env["KEY_FILE"]))
    return 50 * 10**6 - await stage.devnet.contracts.currency(0).balance(wallet.address)


class TestPython:
    async def test_ten_lines_buy_and_ask(self, stage: World, tmp_path: Path) -> None:
        env = await places(stage, tmp_path)
        assert (await printed(sys.executable, str(EXAMPLES / "buy_and_ask.py"), env=env)).strip()
        assert await paid(stage, env) == 100 * 10_000

    async def test_agent_pays_and_checks_its_receipts(self, stage: World, tmp_path: Path) -> None:
        env = await places(stage, tmp_path)
        told = await printed(sys.executable, str(EXAMPLES / "agent.py"), env=env)
        summary = json.loads(told.splitlines()[-1])
        assert 1 <= summary["calls"] <= 3
        assert summary["micro_credits"] > 100_000 * summary["calls"]
        assert summary["wrong_receipts"] == 0
        assert await paid(stage, env) == 50 * 10_000


async def tool_first(server: ModelServer, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """As a model that wants a sum, and tells it once a tool gave it."""
    given = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    wanted = {"name": "add", "arguments": '{"first": 2, "second": 40}'}
    call = {"id": "call_1", "type": "function", "function": wanted}
    message: dict[str, Any] = {"role": "assistant", "content": f"It is {given[-1]}." if given else None}
    message |= {} if given else {"tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "stop" if given else "tool_calls"}
    whole = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return web.json_response({**whole, "usage": usage()})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def langchain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of the LangChain example's own environment."""
    home = tmp_path_factory.mktemp("langchain") / "env"
    uv, lock = str(Path(sys.executable).with_name("uv")), str(EXAMPLES / "langchain" / "requirements.lock")
    await printed(uv, "venv", "--quiet", "--python", sys.executable, str(home), env={})
    python = str(home / "bin" / "python")
    await printed(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, lock, env={})
    return python


class TestLangChain:
    async def test_agent_answers_by_key_alone(self, stage: World, langchain: str) -> None:
        owner = await self.owner(stage, stage.plans["Credits"])
        answer, summary = await self.asks(stage, langchain, owner, stage.model)
        assert answer
        receipts = await self.receipts(owner, summary)
        assert receipts[-1]["units_in"] + receipts[-1]["units_out"] == summary["tokens"]
        left = await owner.gateway.ask("GET", f"/v1/credits/{stage.plans['Credits']}")
        spent = sum(int(one["micro_credits"]) for one in receipts)
        assert spent > 100_000
        assert int(left["available_micro_credits"]) == 50 * MICRO - spent

    async def test_agent_uses_a_tool_between_two_paid_turns(self, stage: World, langchain: str) -> None:
        server = ModelServer()
        server.behaviour = tool_first
        runner = await server.start()
        wallet = Wallet.create()
        await stage.devnet.faucet.fund(wallet.address, Gift(dollars=0, emp=1_000 * EMP))
        place = (stage.services.url, stage.devnet.rpc_url, wallet)
        async with AsyncEmporion(*place) as provider:
            plans = [NewPlan("metered", 10_000, card=RateCard(100_000, 1_000, 1_000))]
            upstream = {"kind": "openai", "url": server.url, "model": "m"}
            service = await provider.publish(NewService("Adder", "adder", plans, upstream=upstream))
        owner = await self.owner(stage, service.plan("metered").id)
        answer, summary = await self.asks(stage, langchain, owner, service.model)
        await runner.cleanup()
        assert (answer, summary["tools"]) == ("It is 42.0.", 1)
        assert [one["type"] for one in server.asked[0]["tools"]] == ["function", "function"]
        receipts = await self.receipts(owner, summary)
        assert [int(one["micro_credits"]) > 100_000 for one in receipts] == [True, True]

    async def owner(self, stage: World, plan_id: int) -> Person:
        """Somebody with fifty credits deposited, and a key."""
        owner = await stage.meet("owner of an agent", Gift(dollars=10**6, emp=0))
        await owner.trader.buy(plan_id, 50, Then.DEPOSIT)
        await owner.sign_in()
        return owner

    async def asks(self, stage: World, python: str, owner: Person, model: str) -> tuple[str, dict[str, Any]]:
        """What the agent answers, and what it says of its turns."""
        env = {"EMPORION_URL": stage.services.url, "EMPORION_KEY": owner.api_key, "EMPORION_MODEL": model}
        told = await printed(python, str(EXAMPLES / "langchain" / "agent.py"), env=env)
        return told.strip().splitlines()[0], json.loads(told.splitlines()[-1])

    async def receipts(self, owner: Person, summary: dict[str, Any]) -> list[dict[str, Any]]:
        return [await owner.gateway.ask("GET", f"/v1/receipts/{one}") for one in summary["requests"]]


class TestGuide:
    async def test_runs_from_top_to_bottom(self, stage: World, tmp_path: Path) -> None:
        program = tmp_path / "guide.py"
        text = (EXAMPLES.parent / "docs" / "client.md").read_text()
        program.write_text("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)))
        told = await printed(sys.executable, str(program), env=await places(stage, tmp_path, 2_000 * EMP))
        assert "404 not_found" in told
        assert "['pass', 'metered']" in told
        assert " false " not in told


class TestWebhooks:
    async def test_receiver_is_told_of_a_purchase_once(self, stage: World, tmp_path: Path) -> None:
        env = await places(stage, tmp_path)
        port = free_port(0)
        url = f"http://127.0.0.1:{port}/"
        wallet = Wallet.from_file(Path(env["KEY_FILE"]))
        async with AsyncEmporion(env["GATEWAY"], env["NODE"], wallet) as market:
            _, secret = await market.add_webhook(url, finality="instant", account=market.address)
            async with receiving({"SECRET": secret, "PORT": str(port)}) as lines:
                await market.buy((await market.service(stage.service_id)).plan("pass"))
                told = [json.loads(await anext(lines))["data"]["event"]]
                while "Bought" not in told:
                    told.append(json.loads(await anext(lines))["data"]["event"])
                body, now = b'{"event": "Bought"}', int(time.time())
                stamp = {"webhook-id": "m1", "webhook-timestamp": str(now)}
                headers = {**stamp, "webhook-signature": sign(secret, "m1", now, body)}
                forged = {**stamp, "webhook-signature": sign(make_secret(), "m1", now, body)}
                async with httpx.AsyncClient() as http:
                    replies = [
                        await http.post(url, content=body, headers=one) for one in (forged, headers, headers)
                    ]
                assert [reply.status_code for reply in replies] == [400, 204, 400]


@asynccontextmanager
async def receiving(env: dict[str, str]) -> AsyncIterator[AsyncIterator[str]]:
    """A running receiver; the lines it prints after the first."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / "webhook_receiver.py"),
        env=dict(os.environ) | env,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    out = process.stdout
    assert (await out.readline()).startswith(b"listening")

    async def lines() -> AsyncIterator[str]:
        while line := await out.readline():
            yield line.decode()

    try:
        yield lines()
    finally:
        process.terminate()
        await process.wait()


class TestTypeScript:
    async def test_wallet_buys_and_asks(self, stage: World, dapp: asyncio.Task[Path], tmp_path: Path) -> None:
        env = await places(stage, tmp_path)
        told = await printed(find_npm(), "run", "--silent", "start", env=env, cwd=await dapp)
        assert told.startswith("bought 100 credits of SmolLM2")
        assert told.endswith(" credits are in the tab\n")
        assert await paid(stage, env) == 100 * 10_000
