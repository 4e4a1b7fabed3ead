"""The example of Ray Serve behind the whole gateway: it does what llama.cpp's own server does.

It is started by its README's command, from the virtual environment that the README makes. Its name keeps it
out of the suite, which does not install Ray:

    pytest tests/backend/gateway/ray_serve_example.py
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import pytest

from backend.cli.devnet.ports import free_port
from tests.backend.gateway.test_llama_server import (  # noqa: F401 - collected here, on this module's server
    Server,
    TestServer,
    client,
    wire,
)

pytestmark = [pytest.mark.model, pytest.mark.integration, pytest.mark.timeout(300)]

EXAMPLE = Path(__file__).parents[3] / "examples" / "ray_serve"
PYTHON = EXAMPLE / ".venv" / "bin" / "python"
SECRET = "of-the-ray-serve-example"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    assert PYTHON.exists(), "Ray Serve is not installed: see examples/ray_serve/README.md"
    port = free_port(0)
    command = (PYTHON, "serve_model.py", "--port", str(port), "--replicas", "1")
    environment = {**os.environ, "RAY_SERVE_SECRET": SECRET, "RAY_USAGE_STATS_ENABLED": "0"}
    with Popen(command, stdout=PIPE, stderr=DEVNULL, cwd=EXAMPLE, env=environment, text=True) as process:
        assert process.stdout is not None
        said = next((line for line in process.stdout if line.startswith("ready: ")), "it ended")
        assert said.strip() == f"ready: http://127.0.0.1:{port}/v1 serves smollm2-135m"
        yield Server(f"http://127.0.0.1:{port}/v1", "smollm2-135m", SECRET)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
