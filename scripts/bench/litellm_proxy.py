"""LiteLLM's proxy as a server to measure: installed apart, hashes pinned, one worker, a master key.

Its virtual keys want a database through Prisma, whose engines are downloaded from a place that is no package
registry; so it runs without one, and does less than a gated request does: one key for all, no budget, no row.
"""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from scripts.bench.servers import answering, ended
from scripts.environment import ROOT, Environment
from scripts.progress import told
from scripts.stamps import Stamps, digest

VERSION: Final = "1.106.2"
LOCK: Final = ROOT / "requirements-litellm.lock"
FOLDER: Final = ROOT / ".setup" / "litellm"
KEY: Final = "sk-bench-master"
START_SECONDS: Final = 120.0
VIRTUAL_KEYS: Final = (
    "not measured: LiteLLM's virtual keys need Prisma's engines, which no package registry has"
)
_CONFIG: Final = """model_list:
  - model_name: bench
    litellm_params: {{model: openai/bench, api_base: {upstream}/v1, api_key: none}}
general_settings: {{master_key: {key}}}
"""


def install() -> Path:
    """The proxy's program, installed once for each lock. Raises SubprocessError where that fails."""
    stamps, stamp = Stamps(FOLDER / "setup.json"), digest(LOCK)
    program = FOLDER / "bin" / "litellm"
    if not stamps.holds("litellm", stamp) or not program.exists():
        uv = str(Environment(ROOT).program("uv"))
        with told(f"Installing LiteLLM {VERSION} to measure beside ours"):
            subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(FOLDER)], check=True)
            with stamps.step("litellm", stamp):
                into = ["--python", str(FOLDER / "bin" / "python"), "--compile-bytecode"]
                command = [uv, "pip", "install", "-q", *into, "--require-hashes", "-r", str(LOCK)]
                subprocess.run(command, check=True)
    return program


@asynccontextmanager
async def litellm(home: Path, port: int, upstream: str) -> AsyncIterator[tuple[str, int]]:
    """The proxy in front of an upstream: its URL and process id."""
    program = install()
    config = home / "litellm.yaml"
    config.write_text(_CONFIG.format(upstream=upstream, key=KEY), encoding="utf-8")
    where = ("--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--telemetry", "False")
    known = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env = {**known, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    with (home / "litellm.log").open("wb") as log:
        command = (str(program), "--config", str(config), *where)
        async with ended(*command, env=env, stdout=log, stderr=log) as process:
            await answering(port, process, START_SECONDS)
            yield f"http://127.0.0.1:{port}", process.pid
