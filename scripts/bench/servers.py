"""The two plain servers of the benchmark: `python -m scripts.bench.servers upstream|raw PORT [UPSTREAM]`.

`upstream` answers like a model: at once, streams a chunk every other millisecond, so that each is relayed by
itself. `raw` is the smallest passthrough one would write.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import IO, Any, Final

import aiohttp
import orjson
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse

CHUNKS: Final = 512
"""The longest stream; `max_tokens` asks for fewer."""
PAUSE_SECONDS: Final = 0.002
START_SECONDS: Final = 20.0
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


STREAM: Final = [_chunk({"content": f"word{number} "}) for number in range(CHUNKS)]
END: Final = [_chunk({}, "stop"), _chunk({}, usage=USAGE), b"data: [DONE]\n\n"]


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
    asked = orjson.loads(body) if body else {}
    stream = asked.get("stream") is True
    kind = b"text/event-stream" if stream else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    for part in [*STREAM[: asked["max_tokens"]], *END] if stream else [WHOLE]:
        await send({"type": "http.response.body", "body": part, "more_body": True})
        if stream:
            await asyncio.sleep(PAUSE_SECONDS)
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


@asynccontextmanager
async def plain(kind: str, port: int, *arguments: str) -> AsyncIterator[tuple[str, int]]:
    """One of the plain servers, as a process: its URL and process id."""
    command = (sys.executable, "-m", "scripts.bench.servers", kind, str(port), *arguments)
    async with ended(*command) as process:
        await answering(port, process, START_SECONDS)
        yield f"http://127.0.0.1:{port}", process.pid


@asynccontextmanager
async def ended(
    *command: str,
    env: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: IO[bytes] | int | None = None,
    stderr: IO[bytes] | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends with the block."""
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdin=stdin, stdout=stdout, stderr=stderr
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), START_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def answering(port: int, process: asyncio.subprocess.Process, seconds: float) -> None:
    """Wait until something listens on a port. Raises RuntimeError where the process ends or time is up."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while loop.time() < deadline and process.returncode is None:
        try:
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            return
        except OSError:
            await asyncio.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port} of 127.0.0.1 after {seconds:.0f} s")


def main() -> None:
    """Serve the one that is named, until ended."""
    kind, port = sys.argv[1], int(sys.argv[2])
    app: Any = upstream if kind == "upstream" else passthrough(sys.argv[3])
    given: dict[str, Any] = {"log_level": "error", "access_log": False, "loop": "uvloop"}
    # A kept connection that the upstream closes under a request would be an error of nobody measured.
    uvicorn.run(app, host="127.0.0.1", port=port, timeout_keep_alive=3_600, **given)


if __name__ == "__main__":
    main()
