"""What must never be written down, and how the process ends.

logs
└── given prompts, answers, keys and tokens in good and bad requests, none of them is in a log line or a row
drain
└── when the process stops, it should refuse new requests as retryable
"""

import io
from pathlib import Path
from typing import Any

import pytest
import structlog

from backend.core.logs import configure_logs
from tests.backend.gateway import model_server
from tests.backend.gateway.conftest import House, bearer

CANARY = "canary-3f9a1c"


@pytest.fixture
def lines() -> Any:
    written = io.StringIO()
    configure_logs("debug", "json", written)
    yield written
    structlog.reset_defaults()


class TestSecrets:
    async def test_appear_in_no_log_and_no_row(
        self, lines: io.StringIO, house: House, paid_key: str, tmp_path: Path
    ) -> None:
        said = [{"role": "user", "content": CANARY}]
        for behaviour in (
            model_server.answer,
            model_server.fail,
            model_server.break_off,
            model_server.refuse,
        ):
            house.model.behaviour = behaviour
            for stream in (False, True):
                await house.chat(paid_key, messages=said, stream=stream)
        await house.http.post("/v1/chat/completions", content=b'{"model": 1, "x": "' + CANARY.encode())
        await house.http.get(f"/v1/receipts/{CANARY}", headers=bearer(paid_key))
        await house.services.key_use.flush()
        secret = paid_key.rpartition("_")[2]
        kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*.db*"))
        for hidden in (CANARY, secret):
            assert hidden not in lines.getvalue()
            assert hidden.encode() not in kept
        assert "gateway.request.failed" in lines.getvalue()


class TestDrain:
    async def test_refuses_new_requests(self, house: House, pass_key: str) -> None:
        house.services.inference.drain()
        reply = await house.chat(pass_key)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "draining")
        assert reply.headers["retry-after"]
