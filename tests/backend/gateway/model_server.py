"""An OpenAI-shaped server on loopback that answers by script: what a provider's upstream may do, good and
bad.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Behaviour = Callable[["ModelServer", web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]
SOUND = [b"\xff\xfb" + bytes([number]) * 600 for number in range(4)]
WORDS = ["Once", " upon", " a", " time"]


def usage(units_in: int = 7, units_out: int = 4) -> dict[str, int]:
    return {"prompt_tokens": units_in, "completion_tokens": units_out, "total_tokens": units_in + units_out}


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


async def answer(server: "ModelServer", request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """As a good server does."""
    if request.path.endswith("/embeddings"):
        data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
        counted = {"prompt_tokens": 3, "total_tokens": 3}
        return web.json_response({"object": "list", "model": "m", "data": data, "usage": counted})
    if body.get("stream"):
        return await stream(server, request, body)
    message = {"role": "assistant", "content": "".join(WORDS)}
    choice = {"index": 0, "message": message, "text": "".join(WORDS), "finish_reason": "stop"}
    return web.json_response(
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": usage(),
        }
    )


async def media(server: "ModelServer", request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """As a good server of pictures and sound does."""
    if request.path.endswith("/speech"):
        reply = web.StreamResponse(headers={"content-type": "audio/mpeg"})
        await reply.prepare(request)
        for piece in SOUND:
            await reply.write(piece)
            await asyncio.sleep(server.pause)
        return reply
    if "/audio/" in request.path:
        return web.json_response({"text": "Once upon a time"})
    return web.json_response({"created": 1, "data": [{"b64_json": "UElD"}]})


async def stream(server: "ModelServer", request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await reply.prepare(request)
    events = [chunk({"role": "assistant", "content": word}) for word in WORDS]
    events.append(chunk({}, "stop"))
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append({**chunk({}), "choices": [], "usage": usage()})
    for event in events:
        await reply.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        await asyncio.sleep(server.pause)
    await reply.write(b"data: [DONE]\n\n")
    return reply


async def fail(server: "ModelServer", request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"error": {"message": "stack trace of secrets"}}, status=500)


async def refuse(server: "ModelServer", request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"error": {"message": "bad field foo at /srv/secret"}}, status=400)


async def too_long(server: "ModelServer", request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"error": {"message": "exceeds context length"}}, status=400)


async def hang(server: "ModelServer", request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    try:
        await asyncio.sleep(30)
    finally:
        server.left += 1
    return web.json_response({})


async def break_off(server: "ModelServer", request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Half an answer, then the connection dies."""
    reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await reply.prepare(request)
    for word in WORDS[:2]:
        await reply.write(b"data: " + json.dumps(chunk({"content": word})).encode() + b"\n\n")
    await asyncio.sleep(0.05)
    assert request.transport is not None
    request.transport.abort()
    return reply


async def drip(server: "ModelServer", request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """A stream without end; counts the callers that left."""
    reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await reply.prepare(request)
    try:
        while True:
            await reply.write(b"data: " + json.dumps(chunk({"content": " word"})).encode() + b"\n\n")
            await asyncio.sleep(0.02)
    finally:
        server.left += 1


class ModelServer:
    """Set `behaviour`; look at `asked` for the bodies that arrived and `left` for callers that went away."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = answer
        self.pause = 0.0
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.left = 0
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        kind = request.content_type
        body = {"form": await request.read()} if kind == "multipart/form-data" else await request.json()
        self.asked.append(body)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        return await self.behaviour(self, request, body)

    async def start(self) -> web.AppRunner:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/{route:.*}", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        return runner
