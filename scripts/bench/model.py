"""The embedded model: how soon it is ready, and how fast it answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

from backend.inference.embedded import EmbeddedEngine, shipped_parameters
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from scripts.bench.figures import Measure

TOKENS = 32
ANSWERS = 8


async def measure(_home: Path) -> AsyncIterator[Measure]:
    """Start, then answers of 32 tokens, one at a time and four. CPU time is the caller's alone."""
    async with HttpClient(LOOPBACK_ONLY) as http:
        engine = EmbeddedEngine(http, shipped_parameters())
        ready = Measure("model: from start to ready")
        with ready.running(), ready.one():
            await engine.start()
        yield ready
        try:
            for callers in (1, 4):
                yield await answers(engine, callers)
        finally:
            await engine.stop()


async def answers(engine: EmbeddedEngine, callers: int) -> Measure:
    """Answers by so many callers at once."""
    found = Measure(f"model: answer of {TOKENS} tokens, {callers} at once")

    async def ask(number: int) -> None:
        body = {"messages": [{"role": "user", "content": f"Count up from {number}."}], "max_tokens": TOKENS}
        data = json.dumps({"model": "smollm2-135m", "temperature": 0, **body}).encode()
        url = engine.target.url("/v1/chat/completions")
        async with engine.http.stream("POST", url, headers=engine.headers, body=data) as reply:
            await reply.read(1_000_000)

    async def share(caller: int) -> None:
        for number in range(ANSWERS // callers):
            with found.one():
                await ask(caller * ANSWERS + number)

    with found.running():
        await asyncio.gather(*(share(caller) for caller in range(callers)))
    return found
