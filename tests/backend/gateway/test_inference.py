"""The model routes over HTTP.

chat completions
├── given a Pass, it should relay the upstream's bytes and charge nothing
├── given credits, it should charge exactly the rate card and sign a receipt
├── given both, and the credits named by header, it should charge those
├── it should send the upstream its own model name and none of the caller's headers
├── when streamed, it should relay the chunks, then the receipt as a comment, then [DONE]
├── when nothing comes for a while amid a stream, it should send a comment that is no part of the answer
├── when the upstream fails before its first byte, it should answer 502 and charge nothing
├── when the upstream breaks off, it should send one error chunk and charge what was delivered
├── when the client leaves, it should drop the upstream within a second and write one row
└── K credits and 4K calls at once should serve exactly K
"""

import asyncio
import json
import time
from contextlib import suppress
from typing import Any

import httpx
import orjson
import pytest
from aiohttp import web
from sqlalchemy import text

from backend.core.units import MICRO, PlanKind, keccak, to_address
from backend.gateway import metered_app
from backend.gateway.metered_app import KEEP_ALIVE
from tests.backend.gateway import model_server
from tests.backend.gateway.conftest import DOCUMENT, METERED, MODEL, PASS, House, address_of, bearer
from tests.backend.gateway.model_server import ModelServer, chunk, usage
from tests.backend.market import SERVICE, plan, service, tab

COST = 7 * 10 + 4 * 30


async def one_pause(server: ModelServer, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """A stream that is silent once, after its first event."""
    reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await reply.prepare(request)
    first = chunk({"role": "assistant", "content": "Once upon a time"})
    for event in (first, chunk({}, "stop"), {**chunk({}), "choices": [], "usage": usage()}):
        await reply.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        await asyncio.sleep(server.pause if event is first else 0)
    await reply.write(b"data: [DONE]\n\n")
    return reply


class TestWhole:
    async def test_relays_and_charges_nothing_under_a_pass(self, house: House, pass_key: str) -> None:
        reply = await house.chat(pass_key)
        assert reply.status_code == 200, reply.text
        assert reply.json()["choices"][0]["message"]["content"] == "Once upon a time"
        assert reply.headers["emporion-plan"] == str(PASS)
        assert json.loads(reply.headers["emporion-receipt"])["micro_credits"] == "0"
        assert reply.headers["emporion-block"].startswith("2 0x")

    async def test_charges_the_plan_that_was_named(self, house: House, pass_key: str) -> None:
        await house.mine(tab(METERED, 10, address_of(house.buyer)))
        reply = await house.chat(pass_key, {"emporion-plan": str(METERED)})
        assert reply.headers["emporion-plan"] == str(METERED)
        assert await house.credits(pass_key) == 10 * MICRO - COST

    async def test_charges_the_rate_card_exactly(self, house: House, paid_key: str) -> None:
        before = await house.credits(paid_key)
        reply = await house.chat(paid_key)
        receipt = json.loads(reply.headers["emporion-receipt"])
        assert (receipt["micro_credits"], receipt["units_in"], receipt["units_out"]) == (str(COST), 7, 4)
        assert receipt["response_hash"] == "0x" + keccak(reply.content).hex()
        assert receipt["request_hash"] == "0x" + keccak(reply.request.content).hex()
        assert await house.credits(paid_key) == before - COST
        assert reply.headers["emporion-credits-remaining"] == "9.999810"
        stored = await house.http.get(
            f"/v1/receipts/{reply.headers['x-request-id']}", headers=bearer(paid_key)
        )
        assert stored.json() == {**receipt, "engine_fingerprint": "", "voided_micro_credits": None}

    async def test_sends_nothing_of_the_callers_headers(self, house: House, pass_key: str) -> None:
        await house.chat(pass_key, {"x-secret": "mine", "cookie": "a=b"})
        assert house.model.asked[0]["model"] == "inner-name"
        sent = house.model.headers[0]
        assert "x-secret" not in sent
        assert "cookie" not in sent
        assert "authorization" not in sent

    async def test_serves_embeddings_and_completions(self, house: House, paid_key: str) -> None:
        for route, body in (
            ("embeddings", {"input": "Hi"}),
            ("completions", {"prompt": "Hi", "max_tokens": 4}),
        ):
            reply = await house.http.post(
                f"/v1/{route}", json={"model": MODEL, **body}, headers=bearer(paid_key)
            )
            assert reply.status_code == 200, reply.text

    async def test_takes_names_by_slug_and_alias(self, house: House, pass_key: str) -> None:
        for name in (f"{house.provider.address}/little-model", "little"):
            assert (await house.chat(pass_key, model=name)).status_code == 200

    async def test_takes_a_slug_of_two_as_the_older_one(self, house: House, pass_key: str) -> None:
        """A slug is its owner's alone, and stays with the service that had it first."""
        data = orjson.dumps(DOCUMENT)
        squatter = to_address("0x" + "5a" * 20)
        for number, owner in ((2, address_of(house.provider)), (3, squatter)):
            meter = house.services.meter
            await house.mine(service(service_id=number, owner=owner, meter=meter, content_hash=keccak(data)))
        reply = await house.chat(pass_key, model=f"{house.provider.address}/little-model")
        assert reply.status_code == 200
        assert json.loads(reply.headers["emporion-receipt"])["service_id"] == SERVICE


class TestStream:
    async def test_relays_chunks_then_receipt_then_done(self, house: House, paid_key: str) -> None:
        reply = await house.chat(paid_key, stream=True)
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = [event for event in reply.text.split("\n\n") if event]
        assert events[-1] == "data: [DONE]"
        assert events[-2].startswith(": emporion-receipt ")
        receipt = json.loads(events[-2].removeprefix(": emporion-receipt "))
        assert receipt["micro_credits"] == str(COST)
        ours = [event for event in events if not event.startswith(":")]
        assert receipt["response_hash"] == "0x" + keccak("".join(e + "\n\n" for e in ours).encode()).hex()
        assert not any('"usage"' in event for event in ours)

    async def test_passes_the_usage_chunk_to_who_asked(self, house: House, paid_key: str) -> None:
        reply = await house.chat(paid_key, stream=True, stream_options={"include_usage": True})
        assert '"usage"' in reply.text

    async def test_tells_of_a_broken_answer_and_charges_what_came(self, house: House, paid_key: str) -> None:
        house.model.behaviour = model_server.break_off
        before = await house.credits(paid_key)
        reply = await house.chat(paid_key, stream=True)
        assert '"finish_reason":"error"' in reply.text
        assert "[DONE]" not in reply.text
        assert 0 < before - await house.credits(paid_key) < COST


class TestSilence:
    async def test_keeps_a_silent_stream_alive(
        self, house: House, paid_key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(metered_app, "KEEP_ALIVE_SECONDS", 2.0)
        house.model.pause = 3.0
        house.model.behaviour = one_pause
        reply = await house.chat(paid_key, stream=True)
        events = [event + "\n\n" for event in reply.text.split("\n\n") if event]
        assert events.count(KEEP_ALIVE.decode()) == 1
        assert events[1] == KEEP_ALIVE.decode()
        assert events[-1] == "data: [DONE]\n\n"
        answer = "".join(event for event in events if not event.startswith(":"))
        receipt = json.loads(events[-2].removeprefix(": emporion-receipt "))
        assert receipt["response_hash"] == "0x" + keccak(answer.encode()).hex()
        assert receipt["micro_credits"] == str(COST)


class TestUpstreamFaults:
    async def test_answers_502_and_charges_nothing(self, house: House, paid_key: str) -> None:
        house.model.behaviour = model_server.fail
        before = await house.credits(paid_key)
        reply = await house.chat(paid_key)
        assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_error")
        assert "secrets" not in reply.text
        assert await house.credits(paid_key) == before

    async def test_masks_a_refusal(self, house: House, paid_key: str) -> None:
        house.model.behaviour = model_server.refuse
        before = await house.credits(paid_key)
        reply = await house.chat(paid_key)
        assert reply.status_code == 400
        assert "secret" not in reply.text
        assert await house.credits(paid_key) == before

    async def test_says_when_the_context_is_too_short(self, house: House, pass_key: str) -> None:
        house.model.behaviour = model_server.too_long
        reply = await house.chat(pass_key)
        assert (reply.status_code, reply.json()["error"]["code"]) == (413, "context_length_exceeded")


class TestClientGone:
    @pytest.mark.parametrize("streamed", [True, False])
    async def test_drops_the_upstream_within_a_second(
        self, house: House, paid_key: str, streamed: bool
    ) -> None:
        house.model.behaviour = model_server.drip if streamed else model_server.hang
        await leave_early(house, paid_key, streamed)
        began = time.monotonic()
        while not house.model.left:
            await asyncio.sleep(0.02)
            assert time.monotonic() - began < 1
        async with asyncio.timeout(10), house.services.deps.store.read_connection() as db:
            said = text("SELECT outcome, charged, fault FROM gateway.usage")
            while not (rows := (await db.execute(said)).all()):
                await db.rollback()
                await asyncio.sleep(0.05)
            held = (await db.execute(text("SELECT held FROM gateway.meter_tabs"))).scalar_one()
        told = [(row.outcome, row.fault) for row in rows]
        assert told == [("partial" if streamed else "failed", "caller_left")]
        assert (rows[0].charged > 0) is streamed
        assert held == 0


class TestConcurrency:
    async def test_serves_exactly_the_credits_there_are(self, house: House) -> None:
        by_request = plan(PlanKind.METERED, per_request=MICRO, per_unit_in=0, per_unit_out=0)
        await house.mine(by_request, tab(METERED, 5, address_of(house.buyer)))
        key = await house.key()
        replies = await asyncio.gather(*(house.chat(key) for _ in range(20)))
        statuses = [reply.status_code for reply in replies]
        assert statuses.count(200) == 5
        assert statuses.count(402) == 15
        assert await house.credits(key) == 0


class TestModels:
    async def test_lists_what_the_wallet_may_use(self, house: House, pass_key: str) -> None:
        mine = (await house.http.get("/v1/models", headers=bearer(pass_key))).json()
        assert [model["id"] for model in mine["data"]] == [MODEL]
        stranger = await house.key(house.provider)
        assert (await house.http.get("/v1/models", headers=bearer(stranger))).json()["data"] == []
        everything = (await house.http.get("/v1/models?all=1")).json()
        assert everything["data"][0]["slug"] == f"{house.provider.address}/little-model"
        one = await house.http.get(f"/v1/models/{MODEL.replace('/', '%2F')}")
        assert one.json()["id"] == f"31337/{SERVICE}"


async def leave_early(house: House, key: str, streamed: bool) -> None:
    """Ask, and hang up after the first bytes, or after half a second without any."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "stream": streamed}
    async with httpx.AsyncClient(base_url=house.url, timeout=0.5, headers=bearer(key)) as leaving:
        with suppress(httpx.ReadTimeout):
            async with leaving.stream("POST", "/v1/chat/completions", json=body) as reply:
                await anext(reply.aiter_bytes())
