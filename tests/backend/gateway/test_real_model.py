"""The embedded model behind the gateway: real inference, real counts, real receipts.

├── it should complete, stream and embed, and charge what the model counted
├── eight at once should all be answered
└── a receipt should be run again
    given its own answer, whole or streamed: same
    given a tampered answer: different
    given the fingerprint of another processor, or no metadata: not comparable
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest

from backend.cli.receipt_commands import rerun_here
from backend.core.units import Hash32, keccak
from backend.inference.embedded import EmbeddedEngine, shipped_parameters
from backend.inference.fingerprint import EngineFingerprint
from backend.inference.model_file import shipped_model
from backend.inference.rerun import Comparison
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from tests.backend.gateway.conftest import DOCUMENT, MODEL, House, bearer

pytestmark = [pytest.mark.model, pytest.mark.integration]


@pytest.fixture
async def engine() -> AsyncIterator[EmbeddedEngine]:
    if shipped_model() is None:
        pytest.skip("the embedded model is not installed (requirements-model.lock)")
    async with HttpClient(LOOPBACK_ONLY) as http:
        running = EmbeddedEngine(http, shipped_parameters(slots=2))
        await running.start()
        yield running
        await running.stop()


def registered(content_hash: Hash32) -> Any:
    """A chain on which every service has this metadata."""

    async def service(_service_id: int) -> SimpleNamespace:
        return SimpleNamespace(content_hash=content_hash)

    return SimpleNamespace(contracts=SimpleNamespace(registry=SimpleNamespace(service=service)))


async def deterministic(house: House) -> Any:
    """The chain after the service declared itself deterministic; the gateway has the metadata."""
    data = orjson.dumps({**DOCUMENT, "model": {**DOCUMENT["model"], "deterministic": True}})
    await house.services.metadata.put(keccak(data), data)
    return registered(keccak(data))


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

    async def test_runs_receipts_again(self, house: House, paid_key: str) -> None:
        found = await deterministic(house)

        async def finding(reply: httpx.Response, answer: bytes, **changed: str) -> str:
            url = f"/v1/receipts/{reply.headers['x-request-id']}"
            receipt = (await house.http.get(url, headers=bearer(paid_key))).json() | changed
            files = (reply.request.content, answer)
            compared = await rerun_here(house.settings, found, house.url, receipt, files)
            return f"{compared.finding.value}: {compared.told}"

        streamed = await house.chat(paid_key, temperature=0, stream=True)
        assert (await finding(streamed, streamed.content)).startswith("same")
        whole = await house.chat(paid_key, temperature=0)
        assert (await finding(whole, whole.content)).startswith("same")
        said = json.dumps(whole.json()["choices"][0]["message"]["content"])[1:-1].encode()
        tampered = whole.content.replace(said, b"No. " + said)
        assert tampered != whole.content
        assert (await finding(whole, tampered)).startswith("different")
        url = f"/v1/receipts/{whole.headers['x-request-id']}"
        receipt = (await house.http.get(url, headers=bearer(paid_key))).json()
        mark = EngineFingerprint.parse(receipt["engine_fingerprint"])
        elsewhere = replace(mark, cpu_features=("NEON",)).text()
        told = await finding(whole, whole.content, engine_fingerprint=elsewhere)
        assert told == "not comparable: the engine on this machine differs: processor's features"

    async def test_reruns_nothing_without_the_metadata(self, house: House) -> None:
        found = registered(keccak(b"never stored"))
        told = await rerun_here(house.settings, found, house.url, {"service_id": 7}, (b"", b""))
        assert told.finding is Comparison.NOT_COMPARABLE
        assert "metadata cannot be had: the gateway answered 404" in told.told

    async def test_answers_eight_at_once(self, house: House, paid_key: str) -> None:
        replies = await asyncio.gather(*(house.chat(paid_key, temperature=0, max_tokens=4) for _ in range(8)))
        assert {reply.status_code for reply in replies} == {200}
        assert len({reply.json()["choices"][0]["message"]["content"] for reply in replies}) == 1
