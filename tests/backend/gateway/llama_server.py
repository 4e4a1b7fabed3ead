"""llama.cpp's own server, as somebody who knows nothing of us runs it: `python -m ...llama_server KEY`.

Its own defaults, prompt cache and all, but for the address, the key and the threads. It prints where it
listens and ends when standard input closes.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

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


@contextmanager
def running(key: str) -> Iterator[str]:
    """A server in a process of its own; gives the base that ends in `/v1`."""
    command = (sys.executable, "-m", "tests.backend.gateway.llama_server", key)
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    with Popen(
        command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=ROOT, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        listening = process.stdout.readline().strip()
        assert listening, "llama.cpp's server did not start"
        yield f"{listening}/v1"
        process.communicate(timeout=30)  # which closes its standard input


if __name__ == "__main__":
    main()
