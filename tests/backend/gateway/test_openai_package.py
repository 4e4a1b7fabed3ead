"""The `openai` package, unchanged, against the gateway.

├── it should complete, stream, embed and list models
├── it should respond, whole and streamed, and charge what the upstream counted
├── when the wallet has no access, it should raise its own status error with our code
└── when the upstream breaks off, it should raise, not end as if all were well
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from aiohttp import web
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionUserMessageParam

from tests.backend.gateway import model_server
from tests.backend.gateway.conftest import MODEL, House
from tests.backend.gateway.model_server import ModelServer

HI: ChatCompletionUserMessageParam = {"role": "user", "content": "Hi"}

RESPONDED = 11 * 10 + 5 * 30
"""Of the usage below, by the plan's rates."""


def response(status: str, words: str) -> dict[str, Any]:
    said = {"type": "output_text", "text": words, "annotations": []}
    message = {"type": "message", "id": "m1", "role": "assistant", "status": status, "content": [said]}
    counted = {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}
    return {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": status,
        "output": [message],
        "usage": counted if status == "completed" else None,
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
    }


async def respond(_: ModelServer, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """As a server of OpenAI's newer route does: events by name, and no `[DONE]` after the last."""
    assert request.path == "/v1/responses"
    if not body.get("stream"):
        return web.json_response(response("completed", "Once upon"))
    reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await reply.prepare(request)
    events: list[dict[str, Any]] = [{"type": "response.created", "response": response("in_progress", "")}]
    for word in ("Once", " upon"):
        delta = {"item_id": "m1", "output_index": 0, "content_index": 0, "delta": word, "logprobs": []}
        events.append({"type": "response.output_text.delta", **delta})
    events.append({"type": "response.completed", "response": response("completed", "Once upon")})
    for number, event in enumerate(events):
        said = json.dumps({**event, "sequence_number": number})
        await reply.write(f"event: {event['type']}\ndata: {said}\n\n".encode())
    return reply


@pytest.fixture
async def client(house: House, paid_key: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{house.url}/v1", api_key=paid_key, max_retries=0) as made:
        yield made


class TestOpenAi:
    async def test_completes(self, client: AsyncOpenAI) -> None:
        raw = await client.chat.completions.with_raw_response.create(
            model=MODEL,
            messages=[HI],
            max_tokens=8,
        )
        reply = raw.parse()
        assert reply.choices[0].message.content == "Once upon a time"
        assert reply.usage is not None
        assert raw.headers["emporion-receipt"]

    async def test_streams(self, client: AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(
            model=MODEL,
            messages=[HI],
            stream=True,
            stream_options={"include_usage": True},
        )
        words, counted = [], None
        async for chunk in stream:
            words += [choice.delta.content or "" for choice in chunk.choices]
            counted = chunk.usage or counted
        assert "".join(words) == "Once upon a time"
        assert counted is not None
        assert counted.completion_tokens == 4

    async def test_embeds(self, client: AsyncOpenAI) -> None:
        reply = await client.embeddings.create(model=MODEL, input="Hi", encoding_format="float")
        assert reply.data[0].embedding == [0.5, 0.25]

    async def test_responds(self, house: House, client: AsyncOpenAI, paid_key: str) -> None:
        house.model.behaviour = respond
        before = await house.credits(paid_key)
        reply = await client.responses.create(model=MODEL, input="Hi", max_output_tokens=8)
        assert reply.output_text == "Once upon"
        assert await house.credits(paid_key) == before - RESPONDED

    async def test_responds_in_a_stream(self, house: House, client: AsyncOpenAI, paid_key: str) -> None:
        house.model.behaviour = respond
        before = await house.credits(paid_key)
        stream = await client.responses.create(model=MODEL, input="Hi", max_output_tokens=8, stream=True)
        events = [event async for event in stream]
        words = [event.delta for event in events if event.type == "response.output_text.delta"]
        assert "".join(words) == "Once upon"
        assert events[-1].type == "response.completed"
        assert await house.credits(paid_key) == before - RESPONDED

    async def test_lists_and_retrieves_models(self, client: AsyncOpenAI) -> None:
        assert [model.id async for model in client.models.list()] == [MODEL]
        assert (await client.models.retrieve(MODEL)).id == MODEL

    async def test_raises_on_402_with_our_code(self, house: House) -> None:
        stranger = await house.key(house.provider)
        async with AsyncOpenAI(base_url=f"{house.url}/v1", api_key=stranger, max_retries=0) as client:
            with pytest.raises(openai.APIStatusError) as caught:
                await client.chat.completions.create(model=MODEL, messages=[HI])
        assert (caught.value.status_code, caught.value.code) == (402, "payment_required")
        assert caught.value.body["details"]["offers"]  # type: ignore[index]

    async def test_raises_when_the_answer_breaks_off(self, house: House, client: AsyncOpenAI) -> None:
        house.model.behaviour = model_server.break_off
        stream = await client.chat.completions.create(model=MODEL, messages=[HI], stream=True)
        with pytest.raises(openai.APIError, match="broke off"):
            await read_all(stream)


async def read_all(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass
