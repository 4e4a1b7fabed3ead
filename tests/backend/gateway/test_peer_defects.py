"""Defects seen in gateways of others, each by its name: none of them here.

docs/peer-defects.md lists all of them, with the tests in other rooms.
"""

import ast
import asyncio
import hashlib
import time
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_defunct
from sqlalchemy import text

from backend.accounts.key_format import make_key
from backend.core.errors import UnsafeSettings
from backend.core.safety import DEVNET_KEYS, DEVNET_MASTER_KEY
from backend.core.settings import load_settings
from backend.db.tables import chain as tables
from tests.backend.gateway import model_server
from tests.backend.gateway.conftest import METERED, House, address_of, bearer
from tests.backend.gateway.test_bad_input import Gate, read_until
from tests.backend.gateway.test_hostile_upstreams import rows
from tests.backend.market import CHAIN_ID, tab

ROOT = Path(__file__).parents[3]
BLOCKING = {
    *("time.sleep", "subprocess.run", "subprocess.check_output", "os.system", "sqlite3.connect"),
    *("socket.create_connection", "urllib.request.urlopen", "psycopg.connect"),
    *(
        f"{library}.{verb}"
        for library in ("requests", "httpx")
        for verb in ("get", "post", "request", "Client")
    ),
}
SLOW_HASHES = ("bcrypt", "argon2", "scrypt", "passlib")


async def signed_in(house: House, domain: str | None = None) -> dict[str, str]:
    """A signed message as the body of a sign-in, for a domain of the test's choice."""
    said = (await house.http.get("/v1/auth/nonce")).json()
    issued = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    message = (
        f"{domain or said['domain']} wants you to sign in with your Ethereum account:\n"
        f"{house.buyer.address}\n\n{said['statement']}\n\nURI: {said['uri']}\nVersion: 1\n"
        f"Chain ID: {said['chain_id']}\nNonce: {said['nonce']}\nIssued At: {issued}"
    )
    signature = house.buyer.sign_message(encode_defunct(text=message)).signature.hex()
    return {"message": message, "signature": signature}


class TestCredentials:
    async def test_bearer_usable_at_another_seller(self, house: House) -> None:
        """What proves a wallet to one gateway proves nothing to the next: no message, key or session."""
        other = await signed_in(house, "other-seller.example")
        assert (await house.http.post("/v1/auth/siwe", json=other)).status_code == 401
        for token in (make_key("dev").text, make_key("live").text, "ses_" + "a" * 43):
            assert (await house.chat(token)).status_code == 401
        assert not house.model.asked

    async def test_nonce_checked_then_recorded(self, house: House) -> None:
        said = await signed_in(house)
        replies = await asyncio.gather(*(house.http.post("/v1/auth/siwe", json=said) for _ in range(12)))
        assert sorted(reply.status_code for reply in replies) == [200, *[401] * 11]

    async def test_session_nonce_never_spent(self, house: House) -> None:
        said = await signed_in(house)
        token = (await house.http.post("/v1/auth/siwe", json=said)).json()["token"]
        assert (await house.http.post("/v1/auth/siwe", json=said)).status_code == 401
        assert (await house.http.post("/v1/auth/logout", headers=bearer(token))).status_code < 300
        assert (await house.http.post("/v1/auth/siwe", json=said)).status_code == 401
        assert (await house.http.get("/v1/keys", headers=bearer(token))).status_code == 401

    def test_api_keys_hashed_with_bcrypt_on_every_call(self) -> None:
        """Keys are random: one SHA-256 finds them, and no password hash is even installed."""
        made = make_key("dev")
        assert made.secret_hash == hashlib.sha256(made.text.encode()).digest()
        locked = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
        assert not [line for line in locked if line.startswith(SLOW_HASHES)]

    def test_public_default_secrets(self) -> None:
        public: list[dict[str, Any]] = [
            {"master_key": DEVNET_MASTER_KEY},
            {"meter_key": min(DEVNET_KEYS)},
            {"private_key": "0x" + max(DEVNET_KEYS)},
        ]
        for given in public:
            with pytest.raises(UnsafeSettings):
                load_settings(**given)


class TestMoney:
    async def test_answers_released_though_settlement_failed(self, house: House, paid_key: str) -> None:
        """Where what was used cannot be written down, no answer ends: not whole, and not as a stream."""
        async with house.services.deps.store.write_connection() as db:
            await db.execute(text("ALTER TABLE gateway.usage RENAME TO usage_elsewhere"))
        whole = await house.chat(paid_key)
        assert whole.status_code >= 500
        assert "Once" not in whole.text
        with pytest.raises(Exception, match=r"closed|peer|incomplete|disconnect"):
            await house.chat(paid_key, stream=True)

    async def test_finished_work_discarded_by_an_empty_402(self, house: House, paid_key: str) -> None:
        """Admitted is admitted: the tab is emptied meanwhile, the answer comes and is written down."""
        gate = Gate(words=2)
        house.model.behaviour = gate.behave
        asking = asyncio.create_task(house.chat(paid_key, stream=True))
        while not house.model.asked:
            await asyncio.sleep(0.01)
        await house.mine(tab(METERED, 0, address_of(house.buyer)))
        for _ in range(8):
            gate.steps.release()
        reply = await asking
        assert reply.status_code == 200
        assert reply.text.endswith("data: [DONE]\n\n")
        assert [row.outcome for row in await rows(house)] == ["completed"]
        refused = await house.chat(paid_key)
        assert refused.status_code == 402
        assert refused.json()["error"]["details"]["offers"]

    async def test_money_claimable_that_nobody_is_shown(self, house: House) -> None:
        """One call tells all an account can draw: credits and units a refund pays, shares, staking."""
        payer = address_of(house.buyer)
        owned = tables.Holding(chain_id=CHAIN_ID, plan_id=METERED, account=payer, units=3)
        await house.mine(tab(METERED, 7, payer), owned)
        shown = (await house.http.get(f"/v1/accounts/{house.buyer.address}")).json()
        (one,) = shown["plans"]
        assert (one["units"], one["deposited"], one["settled"]) == ("3", "7", "0")
        assert {"shares", "rewards", "positions", "services"} <= shown.keys()


class TestAnswers:
    async def test_truncated_stream_that_looks_like_success(self, house: House, paid_key: str) -> None:
        house.model.behaviour = model_server.break_off
        reply = await house.chat(paid_key, stream=True)
        assert "[DONE]" not in reply.text
        assert '"finish_reason":"error"' in reply.text

    async def test_whole_body_buffered_by_payment_middleware(self, house: House, paid_key: str) -> None:
        """The first word is with the caller while the upstream has not yet been let to say the second."""
        gate = Gate(words=4)
        house.model.behaviour = gate.behave
        gate.steps.release()
        async with asyncio.timeout(30):
            await read_until(house, paid_key, lambda got: b"word0" in got)
        assert gate.steps.locked()

    def test_blocking_calls_inside_async_code(self) -> None:
        found = [
            f"{path.relative_to(ROOT)}:{call.lineno} {name}"
            for folder in ("backend", "indexer")
            for path in (ROOT / folder).rglob("*.py")
            for function in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(function, ast.AsyncFunctionDef)
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
            for name in [ast.unparse(call.func)]
            if name in BLOCKING
        ]
        assert not found
