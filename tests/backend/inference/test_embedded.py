"""The embedded engine, with the real model.

EmbeddedEngine
  start
    when the model file is missing -> refuses with the path and the way out
    when it is there -> answers chat, completions, embeddings and streams
    when asked without its key -> refuses
  answers
    at temperature 0, eight at once -> the same as eight alone
  supervision
    when the process is killed -> starts again and answers
    when stopped -> the process is gone
    when the parent dies -> the process ends too
  count_tokens -> the model's own count
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from backend.core.errors import UpstreamUnavailable
from backend.inference.embedded import EmbeddedEngine, shipped_parameters
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY

pytestmark = [pytest.mark.model, pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
TOPICS = ["fish", "birds", "rain", "gold", "salt", "snow", "ships", "kings"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[EmbeddedEngine]:
    async with HttpClient(LOOPBACK_ONLY) as http:
        engine = EmbeddedEngine(http, shipped_parameters())
        await engine.start()
        yield engine
        await engine.stop()


async def post(engine: EmbeddedEngine, path: str, body: dict[str, Any]) -> Any:
    url = engine.target.url(path)
    data = json.dumps({"model": "smollm2-135m", **body}).encode()
    reply = await engine.http.send("POST", url, headers=engine.headers, body=data, repeatable=True)
    answer = await reply.read(1_000_000)
    reply.close()
    assert reply.status == 200, answer
    return answer if body.get("stream") else json.loads(answer)


async def told(engine: EmbeddedEngine, topic: str) -> str:
    chat = {"messages": [{"role": "user", "content": f"Tell me a story about {topic}."}]}
    reply = await post(engine, "/v1/chat/completions", {**chat, "temperature": 0, "max_tokens": 32})
    return str(reply["choices"][0]["message"]["content"])


class TestStart:
    async def test_missing_model_file(self) -> None:
        async with HttpClient(LOOPBACK_ONLY) as http:
            engine = EmbeddedEngine(http, replace(shipped_parameters(), model_path="/nowhere/model.gguf"))
            with pytest.raises(UpstreamUnavailable, match=r"/nowhere/model\.gguf is missing: install"):
                await engine.start()
            with pytest.raises(UpstreamUnavailable):
                _ = engine.target
            await engine.stop()

    async def test_without_its_key(self, engine: EmbeddedEngine) -> None:
        url = engine.target.url("/v1/chat/completions")
        async with engine.http.stream("POST", url, body=b"{}") as reply:
            assert reply.status == 401

    async def test_chat_with_usage(self, engine: EmbeddedEngine) -> None:
        chat = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
        reply = await post(engine, "/v1/chat/completions", chat)
        assert reply["model"] == "smollm2-135m"
        assert 0 < reply["usage"]["completion_tokens"] <= 8

    async def test_completion(self, engine: EmbeddedEngine) -> None:
        reply = await post(engine, "/v1/completions", {"prompt": "Once upon a time", "max_tokens": 4})
        assert reply["usage"]["completion_tokens"] == 4

    async def test_embeddings_from_the_same_process(self, engine: EmbeddedEngine) -> None:
        reply = await post(engine, "/v1/embeddings", {"input": ["hello", "world"]})
        assert [len(row["embedding"]) for row in reply["data"]] == [576, 576]

    async def test_stream_ends_with_usage_and_done(self, engine: EmbeddedEngine) -> None:
        chat = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
        options = {"stream": True, "stream_options": {"include_usage": True}}
        events = (await post(engine, "/v1/chat/completions", chat | options)).split(b"\n\n")
        assert events[-2:] == [b"data: [DONE]", b""]
        assert json.loads(events[-3][6:])["usage"]["completion_tokens"] == 4


class TestAnswers:
    async def test_eight_at_once_equal_eight_alone(self, engine: EmbeddedEngine) -> None:
        alone = [await told(engine, topic) for topic in TOPICS]
        at_once = await asyncio.gather(*(told(engine, topic) for topic in TOPICS))
        assert at_once == alone

    async def test_nobody_learns_what_another_asked(self, engine: EmbeddedEngine) -> None:
        chat = {
            "messages": [{"role": "user", "content": "My secret is a long one: 271828."}],
            "max_tokens": 1,
        }
        for _ in range(6):
            usage = (await post(engine, "/v1/chat/completions", chat))["usage"]
            assert usage["prompt_tokens_details"]["cached_tokens"] == 0


class TestSupervision:
    async def test_killed_process_starts_again(self, engine: EmbeddedEngine) -> None:
        pid = engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(30):
            while engine.restarts == 0:
                await asyncio.sleep(0.05)
        assert engine.pid != pid
        assert await engine.healthy()
        assert await told(engine, "rain")

    async def test_stopped_process_is_gone(self) -> None:
        async with HttpClient(LOOPBACK_ONLY) as http:
            engine = EmbeddedEngine(http, shipped_parameters(slots=1))
            await engine.start()
            pid = engine.pid
            assert pid is not None
            await engine.stop()
            assert not Path(f"/proc/{pid}").exists()
            assert not await engine.healthy()

    async def test_dies_with_its_parent(self) -> None:
        code = (
            "import asyncio\n"
            "from backend.core.logs import configure_logs\n"
            "from backend.inference.embedded import EmbeddedEngine, shipped_parameters\n"
            "from backend.net.client import HttpClient\n"
            "from backend.net.guard import LOOPBACK_ONLY\n"
            "async def main():\n"
            "    async with HttpClient(LOOPBACK_ONLY) as http:\n"
            "        engine = EmbeddedEngine(http, shipped_parameters(slots=1))\n"
            "        await engine.start()\n"
            "        print(engine.pid, flush=True)\n"
            "        await asyncio.sleep(60)\n"
            "configure_logs()\n"
            "asyncio.run(main())\n"
        )
        parent = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with parent:
            assert parent.stdout is not None
            pid = int(await asyncio.to_thread(parent.stdout.readline))
            parent.kill()
        deadline = time.monotonic() + 5
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        assert not Path(f"/proc/{pid}").exists()


class TestCountTokens:
    async def test_counts_as_the_model_does(self, engine: EmbeddedEngine) -> None:
        assert await engine.count_tokens("hello world") == 2
        assert await engine.count_tokens("") == 0
