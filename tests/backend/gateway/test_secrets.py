"""What must never be written down, and how the process ends.

logs
├── given prompts, answers, keys and tokens in good and bad requests, none of them is in a log line or a row
└── given every credential there is, sent well and sent wrong, and secrets entrusted to us: no log, no row
drain
└── when the process stops, it should refuse new requests as retryable
"""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web

from backend.core.logs import configure_logs
from tests.backend.gateway import model_server
from tests.backend.gateway.conftest import House, bearer
from tests.backend.market import SERVICE

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

    async def test_of_every_kind_appear_nowhere(
        self, lines: io.StringIO, house: House, paid_key: str, tmp_path: Path
    ) -> None:
        hidden = await every_secret(house, paid_key)
        house.model.behaviour = telling(hidden["answer"], hidden["upstream"])
        for stream in (False, True):
            await house.chat(paid_key, stream=stream)
        house.model.behaviour = leaking(hidden["upstream"])
        assert hidden["upstream"] not in (await house.chat(paid_key)).text
        for wrong in (hidden["session"][:-1] + "x", paid_key[:-1] + "x", hidden["webhook"]):
            await house.http.get("/v1/keys", headers=bearer(wrong))
            await house.http.get(f"/v1/receipts/{wrong}", headers=bearer(wrong))
            await house.chat(wrong)
            await house.chat(None, headers={"x-api-key": wrong, "emporion-voucher": wrong})
            await house.http.post("/v1/auth/siwe", json={"message": wrong, "signature": wrong})
        await house.services.key_use.flush()
        kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*.db*"))
        for name, secret in hidden.items():
            assert secret not in lines.getvalue(), name
            assert secret.encode() not in kept, name


async def every_secret(house: House, key: str) -> dict[str, str]:
    """Use every credential and entrust every secret once; gives them by name."""
    token = await house.sign_in(house.buyer)
    owner = bearer(await house.sign_in(house.provider))
    keys = (await house.http.get("/v1/keys", headers=bearer(token))).json()
    found = keys["keys"] if isinstance(keys, dict) else keys
    rotated = await house.http.post(
        f"/v1/keys/{found[0]['id']}/rotate", json={"overlap_seconds": 60}, headers=bearer(token)
    )
    upstream = {"kind": "openai", "url": house.model.url, "model": "m", "secret": "canary-upstream-5d20"}
    bound = await house.http.put(
        f"/v1/provider/services/{SERVICE}/upstream", json={"upstreams": [upstream]}, headers=owner
    )
    hook = {"url": house.model.url}
    hooked = await house.http.post("/v1/webhooks", json=hook, headers=bearer(token))
    assert [reply.status_code // 100 for reply in (rotated, bound, hooked)] == [2, 2, 2], rotated.text
    return {
        "session": token,
        "key": key.rpartition("_")[2],
        "rotated": str(rotated.json()["key"]).rpartition("_")[2],
        "upstream": upstream["secret"],
        "webhook": str(hooked.json()["secret"]),
        "answer": "canary-answer-88e1",
        "master": house.settings.master_secret().hex(),
        "meter": (b"\x07" * 32).hex(),
    }


def telling(answer: str, secret: str) -> model_server.Behaviour:
    """A model that is asked with its secret and says this."""

    async def tell(
        server: model_server.ModelServer, request: web.Request, body: dict[str, Any]
    ) -> web.StreamResponse:
        assert request.headers["authorization"] == f"Bearer {secret}"
        if body.get("stream"):
            reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await reply.prepare(request)
            said = json.dumps(model_server.chunk({"content": answer}))
            await reply.write(b"data: " + said.encode() + b"\n\n")
            return reply  # breaks off, which is logged
        message = {"role": "assistant", "content": answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"id": "c", "choices": [choice], "usage": model_server.usage()})

    return tell


def leaking(secret: str) -> model_server.Behaviour:
    """A model that fails with its secret in its words."""

    async def leak(
        server: model_server.ModelServer, request: web.Request, body: dict[str, Any]
    ) -> web.StreamResponse:
        return web.json_response({"error": {"message": f"bad key {secret}"}}, status=500)

    return leak


class TestDrain:
    async def test_refuses_new_requests(self, house: House, pass_key: str) -> None:
        house.services.inference.drain()
        reply = await house.chat(pass_key)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "draining")
        assert reply.headers["retry-after"]
