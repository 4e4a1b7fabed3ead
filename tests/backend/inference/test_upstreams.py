"""Upstreams against real servers: the embedded engine, the same as an OpenAI-compatible server, plain HTTP.

EmbeddedUpstream, OpenAiUpstream (same questions, same answers)
  chat, completion, embedding -> answered with usage
  stream -> through router and scanner, bytes as sent, usage read
  when the prompt is too long -> context length exceeded
  when a field is wrong -> malformed, the server's words masked
  when the caller leaves -> the slot is free again within a second
OpenAiUpstream
  when the secret is wrong -> upstream error
  when nothing listens -> not healthy
PlainUpstream
  -> the endpoint itself is asked, with the secret and nothing of the caller's
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from backend.core.clock import SystemClock
from backend.core.errors import AddressBlocked, ContextLengthExceeded, MalformedRequest, UpstreamError
from backend.inference.embedded import EmbeddedEngine, shipped_parameters
from backend.inference.operations import Operation
from backend.inference.prepare import Limits, Prepared, prepare, read_call
from backend.inference.router import Answer, Member, Router
from backend.inference.stream import StreamScanner
from backend.inference.upstream import Upstream
from backend.inference.upstreams import EmbeddedUpstream, OpenAiUpstream, PlainUpstream
from backend.inference.usage import usage_of
from backend.net.client import HttpClient, Timeouts
from backend.net.guard import LOOPBACK_ONLY

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]
CHAT: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Say hello."}],
    "max_tokens": 8,
    "temperature": 0,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[EmbeddedEngine]:
    async with HttpClient(LOOPBACK_ONLY) as http:
        engine = EmbeddedEngine(http, replace(shipped_parameters(slots=2), context_tokens=512))
        await engine.start()
        yield engine
        await engine.stop()


def compatible(engine: EmbeddedEngine, secret: str | None = None) -> OpenAiUpstream:
    secret = secret or engine.headers["Authorization"].removeprefix("Bearer ")
    base = engine.ready.url + "/v1"
    return OpenAiUpstream("up_2", engine.model, engine.http, base, secret, Timeouts())


@pytest.fixture(params=["embedded", "openai"])
def upstream(request: pytest.FixtureRequest, engine: EmbeddedEngine) -> Upstream:
    return EmbeddedUpstream("up_1", engine) if request.param == "embedded" else compatible(engine)


def ready(operation: Operation = Operation.CHAT, **fields: Any) -> Prepared:
    return prepare(read_call(operation, json.dumps({"model": "1/1", **fields}).encode()), Limits(context=512))


async def answered(upstream: Upstream, prepared: Prepared) -> Answer:
    return await Router(SystemClock()).open(
        [Member(upstream)],
        prepared.operation.value,
        prepared.body_for,
        stream=prepared.stream,
        request_id="req_1",
    )


class TestBoth:
    @pytest.mark.parametrize(
        "prepared",
        [
            ready(**CHAT),
            ready(Operation.COMPLETION, prompt="Once", max_tokens=4),
            ready(Operation.EMBEDDING, input="Once"),
        ],
        ids=["chat", "completion", "embedding"],
    )
    async def test_plain_answer_stays_within_its_bound(self, upstream: Upstream, prepared: Prepared) -> None:
        answer = await answered(upstream, prepared)
        usage = usage_of(json.loads(await answer.read(1_000_000)))
        answer.close()
        assert usage is not None
        assert usage.units_in > 0
        assert usage.within(prepared.worst) == usage

    async def test_several_answers_stay_within_their_bound(self, upstream: Upstream) -> None:
        prepared = ready(**CHAT, n=2)
        usage = usage_of(json.loads(await (await answered(upstream, prepared)).read(1_000_000)))
        assert usage is not None
        assert usage.within(prepared.worst) == usage

    async def test_stream(self, upstream: Upstream, engine: EmbeddedEngine) -> None:
        prepared = ready(**CHAT, stream=True)
        answer = await answered(upstream, prepared)
        scanner = StreamScanner(keep_usage=prepared.wants_usage)
        passed = b"".join([scanner.feed(chunk) async for chunk in answer.chunks()])
        assert scanner.complete
        assert scanner.usage is not None
        assert scanner.tail == b"data: [DONE]\n\n"
        assert b'"choices":[]' not in passed
        counted = await engine.count_tokens(scanner.delivered_text())
        assert abs(counted - scanner.usage.units_out) <= 1

    @pytest.mark.parametrize("stream", [False, True])
    async def test_prompt_too_long(self, upstream: Upstream, stream: bool) -> None:
        messages = [{"role": "user", "content": "long " * 2_000}]
        with pytest.raises(ContextLengthExceeded):
            await answered(upstream, ready(messages=messages, stream=stream))

    async def test_input_too_long(self, upstream: Upstream) -> None:
        with pytest.raises(ContextLengthExceeded):
            await answered(upstream, ready(Operation.EMBEDDING, input="long " * 2_000))

    async def test_wrong_field(self, upstream: Upstream) -> None:
        with pytest.raises(MalformedRequest, match="refused the request's fields"):
            await answered(upstream, ready(**CHAT, grammar="not a grammar ::= ("))

    async def test_caller_who_leaves_frees_the_slot(self, upstream: Upstream) -> None:
        answer = await answered(upstream, ready(**(CHAT | {"max_tokens": 400}), stream=True, ignore_eos=True))
        await anext(answer.chunks())
        answer.close()
        started = time.monotonic()
        await (await answered(upstream, ready(**(CHAT | {"max_tokens": 1})))).read(100_000)
        assert time.monotonic() - started < 3

    async def test_healthy(self, upstream: Upstream) -> None:
        assert await upstream.healthy()

    async def test_unlisted_path(self, upstream: Upstream) -> None:
        with pytest.raises(AddressBlocked):
            await upstream.request("/slots", b"{}", stream=False, request_id="req_1")


class TestOpenAiUpstream:
    async def test_wrong_secret(self, engine: EmbeddedEngine) -> None:
        with pytest.raises(UpstreamError):
            await answered(compatible(engine, "wrong"), ready(**CHAT))

    async def test_nothing_listens(self, engine: EmbeddedEngine) -> None:
        gone = OpenAiUpstream("up_3", "m", engine.http, "http://127.0.0.1:9/v1", None, Timeouts())
        assert not await gone.healthy()


class TestPlainUpstream:
    async def test_asks_the_endpoint_itself(self) -> None:
        seen: list[web.Request] = []

        async def endpoint(request: web.Request) -> web.Response:
            seen.append(request)
            return web.Response(body=await request.read())

        app = web.Application()
        app.router.add_post("/models/score", endpoint)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/models/score"
        async with HttpClient(LOOPBACK_ONLY) as http:
            plain = PlainUpstream("up_4", http, url, "sk-1", Timeouts())
            reply = await plain.request("/v1/services/1/invoke", b'{"a":1}', stream=False, request_id="req_9")
            assert b"".join([chunk async for chunk in reply.chunks()]) == b'{"a":1}'
            reply.close()
        await asyncio.shield(runner.cleanup())
        assert seen[0].headers["Authorization"] == "Bearer sk-1"
        assert seen[0].headers["X-Request-Id"] == "req_9"
