"""The `openai` package, unchanged, against the gateway.

├── it should complete, stream, embed and list models
├── when the wallet has no access, it should raise its own status error with our code
└── when the upstream breaks off, it should raise, not end as if all were well
"""

from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionUserMessageParam

from tests.backend.gateway import model_server
from tests.backend.gateway.conftest import MODEL, House

HI: ChatCompletionUserMessageParam = {"role": "user", "content": "Hi"}


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
