"""Requests signed one by one (RFC 9421, draft ERC-8128), over HTTP.

switched off: refused, and told what to send
switched on
├── a call of a model, an account's route: served as the signer's
├── fresh enough to make a key
├── refused: another body, path, query, method, host, chain; a header that is not covered
├── refused: sent again, expired, too long a life, from the future
├── refused: malleable, of another wallet, no signature, beside a bearer
└── the nonce's store does not answer: refused, never served
"""

import base64
import time
from typing import Any

import orjson
import pytest

from backend.accounts import signed_requests
from backend.accounts.signed_requests import read_input
from backend.client.signed_requests import signed_headers
from backend.core.errors import InvalidSignature
from backend.signing.ecdsa import _ORDER
from backend.signing.http_messages import LABEL, content_digest
from backend.signing.keys import LocalKey
from tests.backend.gateway.conftest import METERED, MODEL, House, address_of, bearer
from tests.backend.market import CHAIN_ID, tab

BUYER = LocalKey(bytes([10]) * 32)
CHAT = "/v1/chat/completions"
BODY = orjson.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8})


class TestSwitchedOff:
    async def test_is_told_what_to_send(self, house: House) -> None:
        reply = await house.http.get("/v1/keys", headers=signed(house, "GET", "/v1/keys"))
        assert reply.status_code == 401
        assert "Bearer" in reply.json()["detail"]


def signed(house: House, method: str, path: str, body: bytes = b"", **more: Any) -> dict[str, str]:
    given = {"now": int(time.time()), "chain_id": CHAIN_ID, **more}
    made = signed_headers(BUYER, method=method, url=house.url + path, body=body, **given)
    return {**made, **({"content-type": "application/json"} if body else {})}


class TestSwitchedOn:
    @pytest.fixture
    def gateway_settings(self, database_url: str) -> dict[str, Any]:
        return {"signed_requests": "erc8128-draft", "database_url": database_url}

    @pytest.fixture
    async def credited(self, house: House) -> House:
        await house.mine(tab(METERED, 10, address_of(house.buyer)))
        return house

    async def refused(self, house: House, headers: dict[str, str], **sent: Any) -> str:
        asked = {"method": "POST", "url": CHAT, "content": BODY, **sent}
        reply = await house.http.request(headers=headers, **asked)
        assert reply.status_code == 401, reply.text
        said = reply.json()
        return str(said["error"]["code"] if "error" in said else said["code"])

    async def test_serves_the_signer(self, credited: House) -> None:
        headers = signed(credited, "POST", CHAT, BODY, headers={"Emporion-Plan": str(METERED)})
        reply = await credited.http.post(CHAT, content=BODY, headers=headers)
        assert reply.status_code == 200, reply.text
        assert orjson.loads(reply.headers["emporion-receipt"])["payer"] == credited.buyer.address
        path = f"/v1/receipts/{reply.headers['x-request-id']}"
        assert (await credited.http.get(path, headers=signed(credited, "GET", path))).status_code == 200

    async def test_makes_a_key(self, house: House) -> None:
        headers = signed(house, "POST", "/v1/keys", b"{}")
        reply = await house.http.post("/v1/keys", content=b"{}", headers=headers)
        assert reply.status_code == 201, reply.text
        listed = await house.http.get("/v1/keys?x=1", headers=signed(house, "GET", "/v1/keys?x=1"))
        assert [one["id"] for one in listed.json()] == [reply.json()["id"]]

    async def test_refuses_the_second_time(self, credited: House) -> None:
        headers = signed(credited, "POST", CHAT, BODY)
        assert (await credited.http.post(CHAT, content=BODY, headers=headers)).status_code == 200
        assert await self.refused(credited, headers) == "invalid_nonce"

    async def test_refuses_another_body(self, credited: House) -> None:
        other = BODY.replace(b"Hi", b"Ho")
        assert await self.refused(credited, signed(credited, "POST", CHAT, BODY), content=other)
        headers = {**signed(credited, "POST", CHAT, BODY), "content-digest": content_digest(other)}
        assert await self.refused(credited, headers, content=other) == "invalid_signature"
        assert not credited.model.asked
        keys = signed(credited, "POST", "/v1/keys", b"{}")
        assert await self.refused(credited, keys, url="/v1/keys", content=b'{"name": "x"}')

    async def test_refuses_another_path_query_or_method(self, credited: House) -> None:
        for sent in (
            {"url": "/v1/completions"},
            {"url": f"{CHAT}?a=1"},
            {"url": "/v1/keys"},
            {"url": "/v1/keys", "method": "DELETE"},
        ):
            assert await self.refused(credited, signed(credited, "POST", CHAT, BODY), **sent)
        get = signed(credited, "GET", "/v1/keys?a=1")
        assert await self.refused(credited, get, url="/v1/keys?a=2", method="GET", content=b"")

    async def test_refuses_another_host_or_chain(self, credited: House) -> None:
        url = "http://elsewhere.example"
        headers = signed_headers(BUYER, CHAIN_ID, "POST", url + CHAT, int(time.time()), BODY)
        assert await self.refused(credited, headers)
        assert await self.refused(credited, {**headers, "host": "elsewhere.example"})
        assert await self.refused(credited, signed(credited, "POST", CHAT, BODY, chain_id=1))

    async def test_refuses_what_is_not_covered(self, credited: House) -> None:
        headers = {**signed(credited, "POST", CHAT, BODY), "emporion-plan": "1"}
        assert await self.refused(credited, headers) == "invalid_signature"

    @pytest.mark.parametrize("shift", [-31, -60, 10])
    async def test_refuses_the_untimely(self, credited: House, shift: int) -> None:
        assert await self.refused(
            credited, signed(credited, "POST", CHAT, BODY, now=int(time.time()) + shift)
        )

    async def test_refuses_a_malleable_one(self, credited: House) -> None:
        headers = signed(credited, "POST", CHAT, BODY)
        raw = base64.b64decode(headers["signature"].removeprefix(f"{LABEL}=:").removesuffix(":"))
        high = _ORDER - int.from_bytes(raw[32:64], "big")
        twin = raw[:32] + high.to_bytes(32, "big") + bytes([55 - raw[64]])
        mirrored = {**headers, "signature": f"{LABEL}=:{base64.b64encode(twin).decode()}:"}
        assert await self.refused(credited, mirrored) == "invalid_signature"
        assert (await credited.http.post(CHAT, content=BODY, headers=headers)).status_code == 200

    async def test_refuses_another_wallets(self, credited: House) -> None:
        headers = signed(credited, "POST", CHAT, BODY)
        mine = BUYER.address.hex()
        forged = {**headers, "signature-input": headers["signature-input"].replace(mine, "11" * 20)}
        assert await self.refused(credited, forged) == "invalid_signature"

    @pytest.mark.parametrize("lacking", ["signature", "signature-input"])
    async def test_refuses_half_a_signature(self, credited: House, lacking: str) -> None:
        headers = signed(credited, "POST", CHAT, BODY)
        del headers[lacking]
        assert await self.refused(credited, headers) == "invalid_signature"

    async def test_refuses_two_credentials(self, credited: House) -> None:
        headers = {**signed(credited, "POST", CHAT, BODY), **bearer("emp_dev_x")}
        assert await self.refused(credited, headers) == "invalid_credential"

    async def test_fails_closed(self, credited: House) -> None:
        headers = signed(credited, "POST", CHAT, BODY)
        async with credited.services.deps.store.write_connection() as db:
            await db.exec_driver_sql("ALTER TABLE gateway.used_nonces RENAME TO elsewhere")
        reply = await credited.http.post(CHAT, content=BODY, headers=headers)
        async with credited.services.deps.store.write_connection() as db:
            await db.exec_driver_sql("ALTER TABLE gateway.elsewhere RENAME TO used_nonces")
        assert reply.status_code == 500
        assert not credited.model.asked


class TestReadInput:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "eth=()",
            'eth=("@method");created=1',
            'eth=("@method" "@method");created=1;expires=2;nonce="12345678";keyid="erc8128:1:0x'
            + "0" * 40
            + '"',
            'eth=("@method");created=1;created=1;expires=2;nonce="12345678";keyid="erc8128:1:0x'
            + "0" * 40
            + '"',
            'eth=("@method");created=1;expires=2;nonce="12345678";keyid="eip155:1:0x' + "0" * 40 + '"',
            'eth=("@method"  "@path");created=1;expires=2;nonce="12345678";keyid="erc8128:1:0x'
            + "0" * 40
            + '"',
            'eth=("@method");created=1;expires=2;nonce="1234";keyid="erc8128:1:0x' + "0" * 40 + '"',
            'eth=("@method");created=1;expires=2;nonce="12345678";keyid="erc8128:1:0x' + "0" * 40 + '", b=()',
            "eth=(" + '"a" ' * 10_000 + ")",
        ],
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(InvalidSignature):
            read_input(text)

    def test_bounds_a_life(self) -> None:
        assert signed_requests.LONGEST_SECONDS == 60
