"""Bodies and callers that are not as they should be, on the model routes.

bodies
├── of 0 bytes, 1 byte, not UTF-8: 400; too large, declared or not: 413; nested deep, in any field: 400
├── max_tokens negative, none, no number: 400; absent: the default; huge: clamped to the plan
├── unknown fields pass; hostile ones are dropped, refused, or cost what they can cost
└── names of a model that are none: 404
callers that leave at the first, a middle or the last chunk
└── exactly one usage row for what they got, the upstream let go, nothing held
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from tests.backend.gateway.conftest import MODEL, House, bearer
from tests.backend.gateway.model_server import ModelServer, chunk, usage
from tests.backend.gateway.test_hostile_upstreams import rows

ROUTES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "/v1/completions": {"prompt": "Hi"},
    "/v1/embeddings": {"input": "Hi"},
    "/v1/responses": {"input": "Hi"},
}


def nested(times: int, inner: str = "1") -> str:
    return "[" * times + inner + "]" * times


async def refusals(house: House, key: str, route: str, bodies: list[bytes]) -> set[tuple[int, str]]:
    """Status and code of each."""
    found = set()
    for body in bodies:
        reply = await house.http.post(route, content=body, headers=bearer(key))
        found.add((reply.status_code, reply.json()["error"]["code"]))
    return found


MALFORMED = {(400, "malformed_request")}
LENGTHS: list[Any] = [-1, 0, 1.5, "8", True, [8], {}, 2**64, -(2**63), 1e400, float("nan")]
HOSTILE: list[tuple[dict[str, Any], int]] = [
    ({"id_slot": 0, "cache_prompt": True, "lora": [{"id": 0, "scale": 1}]}, 200),
    ({"stream": "yes"}, 400),
    ({"stream_options": [], "stream": True}, 200),
    ({"stream_options": "x", "stream": True}, 400),
    ({"n": 10**6}, 422),
    ({"n": "2"}, 400),
    ({"best_of": -1}, 400),
    ({"n_probs": 10**9}, 422),
    ({"messages": {}}, 400),
    ({"messages": []}, 400),
    ({"messages": [None, 7, "x"]}, 200),
    ({"messages": [{"role": "user", "content": [{"type": "input_file", "file": "/etc/passwd"}]}]}, 422),
    ({"messages": [{"content": [{"type": "image_url", "image_url": "http://10.0.0.1/"}]}]}, 422),
]
NAMES = [
    "31337/99999999999",
    "31337/0",
    "031337/01 ",
    "31337/1/..",
    "\n",
    "x" * 200,
    "31337/²",
    "0x/a",
    "'--",
]


class TestBodies:
    async def test_that_are_none(self, house: House, pass_key: str) -> None:
        bodies = [b"", b"x", b"{", b"\x00", b"\xff\xfe{}", b'{"model":"\xc3\x28"}', b'{"model":"\\ud800"}']
        for route in ROUTES:
            assert await refusals(house, pass_key, route, bodies) == MALFORMED
        assert not house.model.asked

    async def test_that_are_too_large(self, house: House, pass_key: str) -> None:
        most = house.settings.max_body_bytes

        async def without_length() -> AsyncIterator[bytes]:
            for _ in range(most // 65_536 + 1):
                yield b" " * 65_536

        for content in (b" " * (most + 1), without_length()):
            reply = await house.http.post("/v1/chat/completions", content=content, headers=bearer(pass_key))
            assert (reply.status_code, reply.json()["error"]["code"]) == (413, "body_too_large")

    async def test_that_are_nested_deep(self, house: House, pass_key: str) -> None:
        """Deeper than what writes the body again can write, or what counts its words can walk."""
        for route, needed in ROUTES.items():
            bodies = [
                (json.dumps({"model": MODEL, **needed, field: 0})[:-2] + nested(depth) + "}").encode()
                for field in ("messages", "prompt", "input", "metadata")
                for depth in (120, 300, 1_000, 100_000)
            ]
            assert await refusals(house, pass_key, route, bodies) == MALFORMED
        said = json.dumps({"model": MODEL, **ROUTES["/v1/chat/completions"], "metadata": 0})
        body = said[:-2] + nested(99) + "}"
        reply = await house.http.post("/v1/chat/completions", content=body, headers=bearer(pass_key))
        assert reply.status_code == 200

    async def test_with_a_length_that_is_none(self, house: House, pass_key: str) -> None:
        chat = {"model": MODEL, **ROUTES["/v1/chat/completions"]}
        bodies = [
            json.dumps({**chat, name: length}).encode()
            for name in ("max_tokens", "max_completion_tokens", "n_predict")
            for length in LENGTHS
        ]
        assert await refusals(house, pass_key, "/v1/chat/completions", bodies) == MALFORMED

    async def test_with_a_length_absent_or_huge(self, house: House, pass_key: str) -> None:
        for asked, sent in ((None, 512), (10**18, 512), (512, 512), (1, 1)):
            assert (await house.chat(pass_key, max_tokens=asked)).status_code == 200
            assert house.model.asked[-1]["max_tokens"] == sent

    async def test_with_a_field_twice(self, house: House, paid_key: str) -> None:
        """The last one counts, for the bound and for the upstream alike."""
        said = json.dumps({"model": MODEL, **ROUTES["/v1/chat/completions"], "max_tokens": 400})
        body = said[:-1] + ', "max_tokens": 5}'
        reply = await house.http.post("/v1/chat/completions", content=body, headers=bearer(paid_key))
        assert reply.status_code == 200
        assert house.model.asked[-1]["max_tokens"] == 5

    async def test_with_unknown_fields(self, house: House, pass_key: str) -> None:
        odd: dict[str, Any] = {
            "__proto__": {"a": 1},
            "constructor": "x",
            "": None,
            "seed": 7,
            "é\u202e": [{}],
        }
        assert (await house.chat(pass_key, **odd)).status_code == 200
        sent = house.model.asked[-1]
        assert {name: sent.get(name, "lost") for name in odd} == odd

    async def test_with_hostile_fields(self, house: House, pass_key: str) -> None:
        for hostile, status in HOSTILE:
            asked = len(house.model.asked)
            reply = await house.chat(pass_key, **hostile)
            assert reply.status_code == status, (hostile, reply.text)
            assert len(house.model.asked) == asked + (status == 200)
        dropped = {"id_slot", "cache_prompt", "lora"}
        assert not any(sent.keys() & dropped for sent in house.model.asked)

    async def test_with_a_name_that_is_none(self, house: House, pass_key: str) -> None:
        for name in NAMES:
            reply = await house.chat(pass_key, model=name)
            assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found"), name


class Gate:
    """A stream whose every event waits to be let go."""

    def __init__(self, words: int) -> None:
        self.words = words
        self.steps = asyncio.Semaphore(0)
        self.let_go = asyncio.Event()

    async def behave(self, _: ModelServer, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await reply.prepare(request)
        events = [json.dumps(chunk({"content": f" word{at}"})) for at in range(self.words)]
        events += [json.dumps(chunk({}, "stop")), json.dumps({**chunk({}), "choices": [], "usage": usage()})]
        try:
            for event in [*events, "[DONE]"]:
                await self.steps.acquire()
                await reply.write(b"data: " + event.encode() + b"\n\n")
            await self.steps.acquire()
        finally:
            self.let_go.set()
        return reply


class TestLeaving:
    @pytest.mark.parametrize(
        ("events", "wanted", "outcome", "units_out"),
        [
            (1, b"word0", "partial", 2),
            (3, b"word2", "partial", 5),
            (7, b"[DONE]", "completed", 4),
        ],
        ids=["first", "middle", "last"],
    )
    async def test_leaves_one_row_and_no_upstream(
        self, house: House, paid_key: str, events: int, wanted: bytes, outcome: str, units_out: int
    ) -> None:
        gate = Gate(words=4)
        house.model.behaviour = gate.behave
        for _ in range(events):
            gate.steps.release()
        await read_until(house, paid_key, lambda got: wanted in got)
        async with asyncio.timeout(5):  # the promise is one second; the rest is for a busy machine
            await gate.let_go.wait()
        (row,) = await rows(house)
        assert (row.outcome, row.units_out) == (outcome, units_out)
        assert row.charged > 0

    async def test_before_the_first_byte_costs_nothing(self, house: House, paid_key: str) -> None:
        gate = Gate(words=4)
        house.model.behaviour = gate.behave
        reading = asyncio.create_task(read_until(house, paid_key, lambda _: False))
        async with asyncio.timeout(20):
            while not house.model.asked:
                await asyncio.sleep(0.01)
        reading.cancel()
        async with asyncio.timeout(5):
            await gate.let_go.wait()
        assert [(row.outcome, row.charged) for row in await rows(house)] == [("failed", 0)]


async def read_until(house: House, key: str, enough: Callable[[bytes], bool]) -> None:
    """A caller on a bare socket, who hangs up the moment it has enough."""
    port = int(house.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"model": MODEL, **ROUTES["/v1/chat/completions"], "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
    try:
        writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
        got = b""
        while not enough(got):
            piece = await reader.read(65_536)
            assert piece, got
            got += piece
    finally:
        writer.transport.abort()
