"""The two plain servers of the benchmark: `python -m scripts.bench.servers upstream|raw PORT [UPSTREAM]`.

`upstream` answers like a model, at once; `raw` is the smallest passthrough one would write.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import orjson
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse

CHUNKS: Final = 64
USAGE: Final = {"prompt_tokens": 20, "completion_tokens": CHUNKS, "total_tokens": 20 + CHUNKS}
WORDS: Final = "A quick answer of a plain upstream, long enough to be one. " * 6
WHOLE: Final = orjson.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": WORDS}, "finish_reason": "stop"}
        ],
        "usage": USAGE,
    }
)


def _chunk(delta: dict[str, str], finish: str | None = None, **more: Any) -> bytes:
    said = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1, "model": "bench"}
    choices = [] if more else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + orjson.dumps({**said, "choices": choices, **more}) + b"\n\n"


STREAM: Final = [
    *(_chunk({"content": f"word{number} "}) for number in range(CHUNKS)),
    _chunk({}, "stop"),
    _chunk({}, usage=USAGE),
    b"data: [DONE]\n\n",
]


async def upstream(scope: Any, receive: Any, send: Any) -> None:
    """A model that answers at once; pure ASGI, so that little of what is measured is its own."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    stream = bool(body) and orjson.loads(body).get("stream") is True
    kind = b"text/event-stream" if stream else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    for part in STREAM if stream else [WHOLE]:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def passthrough(target: str) -> FastAPI:
    """FastAPI in front of aiohttp: what a gated request is compared with."""
    state: dict[str, aiohttp.ClientSession] = {}

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as session:
            state["session"] = session
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.post("/v1/chat/completions")
    async def relay(request: Request) -> Response:
        body = await request.body()
        reply = await state["session"].post(
            f"{target}/v1/chat/completions", data=body, headers={"Content-Type": "application/json"}
        )
        if reply.content_type != "text/event-stream":
            async with reply:
                return Response(await reply.read(), media_type="application/json")

        async def parts() -> AsyncIterator[bytes]:
            async with reply:
                async for part in reply.content.iter_any():
                    yield part

        return StreamingResponse(parts(), media_type="text/event-stream")

    return app


def main() -> None:
    """Serve the one that is named, until ended."""
    kind, port = sys.argv[1], int(sys.argv[2])
    app: Any = upstream if kind == "upstream" else passthrough(sys.argv[3])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, loop="uvloop")


if __name__ == "__main__":
    main()
