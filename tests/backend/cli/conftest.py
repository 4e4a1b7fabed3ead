"""The command line as a person types it, in a home and an environment of its own."""

import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from backend.core.deployment import Deployment, write_deployment
from tests.emporion_command import Emporion, run_emporion

GENESIS = "0x" + "11" * 32
CHAIN_ID = 31_337


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """EMPORION_HOME, and no other setting."""
    for name in [name for name in os.environ if name.startswith("EMPORION_")]:
        if not name.startswith("EMPORION_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EMPORION_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def emporion() -> Emporion:
    """Run `emporion ARGUMENT...`."""
    return run_emporion


@pytest.fixture
def record(home: Path) -> Deployment:
    """A deployment record in the home."""
    deployment = Deployment(CHAIN_ID, GENESIS, start_block=1, devnet=True)
    write_deployment(home / "deployment.json", deployment)
    return deployment


class Node(BaseHTTPRequestHandler):
    """A node that knows its chain's id and first block."""

    chain_id = CHAIN_ID
    genesis = GENESIS

    def do_POST(self) -> None:
        """Answer one call or a batch."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        calls = asked if isinstance(asked, list) else [asked]
        answers = [{"jsonrpc": "2.0", "id": c["id"], "result": self._result(c["method"])} for c in calls]
        body = json.dumps(answers if isinstance(asked, list) else answers[0]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _result(self, method: str) -> Any:
        if method == "eth_chainId":
            return hex(self.chain_id)
        return {
            "number": "0x0",
            "hash": self.genesis,
            "parentHash": "0x" + "00" * 32,
            "timestamp": "0x1",
            "logsBloom": "0x" + "00" * 256,
        }

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Node]]:
    """A node at EMPORION_RPC_URLS; its class's fields say what it answers."""
    kind = type("ThisNode", (Node,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("EMPORION_RPC_URLS", f"http://127.0.0.1:{server.server_port}")
        yield kind
        server.shutdown()
        thread.join()


@pytest.fixture
def nothing_listens(monkeypatch: pytest.MonkeyPatch) -> str:
    """A URL where nothing answers, as node and as gateway."""
    monkeypatch.setenv("EMPORION_RPC_URLS", "http://127.0.0.1:1")
    monkeypatch.setenv("EMPORION_PUBLIC_URL", "http://127.0.0.1:1")
    return "http://127.0.0.1:1"
