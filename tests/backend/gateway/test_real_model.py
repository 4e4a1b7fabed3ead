"""The embedded model behind the gateway: real inference, real counts, real receipts.

├── it should complete, stream and embed, and charge what the model counted
└── eight at once should all be answered
"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from backend.inference.embedded import EmbeddedEngine, shipped_parameters
from backend.inference.model_file import shipped_model
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from tests.backend.gateway.conftest import MODEL, House, bearer

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture
async def engine() -> AsyncIterator[EmbeddedEngine]:
    if shipped_model() is None:
        pytest.skip("the embedded model is not installed (requirements-model.lock)")
    async with HttpClient(LOOPBACK_ONLY) as http:
        running = EmbeddedEngine(http, shipped_parameters(slots=2))
        await running.start()
        yield running
        await running.stop()


class TestRealModel:
    async def test_completes_streams_and_embeds(self, house: House, paid_key: str) -> None:
        before = await house.credits(paid_key)
        whole = await house.chat(paid_key, temperature=0)
        assert whole.status_code == 200, whole.text
        counted = whole.json()["usage"]
        receipt = json.loads(whole.headers["emporion-receipt"])
        charged = counted["prompt_tokens"] * 10 + counted["completion_tokens"] * 30
        assert int(receipt["micro_credits"]) == charged
        assert await house.credits(paid_key) == before - charged
        streamed = await house.chat(paid_key, temperature=0, stream=True)
        assert streamed.text.rstrip().endswith("data: [DONE]")
        embedded = await house.http.post(
            "/v1/embeddings", json={"model": MODEL, "input": "Hi"}, headers=bearer(paid_key)
        )
        assert len(embedded.json()["data"][0]["embedding"]) == 576

    async def test_answers_eight_at_once(self, house: House, paid_key: str) -> None:
        replies = await asyncio.gather(*(house.chat(paid_key, temperature=0, max_tokens=4) for _ in range(8)))
        assert {reply.status_code for reply in replies} == {200}
        assert len({reply.json()["choices"][0]["message"]["content"] for reply in replies}) == 1
