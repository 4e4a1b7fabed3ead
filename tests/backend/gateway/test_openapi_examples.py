"""What the gateway's OpenAPI document shows, done on a running gateway.

├── every JSON body has an example
└── every operation is called, with its example where it has a body: a success of a documented status, in the
    documented schema; what is left out is named here, with the tests that do it
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import orjson
import pytest
from eth_account.messages import encode_defunct

from backend.alerts.ports import Message
from backend.core.units import hex_of, keccak
from backend.gateway.openapi_examples import BODIES
from tests.backend.gateway.conftest import DOCUMENT, METERED, MODEL, House, address_of, bearer, build
from tests.backend.gateway.test_oauth_routes import asked, registered
from tests.backend.gateway.test_peer_defects import signed_in
from tests.backend.gateway.test_vouchers import signed as voucher
from tests.backend.market import SERVICE, tab

ELSEWHERE = {
    "/v1/activity/stream": "test_feed",
    "/v1/receipts/{request_id}/proof": "tests/backend/settlement: it needs a settlement",
    "/v1/oauth/token": "test_oauth_routes",
    "/v1/oauth/revoke": "test_oauth_routes",
    "/v1/oauth/device": "test_oauth_routes",
    "/v1/provider/services/{service_id}/data/{path}": "test_services",
    "/v1/services/{id}/invoke": "test_services",
    "/v1/services/{id}/data/{path}": "test_services",
    **{f"/v1/images/{name}": "test_media" for name in ("generations", "edits", "variations")},
    **{f"/v1/audio/{name}": "test_media" for name in ("speech", "transcriptions", "translations")},
}
LAST = ("/v1/provider/services/{service_id}/upstream", "/v1/auth/logout", "/v1/account")
OF_THE_PROVIDER = ("/v1/provider", "/v1/metadata", "/v1/oauth/apps")


class Codes:
    """Keeps the codes that would have been sent."""

    def __init__(self) -> None:
        self.newest = ""

    async def send(self, _target: Any, _secret: str, message: Message) -> None:
        found = re.search(r"\b\d{8}\b", message.text)
        self.newest = found[0] if found else self.newest


class Walk:
    """Calls operations of a gateway that knows one of everything."""

    def __init__(self, house: House, codes: Codes) -> None:
        self.house = house
        self.codes = codes
        self.ids: dict[str, Any] = {}
        self.tokens: dict[str, str] = {}

    async def sow(self) -> None:
        house = self.house
        await house.mine(tab(METERED, 50, address_of(house.buyer), vouchers=False))
        wallets = {"buyer": house.buyer, "provider": house.provider}
        self.tokens = {name: await house.sign_in(wallet) for name, wallet in wallets.items()}
        called = await house.chat(await house.key())
        self.ids = {
            "request_id": called.headers["x-request-id"],
            "client_id": await registered(house),
            "content_hash": hex_of(keccak(orjson.dumps(DOCUMENT))),
            "service_id": SERVICE,
            "plan_id": METERED,
            "model": MODEL,
            "kind": "service",
            "address": house.buyer.address,
        }

    async def call(self, method: str, path: str, operation: dict[str, Any]) -> httpx.Response:
        """One operation, as its document shows it; what it makes is known afterwards."""
        example = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        body = example.get("example", example.get("schema", {}).get("example"))
        body = None if body is None else await self.filled(method, path, body)
        if (method, path) == ("put", "/v1/metadata/{content_hash}"):
            self.ids["content_hash"] = hex_of(keccak(orjson.dumps(body)))
        for name, value in self.ids.items():
            path = path.replace(f"{{{name}}}", str(value))
        assert "{" not in path, path
        who = "provider" if path.startswith(OF_THE_PROVIDER) else "buyer"
        headers = {**bearer(self.tokens[who]), "content-type": "application/json"}
        content = None if body is None else orjson.dumps(body)
        reply = await self.house.http.request(method, path, content=content, headers=headers)
        self.learn(method, path, reply)
        return reply

    def learn(self, method: str, path: str, reply: httpx.Response) -> None:
        made = {"/v1/keys": "key_id", "/v1/webhooks": "endpoint_id", "/v1/alerts/channels": "channel_id"}
        if method == "post" and path in made:
            self.ids[made[path]] = reply.json()["id"]

    async def filled(self, method: str, path: str, body: Any) -> Any:
        """The example, with what only this caller has in place of what stands for it."""
        wallet, house = self.house.buyer, self.house
        if path == "/v1/auth/siwe":
            return await signed_in(house)
        if path == "/v1/vouchers/{plan_id}":
            return {**body, "signature": voucher(house, int(body["cumulative_units"]))}
        if path.endswith("/confirm"):
            return {"code": self.codes.newest}
        if "query" not in body:
            return body
        body = {**body, "query": asked(self.ids["client_id"])}
        if path == "/v1/oauth/consent":
            return {**body, "address": wallet.address}
        if path == "/v1/oauth/approve":
            terms = {name: value for name, value in body.items() if name not in ("message", "signature")}
            wanted = {**terms, "address": wallet.address}
            message = (await house.http.post("/v1/oauth/consent", json=wanted)).json()["message"]
            signature = wallet.sign_message(encode_defunct(text=message)).signature.hex()
            return {**terms, "message": message, "signature": signature}
        return body


@pytest.fixture
async def walk(stores_home: Path) -> AsyncIterator[Walk]:
    codes = Codes()
    async with AsyncExitStack() as stack:
        house = await build(stack, stores_home, {"max_lag_seconds": 100_000}, None, alert_sender=codes)
        found = Walk(house, codes)
        await found.sow()
        yield found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Reads, then what makes and changes, then what removes: the general after the particular."""
    rank = {"get": 0, "post": 1, "put": 1, "patch": 1, "delete": 2}
    found = [
        (method, path, operation)
        for path, entry in document["paths"].items()
        for method, operation in entry.items()
        if path not in ELSEWHERE
    ]
    made = {"/v1/keys", "/v1/webhooks", "/v1/alerts/channels", "/v1/oauth/approve"}

    def order(one: tuple[str, str, dict[str, Any]]) -> tuple[Any, ...]:
        method, path, _ = one
        makes = method == "post" and path in made
        return (
            path in LAST and method != "get",
            0 if makes else 1 + rank[method],
            method == "delete" and "{" not in path,
        )

    return iter(sorted(found, key=order))


class TestExamples:
    def test_are_of_every_body(self) -> None:
        from scripts.reference import routes

        named = {entry.name for entry in routes()}
        assert {f"{method.upper()} {path}" for method, path in BODIES} <= named

    async def test_run(self, walk: Walk) -> None:
        document = (await walk.house.http.get("/openapi.json")).json()
        components = document["components"]
        assert ELSEWHERE.keys() <= document["paths"].keys()
        for method, path, operation in operations(document):
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                said = content["application/json"]
                assert "example" in said or "example" in said["schema"], f"{method} {path} shows no example"
            if path.endswith("{grant_id}"):
                grants = await walk.house.http.get("/v1/oauth/grants", headers=bearer(walk.tokens["buyer"]))
                walk.ids["grant_id"] = grants.json()[0]["id"]
            if (method, path) == ("delete", "/v1/account"):  # the session has just ended
                walk.tokens["buyer"] = await walk.house.sign_in(walk.house.buyer)
            reply = await walk.call(method, path, operation)
            assert reply.status_code < 300, f"{method} {path}: {reply.text}"
            told = operation["responses"][str(reply.status_code)].get("content", {})
            schema = told.get("application/json", {}).get("schema")
            if schema:
                jsonschema.validate(reply.json(), {**schema, "components": components})
