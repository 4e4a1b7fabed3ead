"""The engine's own process: `python -m backend.inference.engine_process`.

The parent writes one line of JSON to our standard input: `{"key": secret, "parameters": EngineParameters}`.
We load the model, serve HTTP on 127.0.0.1 at a free port and answer with one line on standard output,
`Ready` as JSON. The key keeps other programs of this machine from using the model unmetered. We end when
standard input closes, which happens on every platform when the parent stops or dies.

Nothing but the standard library and the runtime is imported here: each engine would pay for it in memory.
"""

import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from backend.inference.engine_parameters import EngineParameters

if TYPE_CHECKING:
    import xllamacpp

HTTP_THREADS = 64
"""Each kept connection occupies one for as long as it is open."""
MIN_LOG_LEVEL = 1
"""Errors only: the runtime's higher levels name requests, and prompts are never logged."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What the process reports once the model answers."""

    url: str
    runtime_version: str
    cpu_features: tuple[str, ...]


def runtime_parameters(parameters: EngineParameters, key: str) -> "xllamacpp.CommonParams":
    """The runtime's own record for ours."""
    import xllamacpp

    common = xllamacpp.CommonParams()
    common.model.path = parameters.model_path
    common.model_alias = {parameters.alias}
    common.n_parallel = parameters.slots
    common.n_ctx = parameters.context_tokens * parameters.slots
    common.kv_unified = False
    common.n_ubatch = parameters.batch_tokens
    common.cpuparams.n_threads = parameters.threads
    common.cpuparams_batch.n_threads = parameters.threads
    common.embedding = True
    common.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    common.cache_ram_mib = parameters.prompt_cache_mib
    common.cache_prompt = common.cache_idle_slots = parameters.prompt_cache_mib > 0
    close_side_doors(common, key)
    return common


def close_side_doors(common: "xllamacpp.CommonParams", key: str) -> None:
    """Loopback, a key, and none of the pages and routes that show other callers' prompts."""
    common.hostnames = ["127.0.0.1"]
    common.port = 0
    common.n_threads_http = HTTP_THREADS
    common.api_keys = [key]
    common.ui = False
    common.endpoint_slots = False
    common.endpoint_props = False
    common.verbosity = MIN_LOG_LEVEL


def cpu_features(system_info: str) -> tuple[str, ...]:
    """`"CPU : AVX = 1 | FMA = 1 | "` -> `("AVX", "FMA")`: which kernels ran, so which rounding."""
    entries = (entry.rpartition(":")[2].split("=") for entry in system_info.split("|"))
    return tuple(sorted(e[0].strip() for e in entries if len(e) == 2 and e[1].strip() != "0"))


def own_output() -> TextIO:
    """Our standard output for ourselves; what the runtime prints goes to standard error."""
    private = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return private


def serve(parameters: EngineParameters, key: str) -> tuple[Any, Ready]:
    """Load the model and listen. The server runs in threads of its own for as long as it is referenced."""
    import xllamacpp

    server = xllamacpp.Server(runtime_parameters(parameters, key))
    features = cpu_features(xllamacpp.get_system_info())
    return server, Ready(server.listening_address, xllamacpp.__version__, features)


def main() -> None:
    """Serve until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; our parent drains first
    output = own_output()
    order = json.loads(sys.stdin.readline())
    parameters = EngineParameters(**order["parameters"])
    if not Path(parameters.model_path).is_file():
        sys.exit(
            f"the model file {parameters.model_path} is missing: install the `model` extra or set its path"
        )
    server, ready = serve(parameters, order["key"])
    print(json.dumps(asdict(ready)), file=output, flush=True)
    sys.stdin.read()
    os._exit(0 if server else 1)  # the runtime's own shutdown waits for open streams


if __name__ == "__main__":
    main()
