"""Upstreams that fail, lie or attack, seen by the caller. Whatever they do: one usage row, no hold left, and
no charge for what was not delivered.

a whole answer
├── that never begins: 504; that breaks off, is no JSON, or an error with status 200: 502; nothing charged
├── with a usage that is absent, unreadable or null: counted here; too large: charged the worst case at most
├── without a word or a token: delivered, nothing charged
└── that leads to a private address by redirect, or by its name's second look-up: 502, that place is not asked
a stream
├── that hangs, fails or ends in the middle: an error chunk, what came is charged, no `[DONE]`
├── that fails before its first event: 502, as if it were no stream
├── that says `[DONE]` and does not end: ended for it
└── whose counter is away: estimated, never unwritten
"""

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from sqlalchemy import text

from backend.core.clock import SystemClock
from backend.core.errors import UpstreamUnavailable
from backend.core.units import ChainId, UnixTime
from backend.gateway.served import Accountant, Turn
from backend.inference.operations import Operation
from backend.inference.prepare import Limits, prepare, read_call
from backend.inference.router import Member
from backend.inference.schemas import ServiceKey
from backend.inference.upstreams import OpenAiUpstream
from backend.inference.usage import Usage
from backend.net.client import HttpClient, Timeouts
from backend.net.guard import DEVNET
from tests.backend.gateway import model_server
from tests.backend.gateway.conftest import MODEL, House
from tests.backend.gateway.model_server import ModelServer, chunk
from tests.backend.market import CHAIN_ID, SERVICE

HELLO = {"messages": [{"role": "user", "content": "Hi"}]}
IN, OUT, TOKENS = 10, 30, 8
"""The rate card of the plan, and the length that is asked for."""


async def impatient(house: House, seconds: float = 0.5) -> None:
    """The same upstream, with a client that waits for so long; its breaker is closed."""
    members = await house.services.deps.upstreams.members(ServiceKey(ChainId(CHAIN_ID), SERVICE))
    assert isinstance(members, list)
    http = house.services.deps.outgoing
    assert http is not None
    timeouts = Timeouts(read=seconds)
    members[:] = [Member(OpenAiUpstream("up_1", "inner", http, house.model.url, None, timeouts))]


async def rows(house: House, wanted: int = 1) -> list[Any]:
    """The usage rows, once there are as many as wanted; never more. No hold is left."""
    async with asyncio.timeout(20), house.services.deps.store.read_connection() as db:
        while True:
            said = "SELECT outcome, charged, units_in, units_out, estimated, fault FROM gateway.usage"
            found = list((await db.execute(text(said))).all())
            held = (await db.execute(text("SELECT sum(held) FROM gateway.meter_tabs"))).scalar_one()
            await db.rollback()
            if len(found) >= wanted and not held:
                assert len(found) == wanted
                return found
            await asyncio.sleep(0.02)


def whole(**changed: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Once upon a time"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "choices": [choice], **changed}


def answering(document: Any, status: int = 200) -> model_server.Behaviour:
    async def behave(_: ModelServer, __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
        if isinstance(document, bytes):
            return web.Response(body=document, status=status, content_type="text/html")
        return web.json_response(document, status=status)

    return behave


async def short(_: ModelServer, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
    """Half of the body that was announced."""
    reply = web.StreamResponse(headers={"content-type": "application/json", "content-length": "1000"})
    await reply.prepare(request)
    await reply.write(json.dumps(whole())[:40].encode())
    assert request.transport is not None
    request.transport.close()
    return reply


def streaming(*events: bytes, then: str) -> model_server.Behaviour:
    """Two words, then events, and an end of the wrong kind."""

    async def behave(_: ModelServer, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await reply.prepare(request)
        for word in ("Once", " upon"):
            await reply.write(b"data: " + json.dumps(chunk({"content": word})).encode() + b"\n\n")
        for event in events:
            await reply.write(event)
        if then == "hang":
            await asyncio.sleep(30)
        if then == "abort":
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.abort()
        return reply

    return behave


FAILED = b'data: {"error": {"code": 500, "message": "Traceback: /srv/secret"}}\n\n'
NAMED = b'event: error\ndata: {"message": "/srv/secret"}\n\n'
ENDLESS = b"data: " + b"x" * 5_000_000


class TestWhole:
    async def test_that_never_begins(self, house: House, paid_key: str) -> None:
        await impatient(house)
        house.model.behaviour = model_server.hang
        reply = await house.chat(paid_key)
        assert "127.0.0.1" not in reply.text
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "upstream_timeout")
        found = [(row.outcome, row.charged, row.fault) for row in await rows(house)]
        assert found == [("failed", 0, "upstream_timeout")]

    async def test_that_is_none(self, house: House, paid_key: str) -> None:
        none = [
            short,
            answering(b"<html>502 Bad Gateway</html>"),
            answering(b'{"choices": ['),
            answering(b"[]"),
            answering({"error": {"message": "/srv/secret"}}),
            answering({"error": {"message": "/srv/secret"}}, 503),
        ]
        told = list[str]()
        for at, behaviour in enumerate(none):
            await impatient(house, 20)
            house.model.behaviour = behaviour
            reply = await house.chat(paid_key)
            assert reply.status_code in (502, 503), (at, reply.text)
            told.append(reply.json()["error"]["code"])
            assert told[-1] in ("upstream_error", "upstream_unavailable")
            assert "secret" not in reply.text
        found = await rows(house, len(none))
        assert {(row.outcome, row.charged) for row in found} == {("failed", 0)}
        assert sorted(row.fault for row in found) == sorted(told)

    async def test_whose_usage_cannot_be_read(self, house: House, paid_key: str) -> None:
        unread = [None, {}, "many", {"prompt_tokens": -5}, {"prompt_tokens": "7"}]
        for usage in unread:
            house.model.behaviour = answering(whole(usage=usage))
            assert (await house.chat(paid_key)).status_code == 200
        for row in await rows(house, len(unread)):
            assert (row.outcome, bool(row.estimated), row.units_out) == ("completed", True, 4)
            assert row.fault == ""
            assert row.charged == IN * row.units_in + OUT * 4

    async def test_whose_usage_is_too_large(self, house: House, paid_key: str) -> None:
        lie = {"prompt_tokens": 10**9, "completion_tokens": 10**9, "total_tokens": 2 * 10**9}
        house.model.behaviour = answering(whole(usage=lie))
        before = await house.credits(paid_key)
        assert (await house.chat(paid_key)).status_code == 200
        (row,) = await rows(house)
        assert row.units_out == TOKENS
        assert row.estimated
        assert row.charged == before - await house.credits(paid_key) < before

    @pytest.mark.parametrize("streamed", [True, False])
    async def test_without_output(self, house: House, paid_key: str, streamed: bool) -> None:
        counted = {"prompt_tokens": 7, "completion_tokens": 0, "total_tokens": 7}
        message = {"role": "assistant", "content": ""}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        house.model.behaviour = answering(whole(choices=[choice], usage=counted))
        if streamed:
            house.model.behaviour = silent_stream
        before = await house.credits(paid_key)
        reply = await house.chat(paid_key, stream=streamed)
        assert reply.status_code == 200
        assert not streamed or reply.text.endswith("data: [DONE]\n\n")
        assert [(row.outcome, row.charged) for row in await rows(house)] == [("failed", 0)]
        assert [row.fault for row in await rows(house)] == ["empty_answer"]
        assert await house.credits(paid_key) == before

    async def test_that_redirects_to_a_private_address(self, house: House, paid_key: str) -> None:
        inner = ModelServer()
        runner = await inner.start()

        async def redirect(_: ModelServer, __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
            return web.Response(status=307, headers={"location": f"{inner.url}/chat/completions"})

        house.model.behaviour = redirect
        reply = await house.chat(paid_key)
        await runner.cleanup()
        assert (reply.status_code, reply.json()["error"]["code"]) == (502, "address_blocked")
        assert not inner.asked
        assert inner.url not in reply.text
        assert [row.charged for row in await rows(house)] == [0]

    async def test_whose_name_turns_private_on_the_second_look_up(self, house: House, paid_key: str) -> None:
        """The first call's look-up is public (nothing listens there), the second's is our own machine."""
        resolver = Turning("192.88.99.1", "127.0.0.1")
        async with HttpClient(DEVNET, resolver=resolver, timeouts=Timeouts(connect=0.3)) as http:
            members = await house.services.deps.upstreams.members(ServiceKey(ChainId(CHAIN_ID), SERVICE))
            assert isinstance(members, list)
            base = "https://rebind.example/v1"
            timeouts = Timeouts(connect=0.3, read=1)
            members[:] = [Member(OpenAiUpstream("up_1", "inner", http, base, "sk-1", timeouts))]
            replies = [await house.chat(paid_key) for _ in range(2)]
        assert [reply.status_code for reply in replies] == [503, 502]
        assert replies[1].json()["error"]["code"] == "address_blocked"
        assert not any(place in reply.text for reply in replies for place in ("127.0.0.1", "rebind.example"))
        assert not house.model.asked
        assert [row.charged for row in await rows(house, 2)] == [0, 0]


class Turning(AbstractResolver):
    """A name server in the attacker's hand: another address each time."""

    def __init__(self, *addresses: str) -> None:
        self._script = list(addresses)

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        address = self._script.pop(0)
        return [ResolveResult(hostname=host, host=address, port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing to close."""


async def silent_stream(_: ModelServer, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
    reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await reply.prepare(request)
    events = [chunk({"role": "assistant", "content": ""}), chunk({}, "stop")]
    for event in events:
        await reply.write(b"data: " + json.dumps(event).encode() + b"\n\n")
    await reply.write(b"data: [DONE]\n\n")
    return reply


class TestStream:
    async def test_that_fails_in_the_middle(self, house: House, paid_key: str) -> None:
        failing = [
            streaming(then="hang"),
            streaming(then="abort"),
            streaming(then="end"),
            streaming(FAILED, then="end"),
            streaming(NAMED, then="hang"),
            streaming(ENDLESS, then="hang"),
        ]
        for at, behaviour in enumerate(failing):
            await impatient(house)
            house.model.behaviour = behaviour
            reply = await house.chat(paid_key, stream=True)
            assert reply.status_code == 200, at
            said = [event[6:] for event in reply.text.split("\n\n") if event.startswith("data: ")]
            words = [json.loads(event)["choices"][0]["delta"].get("content") for event in said[:2]]
            assert words == ["Once", " upon"]
            last = json.loads(said[-1])
            assert last["error"]["code"] in ("upstream_error", "upstream_timeout")
            assert last["choices"][0]["finish_reason"] == "error"
            assert "[DONE]" not in reply.text
            assert "secret" not in reply.text
        for row in await rows(house, len(failing)):
            assert (row.outcome, row.units_out, bool(row.estimated)) == ("partial", 3, True)
            assert row.fault in ("upstream_error", "upstream_timeout")
            assert row.charged == IN * row.units_in + OUT * 3

    async def test_that_fails_before_its_first_event(self, house: House, paid_key: str) -> None:
        def first(event: bytes) -> model_server.Behaviour:
            async def behave(_: ModelServer, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
                reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
                await reply.prepare(request)
                await reply.write(event)
                return reply

            return behave

        for event in (FAILED, b"error: /srv/secret\n\n", b""):
            await impatient(house, 20)
            house.model.behaviour = first(event)
            reply = await house.chat(paid_key, stream=True)
            assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_error")
            assert "secret" not in reply.text
        assert {(row.outcome, row.charged) for row in await rows(house, 3)} == {("failed", 0)}

    async def test_that_says_done_and_does_not_end(self, house: House, paid_key: str) -> None:
        house.model.behaviour = streaming(
            b"data: " + json.dumps(chunk({}, "stop")).encode() + b"\n\n", b"data: [DONE]\n\n", then="hang"
        )
        async with asyncio.timeout(15):
            reply = await house.chat(paid_key, stream=True)
        assert reply.text.endswith("data: [DONE]\n\n")
        assert [row.outcome for row in await rows(house)] == ["completed"]

    async def test_whose_counter_is_away(self) -> None:
        call = read_call(Operation.CHAT, json.dumps({"model": MODEL, **HELLO}).encode())
        turn = Turn(cast("Any", SimpleNamespace(prepared=prepare(call, Limits()))), "", b"", 0.0, UnixTime(0))
        used = await Accountant(SystemClock(), AwayCounter()).counted(turn, None, "twelve bytes")
        assert used == Usage(1, 3, estimated=True)


class AwayCounter:
    """The engine's tokenizer while the engine restarts."""

    async def count_tokens(self, text: str) -> int:
        raise UpstreamUnavailable("the engine restarts")
