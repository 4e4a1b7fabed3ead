"""llama.cpp's own server, as somebody who knows nothing of us runs it: `python -m ...llama_server KEY`.

Its own defaults, prompt cache and all, but for the address, the key and the threads. It prints where it
listens and ends when standard input closes.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backend.inference.engine_process import own_output
from backend.inference.model_file import shipped_model

ALIAS = "smollm2"
SLOT_TOKENS = 512
"""Less than the service's document says, so that a prompt can be too long for the server alone."""
ROOT = Path(__file__).parents[3]


def main() -> None:
    import xllamacpp

    output = own_output()
    common = xllamacpp.CommonParams()
    common.model.path = str(shipped_model())
    common.model_alias = {ALIAS}
    common.n_parallel = 2
    common.n_ctx = 2 * SLOT_TOKENS
    common.kv_unified = False
    common.cpuparams.n_threads = common.cpuparams_batch.n_threads = 2
    common.hostnames = ["127.0.0.1"]
    common.port = 0
    common.api_keys = [sys.argv[1]]
    server = xllamacpp.Server(common)
    print(server.listening_address, file=output, flush=True)
    sys.stdin.read()
    os._exit(0)


@asynccontextmanager
async def running(key: str) -> AsyncIterator[str]:
    """A server of its own process; gives the base that ends in `/v1`."""
    command = (sys.executable, "-m", "tests.backend.gateway.llama_server", key)
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=ROOT, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            listening = (await process.stdout.readline()).decode().strip()
        assert listening, "llama.cpp's server did not start"
        yield f"{listening}/v1"
    finally:
        process.stdin.close()
        await process.wait()


if __name__ == "__main__":
    main()
