"""Pictures and sound over HTTP, in the `openai` package's own requests.

/v1/images/* and /v1/audio/*
├── should give what the upstream gave, of its content type; the upstream sees the model's name alone changed
├── should pass pieces on as they come
├── charges: by the request; by the KiB both ways; nothing under a Pass; a receipt over the very bytes
├── a plan that counts tokens: 422 that says what to do
├── no model, an unknown one, a body of another kind, too many answers, too large: refused, nothing asked
├── without access: 402 with offers; a service without an OpenAI-compatible upstream: 404
├── an upstream that fails, answers with an error, or lacks the route: masked, nothing charged
├── an answer without output: nothing charged; one too large or that breaks off: what came is charged
├── a caller that leaves: one row, its hold is free
└── K credits and 4K calls at once: exactly K
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import openai
import orjson
import pytest
from aiohttp import web
from openai import AsyncOpenAI
from sqlalchemy import text

from backend.core.units import MICRO, ChainId, Measure, PlanKind, keccak
from backend.gateway.media_relay import is_hollow
from backend.inference.schemas import ServiceKey, UpstreamDefinition, UpstreamKind
from tests.backend.gateway import model_server
from tests.backend.gateway.conftest import METERED, MODEL, House, address_of, bearer
from tests.backend.gateway.model_server import SOUND, ModelServer
from tests.backend.market import CHAIN_ID, SERVICE, plan, plan_id, tab

BY_REQUEST, BY_KIB = (plan_id(PlanKind.METERED, index) for index in (10, 11))
Body = dict[str, Any]
FILE = b"\xff\xfb\x00\r\n--" + b"wave" * 600


@pytest.fixture
async def key(house: House) -> str:
    """A key of a buyer with a credit in a plan by the request and in one by the KiB."""
    house.model.behaviour = model_server.media
    await house.mine(
        plan(PlanKind.METERED, 10, per_request=500, per_unit_in=0, per_unit_out=0),
        plan(PlanKind.METERED, 11, measure=int(Measure.KIB), per_request=7, per_unit_in=100, per_unit_out=10),
        *(tab(one, 1, address_of(house.buyer)) for one in (BY_REQUEST, BY_KIB)),
    )
    return await house.key()


def client(house: House, key: str, plan_number: int = BY_REQUEST) -> AsyncOpenAI:
    headers = {"Emporion-Plan": str(plan_number)}
    return AsyncOpenAI(base_url=f"{house.url}/v1", api_key=key, max_retries=0, default_headers=headers)


@pytest.fixture
async def studio(house: House, key: str) -> AsyncIterator[AsyncOpenAI]:
    async with client(house, key) as made:
        yield made


async def said(
    house: House, key: str, body: Any, path: str = "/v1/audio/speech", number: int = BY_REQUEST
) -> httpx.Response:
    headers = {**bearer(key), "emporion-plan": str(number)}
    return await house.http.post(path, json=body, headers=headers)


SPEECH = {"model": MODEL, "input": "Hi", "voice": "alloy"}


async def rows(house: House) -> list[Any]:
    """The usage rows, once there is one."""
    async with asyncio.timeout(30):
        while True:
            async with house.services.deps.store.read_connection() as db:
                found = (await db.execute(text("SELECT * FROM gateway.usage"))).all()
            if found:
                return list(found)
            await asyncio.sleep(0.05)


async def held(house: House) -> int:
    async with house.services.deps.store.read_connection() as db:
        return int(
            (await db.execute(text("SELECT coalesce(sum(held), 0) FROM gateway.meter_tabs"))).scalar_one()
        )


async def upload(house: House, key: str, path: str, file: str, **fields: Any) -> httpx.Response:
    headers = {**bearer(key), "emporion-plan": str(BY_REQUEST)}
    return await house.http.post(f"/v1/{path}", data=fields, files={file: ("a.bin", FILE)}, headers=headers)


class Gated:
    """A piece of sound, and once its caller has it another one; for None the connection dies there."""

    def __init__(self, second: bytes | None) -> None:
        self._second = second
        self._gate = asyncio.Event()

    async def __call__(
        self, server: ModelServer, request: web.Request, body: dict[str, Any]
    ) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"content-type": "audio/mpeg"})
        await reply.prepare(request)
        await reply.write(SOUND[0])
        await self._gate.wait()
        if self._second is not None:
            await reply.write(self._second)
        elif request.transport is not None:
            request.transport.abort()
        return reply

    async def read(self, house: House, key: str) -> bytes:
        """Ask under the plan by the KiB and read all of it."""
        headers = {**bearer(key), "emporion-plan": str(BY_KIB)}
        async with house.http.stream("POST", "/v1/audio/speech", json=SPEECH, headers=headers) as reply:
            pieces = reply.aiter_raw()
            got = await anext(pieces)
            assert got == SOUND[0]
            self._gate.set()
            async for piece in pieces:
                got += piece
        return got


class TestAnswers:
    async def test_make_pictures(self, house: House, studio: AsyncOpenAI) -> None:
        made = await studio.images.generate(model=MODEL, prompt="A lighthouse", n=2)
        assert made.data is not None
        assert made.data[0].b64_json == "UElD"
        assert house.model.asked == [{"model": "inner-name", "prompt": "A lighthouse", "n": 2}]

    async def test_edit_pictures(self, house: House, key: str, studio: AsyncOpenAI) -> None:
        edited = await studio.images.edit(model=MODEL, image=("a.png", FILE), prompt="Bluer", n=1)
        varied = await upload(house, key, "images/variations", "image", model=MODEL)
        assert edited.data is not None
        assert varied.json()["data"] == [{"b64_json": edited.data[0].b64_json}]
        assert all(FILE in asked["form"] for asked in house.model.asked)

    async def test_speak(self, studio: AsyncOpenAI) -> None:
        raw = await studio.audio.speech.with_raw_response.create(model=MODEL, input="Hi", voice="alloy")
        assert raw.http_response.headers["content-type"] == "audio/mpeg"
        assert raw.http_response.headers["x-content-type-options"] == "nosniff"
        assert raw.content == b"".join(SOUND)

    async def test_write_speech_down(self, house: House, key: str, studio: AsyncOpenAI) -> None:
        raw = await studio.audio.transcriptions.with_raw_response.create(model=MODEL, file=("a.mp3", FILE))
        assert raw.parse().text == "Once upon a time"
        sent = raw.http_response.request
        body = await sent.aread()
        assert house.model.asked[0]["form"] == body.replace(MODEL.encode(), b"inner-name")
        assert house.model.headers[0]["content-type"] == sent.headers["content-type"]
        assert "authorization" not in house.model.headers[0]
        translated = await upload(house, key, "audio/translations", "file", model=MODEL)
        assert translated.json() == {"text": "Once upon a time"}

    async def test_come_as_they_are_made(self, house: House, key: str) -> None:
        house.model.behaviour = gated = Gated(SOUND[1])
        assert await gated.read(house, key) == SOUND[0] + SOUND[1]


class TestCharges:
    async def test_by_the_request(self, house: House, key: str) -> None:
        reply = await said(house, key, SPEECH)
        found = await house.http.get(f"/v1/receipts/{reply.headers['x-request-id']}", headers=bearer(key))
        receipt = found.json()
        assert (receipt["micro_credits"], receipt["units_in"], receipt["units_out"]) == ("500", 0, 0)
        assert receipt["response_hash"] == "0x" + keccak(reply.content).hex()
        assert receipt["request_hash"] == "0x" + keccak(reply.request.content).hex()
        assert await held(house) == 0

    async def test_by_the_kib(self, house: House, key: str) -> None:
        async with client(house, key, BY_KIB) as studio:
            await studio.audio.transcriptions.create(model=MODEL, file=("a.mp3", FILE))
        await said(house, key, SPEECH, number=BY_KIB)
        found = [(row.units_in, row.units_out, row.charged) for row in await rows(house)]
        assert found == [(3, 1, 7 + 300 + 10), (1, 3, 7 + 100 + 30)]

    async def test_nothing_under_a_pass(self, house: House, pass_key: str) -> None:
        house.model.behaviour = model_server.media
        assert (
            await house.http.post("/v1/audio/speech", json=SPEECH, headers=bearer(pass_key))
        ).status_code == 200
        assert [(row.outcome, row.charged) for row in await rows(house)] == [("completed", 0)]

    async def test_not_by_tokens(self, house: House, paid_key: str) -> None:
        reply = await said(house, paid_key, SPEECH, number=METERED)
        assert reply.status_code == 422
        assert "counts tokens" in reply.json()["error"]["message"]
        assert not house.model.asked

    async def test_exactly_what_the_credits_cover(self, house: House, key: str) -> None:
        dear = plan(PlanKind.METERED, 10, per_request=MICRO, per_unit_in=0, per_unit_out=0)
        await house.mine(dear, tab(BY_REQUEST, 3, address_of(house.buyer)))
        replies = await asyncio.gather(*(said(house, key, SPEECH) for _ in range(12)))
        statuses = [reply.status_code for reply in replies]
        assert (statuses.count(200), statuses.count(402)) == (3, 9)


IN_JSON: list[tuple[str, Any, int]] = [
    ("images/generations", {"prompt": "x"}, 400),
    ("images/generations", {"model": 7}, 400),
    ("images/generations", [], 400),
    ("images/generations", {"model": "31337/99"}, 404),
    ("images/generations", {"model": MODEL, "n": 11}, 422),
    ("images/generations", {"model": MODEL, "n": "9" * 5_000}, 400),
    ("images/generations", {"model": MODEL, "n": True}, 400),
    ("images/edits", {"model": MODEL}, 415),
    ("audio/transcriptions", {"model": MODEL}, 415),
    ("audio/speech", {"model": MODEL, "input": "x" * 5_000_000}, 413),
]
IN_FORMS: list[tuple[dict[str, Any], int]] = [
    ({}, 400),
    ({"model": ["a", "b"]}, 400),
    ({"model": ""}, 400),
    ({"model": "31337/99"}, 404),
    ({"model": MODEL, "n": "11"}, 422),
    ({"model": MODEL, "n": "one"}, 400),
    ({"model": MODEL, "prompt": "x" * 5_000_000}, 413),
]


class TestBadInput:
    async def test_in_json(self, house: House, key: str) -> None:
        for path, body, status in IN_JSON:
            reply = await said(house, key, body, f"/v1/{path}")
            assert reply.status_code == status, (path, reply.text)
            assert reply.json()["error"]["message"]
        assert not house.model.asked
        assert await held(house) == 0

    async def test_in_forms(self, house: House, key: str) -> None:
        for fields, status in IN_FORMS:
            reply = await upload(house, key, "images/edits", "image", **fields)
            assert reply.status_code == status, reply.text
        assert not house.model.asked
        assert await held(house) == 0

    async def test_of_another_method_or_route(self, house: House, key: str) -> None:
        assert (await house.http.get("/v1/audio/speech", headers=bearer(key))).status_code == 405
        assert (await house.http.post("/v1/audio/other", json={}, headers=bearer(key))).status_code == 404
        assert (await house.http.post("/v1/audio/speech", json=SPEECH)).status_code == 401

    async def test_without_access(self, house: House, key: str) -> None:
        async with client(house, await house.key(house.provider)) as stranger:
            with pytest.raises(openai.APIStatusError) as caught:
                await stranger.images.generate(model=MODEL, prompt="x")
        assert (caught.value.status_code, caught.value.code) == (402, "payment_required")
        assert caught.value.body["details"]["offers"]  # type: ignore[index]

    async def test_at_a_service_of_another_kind(self, house: House, key: str) -> None:
        plain = UpstreamDefinition(kind=UpstreamKind.HTTP, url=house.model.url)
        await house.services.deps.upstreams.put(ServiceKey(ChainId(CHAIN_ID), SERVICE), [plain])
        reply = await said(house, key, SPEECH)
        assert reply.status_code == 404
        assert await held(house) == 0
        assert not house.model.asked


async def lacks(server: ModelServer, request: web.Request, body: Body) -> web.StreamResponse:
    raise web.HTTPNotFound(text="no such thing at /srv/secrets")


async def false_success(
    server: ModelServer, request: web.Request, body: dict[str, Any]
) -> web.StreamResponse:
    return web.json_response({"error": {"message": "secrets"}})


async def hollow(server: ModelServer, request: web.Request, body: Body) -> web.StreamResponse:
    return web.json_response({"created": 1, "data": []})


async def empty(server: ModelServer, request: web.Request, body: Body) -> web.StreamResponse:
    return web.Response(body=b"", content_type="audio/mpeg")


FAULTS: list[tuple[model_server.Behaviour, int, str]] = [
    (model_server.fail, 502, "upstream_error"),
    (lacks, 502, "upstream_rejected"),
    (false_success, 502, "upstream_error"),
    (model_server.refuse, 400, "malformed_request"),
    (empty, 502, "upstream_error"),
]


class TestUpstreams:
    async def test_that_fail_are_masked_and_not_paid(self, house: House, key: str) -> None:
        for behaviour, status, code in FAULTS:
            house.model.behaviour = behaviour
            reply = await said(house, key, SPEECH)
            assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
            assert "secret" not in reply.text
        assert await held(house) == 0
        found = [(row.outcome, row.charged) for row in await rows(house)]
        assert found == [("failed", 0)] * sum(status == 502 for _, status, _ in FAULTS)

    async def test_that_lack_the_route_keep_the_others(self, house: House, key: str, pass_key: str) -> None:
        house.model.behaviour = lacks
        for _ in range(8):
            await said(house, key, SPEECH)
        house.model.behaviour = model_server.answer
        assert (await house.chat(pass_key)).status_code == 200

    async def test_that_give_nothing_are_not_paid(self, house: House, key: str) -> None:
        house.model.behaviour = hollow
        reply = await said(house, key, {"model": MODEL, "prompt": "x"}, "/v1/images/generations")
        assert (reply.status_code, reply.json()["data"]) == (200, [])
        assert [(row.outcome, row.charged) for row in await rows(house)] == [("failed", 0)]

    async def test_that_break_off_are_paid_for_what_came(self, house: House, key: str) -> None:
        house.model.behaviour = gated = Gated(None)
        with pytest.raises(httpx.RemoteProtocolError):
            await gated.read(house, key)
        assert [(row.outcome, row.charged) for row in await rows(house)] == [("partial", 7 + 100 + 10)]
        assert await held(house) == 0

    async def test_that_give_too_much_are_cut(self, house: House, key: str) -> None:
        limits = orjson.dumps({"emporion": "limits/1", "max_output": 1})
        await house.services.metadata.put(keccak(limits), limits)
        await house.mine(plan(PlanKind.METERED, 11, measure=int(Measure.KIB), limits_hash=keccak(limits)))
        house.model.behaviour = gated = Gated(SOUND[1])
        with pytest.raises(httpx.RemoteProtocolError):
            await gated.read(house, key)
        assert [(row.outcome, row.units_out) for row in await rows(house)] == [("partial", 1)]
        assert await held(house) == 0


class TestClientGone:
    @pytest.mark.parametrize("begun", [True, False])
    async def test_leaves_one_row_and_no_hold(self, house: House, key: str, begun: bool) -> None:
        house.model.behaviour = model_server.drip if begun else model_server.hang
        async with httpx.AsyncClient(base_url=house.url, timeout=60) as leaving:
            asking = asyncio.create_task(first_bytes(leaving, key))
            while not (asking.done() if begun else house.model.asked):
                await asyncio.sleep(0.02)
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
        began = time.monotonic()
        while not house.model.left:
            await asyncio.sleep(0.02)
            assert time.monotonic() - began < 60
        found = [(row.outcome, row.charged) for row in await rows(house)]
        assert found == [("partial", 500) if begun else ("failed", 0)]
        assert await held(house) == 0


async def first_bytes(leaving: httpx.AsyncClient, key: str) -> None:
    """Ask, and leave after the first bytes."""
    headers = {**bearer(key), "emporion-plan": str(BY_REQUEST)}
    async with leaving.stream("POST", "/v1/audio/speech", json=SPEECH, headers=headers) as reply:
        await anext(reply.aiter_bytes())


class TestHollow:
    @pytest.mark.parametrize(
        ("content_type", "body", "is_it"),
        [
            ("application/json", b'{"text": ""}', True),
            ("application/json; charset=utf-8", json.dumps({"data": []}).encode(), True),
            ("application/json", b'{"text": "a"}', False),
            ("application/json", b'{"other": ""}', False),
            ("application/json", b'{"text": "', False),
            ("application/json", b"[]", False),
            ("audio/mpeg", b'{"text": ""}', False),
            ("application/json", b'{"text": ""}' + b" " * 5_000, False),
        ],
    )
    def test_is_an_answer_without_output(self, content_type: str, body: bytes, is_it: bool) -> None:
        assert is_hollow(content_type, body) is is_it
