"""Services that are no language models, over HTTP.

POST /v1/services/{id}/invoke
├── a body that is no JSON, or breaks the schema: 400, 422 with the places
├── an answer that is no JSON, breaks its schema, or is too large: 502, nothing charged
├── without access: 402 with offers
├── measures: KiB both ways, rows, seconds (rounded up), the service's own tokens; else by the request
└── a language model: 404 that names the way
GET /v1/services/{id}/data/{path}
├── an unlisted file, a range outside: 404, 416 with the size
├── whole and in ranges: the very bytes, ETag, Content-Range; KiB and rows begun are charged
├── If-Range of another version: the whole file
├── more than the credits cover: 402; a range that fits: served
├── from an HTTP upstream: the same; one that breaks off: what came is charged, the rest resumes
└── a caller that leaves: what it got is charged, its hold is free
PUT /v1/provider/services/{id}/data/{path}
└── the owner alone, and only the bytes the metadata names
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from aiohttp import web

from backend.core.units import ChainId, Measure, PlanKind, ServiceId, hex_of, keccak
from backend.inference.schemas import ServiceKey, UpstreamDefinition, UpstreamKind
from tests.backend.gateway.conftest import House, address_of, bearer
from tests.backend.market import CHAIN_ID, SERVICE, plan, plan_id, service, tab

OTHER = ServiceId(2)
ROW = b"a line of data, and then some\n"
DATA = ROW * 3_000
PLANS = {measure: plan_id(PlanKind.METERED, 10 + measure, OTHER) for measure in Measure}
RATES = {"per_request": 7, "per_unit_in": 100, "per_unit_out": 10}
DOCUMENT: dict[str, Any] = {
    "emporion": "service/1",
    "name": "Tables",
    "slug": "tables",
    "request_schema": {
        "type": "object",
        "properties": {"text": {"type": "string", "pattern": "^[a-z ]*$"}, "rows": {"type": "array"}},
        "required": ["text"],
    },
    "response_schema": {"type": "object", "required": ["rows"]},
    "data": {
        "files": [
            {"path": "all/lines.txt", "size": len(DATA), "hash": hex_of(keccak(DATA)), "rows": 3_000},
            {"path": "empty", "size": 0, "hash": hex_of(keccak(b""))},
        ]
    },
}


class Tool:
    """The provider's server: a JSON endpoint, and the files below it."""

    def __init__(self) -> None:
        self.answer: Any = {"rows": [1, 2, 3]}
        self.raw: bytes | None = None
        self.pause = 0.0
        self.stop_after: int | None = None
        self.asked: list[Any] = []
        self.url = ""

    async def call(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        await asyncio.sleep(self.pause)
        body = orjson.dumps(self.answer) if self.raw is None else self.raw
        return web.Response(body=body, content_type="application/json")

    async def file(self, request: web.Request) -> web.StreamResponse:
        part = request.http_range
        start, stop = part.start or 0, part.stop or len(DATA)
        ranged = "Range" in request.headers
        headers = {"Content-Length": str(stop - start)}
        if ranged:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(DATA)}"
        reply = web.StreamResponse(status=206 if ranged else 200, headers=headers)
        await reply.prepare(request)
        end = stop if self.stop_after is None else min(stop, start + self.stop_after)
        for at in range(start, end, 4_096):
            await reply.write(DATA[at : min(at + 4_096, end)])
            await asyncio.sleep(self.pause)
        if end < stop:
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.abort()
        return reply


@pytest.fixture
async def tool() -> AsyncIterator[Tool]:
    tool = Tool()
    app = web.Application()
    app.router.add_post("/run", tool.call)
    app.router.add_get("/run/{path:.*}", tool.file)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tool.url = f"http://127.0.0.1:{runner.addresses[0][1]}/run"
    yield tool
    await runner.cleanup()


@pytest.fixture
async def shop(house: House, tool: Tool) -> House:
    """The other service on sale, a plan for each measure, each with a credit of the buyer's."""
    data = orjson.dumps(DOCUMENT)
    await house.services.metadata.put(keccak(data), data)
    owner, payer = address_of(house.provider), address_of(house.buyer)
    listed = service(
        service_id=OTHER, owner=owner, meter=house.services.meter, content_hash=keccak(data), kind=1
    )
    plans = [
        plan(PlanKind.METERED, 10 + measure, OTHER, measure=int(measure), **RATES) for measure in Measure
    ]
    await house.mine(listed, *plans, *(tab(one, 1, payer) for one in PLANS.values()))
    definition = UpstreamDefinition(kind=UpstreamKind.HTTP, url=tool.url)
    await house.services.deps.upstreams.put(ServiceKey(ChainId(CHAIN_ID), OTHER), [definition])
    return house


@pytest.fixture
async def key(shop: House) -> str:
    return await shop.key()


async def invoke(shop: House, key: str, measure: Measure, body: Any) -> httpx.Response:
    headers = {**bearer(key), "emporion-plan": str(PLANS[measure]), "content-type": "application/json"}
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    return await shop.http.post(f"/v1/services/{OTHER}/invoke", content=sent, headers=headers)


async def read(shop: House, key: str, measure: Measure, path: str = "all/lines.txt", **more: str) -> Any:
    headers = {**bearer(key), "emporion-plan": str(PLANS[measure]), **more}
    return await shop.http.get(f"/v1/services/{OTHER}/data/{path}", headers=headers)


async def receipt(shop: House, key: str, reply: httpx.Response) -> dict[str, Any]:
    """The receipt of an answer; a moment later where its caller left."""
    for _ in range(100):
        found = await shop.http.get(f"/v1/receipts/{reply.headers['x-request-id']}", headers=bearer(key))
        if found.status_code == 200:
            return dict(found.json())
        await asyncio.sleep(0.05)
    raise AssertionError("no receipt was written")


class TestInvoke:
    async def test_refuses_what_is_no_json(self, shop: House, key: str, tool: Tool) -> None:
        for body in (b"", b"{", b"\xff"):
            assert (await invoke(shop, key, Measure.KIB, body)).status_code == 400
        assert not tool.asked

    async def test_holds_the_request_against_the_schema(self, shop: House, key: str, tool: Tool) -> None:
        reply = await invoke(shop, key, Measure.KIB, {"text": "UPPER"})
        assert reply.status_code == 422
        assert reply.json()["details"]["problems"] == [{"path": "text", "problem": "breaks `pattern`"}]
        assert reply.headers["content-type"] == "application/problem+json"
        assert not tool.asked

    @pytest.mark.parametrize("raw", [b"no json", b'{"other": 1}', b'{"rows": ["' + b"x" * 2**21 + b'"]}'])
    async def test_charges_nothing_for_a_bad_answer(
        self, shop: House, key: str, tool: Tool, raw: bytes
    ) -> None:
        tool.raw = raw
        reply = await invoke(shop, key, Measure.KIB, {"text": "hi"})
        assert (reply.status_code, reply.json()["code"]) == (502, "upstream_error")
        assert (await receipt(shop, key, reply))["micro_credits"] == "0"
        assert await left(shop, key, Measure.KIB) == 1_000_000

    async def test_offers_where_there_is_no_access(self, shop: House, tool: Tool) -> None:
        stranger = await shop.key(shop.provider)
        reply = await shop.http.post(
            f"/v1/services/{OTHER}/invoke", json={"text": "hi"}, headers=bearer(stranger)
        )
        assert reply.status_code == 402
        assert {offer["plan_id"] for offer in reply.json()["details"]["offers"]} == set(PLANS.values())

    @pytest.mark.parametrize(
        ("measure", "units_in", "units_out"),
        [(Measure.KIB, 2, 1), (Measure.ROWS, 2, 3), (Measure.SECONDS, 0, 1), (Measure.TOKENS, 11, 5)],
    )
    async def test_charges_by_the_plan(
        self, shop: House, key: str, tool: Tool, measure: Measure, units_in: int, units_out: int
    ) -> None:
        tool.answer = {"rows": [1, 2, 3], "usage": {"prompt_tokens": 11, "completion_tokens": 5}}
        tool.pause = 0.02
        reply = await invoke(shop, key, measure, {"text": "x" * 1_100, "rows": [1, 2]})
        assert reply.status_code == 200, reply.text
        assert reply.json() == tool.answer
        said = orjson.loads(reply.headers["emporion-receipt"])
        assert (said["units_in"], said["units_out"]) == (units_in, units_out)
        cost = 7 + 100 * units_in + 10 * units_out
        assert await left(shop, key, measure) == 1_000_000 - cost
        assert said["response_hash"] == hex_of(keccak(reply.content))

    async def test_leads_callers_of_a_language_model_on(self, house: House, pass_key: str) -> None:
        reply = await house.http.post(f"/v1/services/{SERVICE}/invoke", json={}, headers=bearer(pass_key))
        assert reply.status_code == 404
        assert "/v1/chat/completions" in reply.json()["detail"]


async def left(shop: House, key: str, measure: Measure) -> int:
    reply = await shop.http.get(f"/v1/credits/{PLANS[measure]}", headers=bearer(key))
    return int(reply.json()["available_micro_credits"])


@pytest.fixture(params=["blob", "upstream"])
async def kept(request: pytest.FixtureRequest, shop: House) -> str:
    """Where the file lies: kept here, or at the provider's server."""
    if request.param == "blob":
        await shop.services.deps.blobs.put(DATA)
    return str(request.param)


class TestData:
    async def test_knows_the_listed_files_alone(self, shop: House, key: str) -> None:
        assert (await read(shop, key, Measure.KIB, "all/other.txt")).status_code == 404
        assert (await read(shop, key, Measure.KIB, "%2e%2e/secret")).status_code in (400, 404)

    async def test_gives_the_whole_file(self, shop: House, key: str, kept: str) -> None:
        reply = await read(shop, key, Measure.KIB)
        assert reply.status_code == 200
        assert reply.content == DATA
        assert reply.headers["etag"] == f'"{keccak(DATA).hex()}"'
        said = await receipt(shop, key, reply)
        assert said["units_out"] == -(-len(DATA) // 1024)
        assert said["response_hash"] == hex_of(keccak(DATA))
        assert await left(shop, key, Measure.KIB) == 1_000_000 - 7 - 10 * said["units_out"]

    async def test_gives_ranges_that_join(self, shop: House, key: str, kept: str) -> None:
        half = len(DATA) // 2
        first = await read(shop, key, Measure.ROWS, range=f"bytes=0-{half - 1}")
        rest = await read(shop, key, Measure.ROWS, range=f"bytes={half}-")
        assert (first.status_code, rest.status_code) == (206, 206)
        assert first.content + rest.content == DATA
        assert rest.headers["content-range"] == f"bytes {half}-{len(DATA) - 1}/{len(DATA)}"
        rows = [(await receipt(shop, key, reply))["units_out"] for reply in (first, rest)]
        assert rows == [1_500, 1_500]

    async def test_counts_a_row_that_was_begun(self, shop: House, key: str) -> None:
        await shop.services.deps.blobs.put(DATA)
        reply = await read(shop, key, Measure.ROWS, range="bytes=0-9")
        assert (await receipt(shop, key, reply))["units_out"] == 1

    async def test_ignores_the_range_of_another_version(self, shop: House, key: str) -> None:
        await shop.services.deps.blobs.put(DATA)
        reply = await read(shop, key, Measure.KIB, range="bytes=0-9", **{"if-range": '"other"'})
        assert (reply.status_code, len(reply.content)) == (200, len(DATA))

    async def test_refuses_a_range_outside(self, shop: House, key: str) -> None:
        reply = await read(shop, key, Measure.KIB, range=f"bytes={len(DATA)}-")
        assert reply.status_code == 416
        assert reply.headers["content-range"] == f"bytes */{len(DATA)}"
        assert await left(shop, key, Measure.KIB) == 1_000_000

    async def test_gives_an_empty_file(self, shop: House, key: str) -> None:
        reply = await read(shop, key, Measure.KIB, "empty")
        assert (reply.status_code, reply.content) == (200, b"")
        assert (await receipt(shop, key, reply))["micro_credits"] == "7"

    async def test_holds_the_worst_case(self, shop: House, key: str) -> None:
        dear = plan(PlanKind.METERED, 10 + Measure.KIB, OTHER, measure=1, per_unit_out=100_000)
        await shop.mine(dear)
        await shop.services.deps.blobs.put(DATA)
        assert (await read(shop, key, Measure.KIB)).status_code == 402
        assert (await read(shop, key, Measure.KIB, range="bytes=0-1023")).status_code == 206

    async def test_charges_what_came_before_the_source_broke_off(
        self, shop: House, key: str, tool: Tool
    ) -> None:
        tool.stop_after = 20_480
        headers = {**bearer(key), "emporion-plan": str(PLANS[Measure.KIB])}
        got = b""
        where = f"/v1/services/{OTHER}/data/all/lines.txt"
        async with shop.http.stream("GET", where, headers=headers) as reply:
            pieces = reply.aiter_bytes()
            with suppress(httpx.RemoteProtocolError):
                async for piece in pieces:
                    got += piece
        said = await receipt(shop, key, reply)
        assert said["units_out"] == -(-len(got) // 1024) == 20
        tool.stop_after = None
        resumed = {"range": f"bytes={len(got)}-", "if-range": reply.headers["etag"]}
        rest = await read(shop, key, Measure.KIB, **resumed)
        assert got + rest.content == DATA

    async def test_frees_the_hold_of_a_caller_that_left(self, shop: House, key: str, tool: Tool) -> None:
        tool.pause = 0.2
        headers = {**bearer(key), "emporion-plan": str(PLANS[Measure.KIB])}
        async with shop.http.stream(
            "GET", f"/v1/services/{OTHER}/data/all/lines.txt", headers=headers
        ) as reply:
            async for _ in reply.aiter_raw():
                break
        said = await receipt(shop, key, reply)
        assert 0 < said["units_out"] < len(DATA) // 1024
        assert await left(shop, key, Measure.KIB) == 1_000_000 - int(said["micro_credits"])


class TestKeep:
    async def test_takes_the_named_bytes_of_the_owner(self, shop: House, key: str, tmp_path: Path) -> None:
        where = f"/v1/provider/services/{OTHER}/data/all/lines.txt"
        owner = bearer(await shop.sign_in(shop.provider))
        assert (await shop.http.put(where, content=DATA, headers=bearer(key))).status_code == 403
        assert (await shop.http.put(where, content=b"else", headers=owner)).status_code == 422
        assert (await shop.http.put(where, content=DATA, headers=owner)).status_code == 201
        assert await shop.services.deps.blobs.size(keccak(DATA)) == len(DATA)
