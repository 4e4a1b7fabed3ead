"""Every route states its right in its signature, and holds to it.

├── whatever is not meant for everybody asks for a right; what changes something never is by accident
├── without a credential: 401 on each of them
├── a key that may only call models: 403 on each that needs more
├── a key that may only read: 403 on each that changes something, but its own revocation
└── a session older than five minutes: 403 where a fresh signature is needed
"""

from collections.abc import Iterator
from typing import Any

from fastapi.routing import APIRoute

from backend.gateway import rights
from backend.gateway.app import _routers
from tests.backend.gateway.conftest import House, bearer

STRONGEST_LAST = (
    rights.anyone,
    rights.caller,
    rights.reader,
    rights.spender,
    rights.publisher,
    rights.provider,
    rights.administrator,
    rights.wallet,
    rights.signer,
)
FOR_EVERYBODY_THOUGH_POSTED = {
    "/v1/auth/siwe",  # proves who calls
    "/v1/estimate",  # computes only
    "/v1/oauth/review",
    "/v1/oauth/consent",
    "/v1/oauth/approve",  # carries the wallet's signature
    "/v1/oauth/deny",
    "/v1/oauth/token",  # carries a code, or a token
    "/v1/oauth/revoke",
    "/v1/oauth/device",
}
PERSONAL = (
    "/v1/keys",
    "/v1/account/",
    "/v1/receipts",
    "/v1/credits",
    "/v1/usage",
    "/v1/alerts",
    "/v1/webhooks",
    "/v1/oauth/grants",
)
BEYOND_A_KEY_FOR_CALLS = {
    rights.reader,
    rights.publisher,
    rights.provider,
    rights.administrator,
    rights.wallet,
    rights.signer,
}


def routes() -> list[APIRoute]:
    found = [route for router in _routers() for route in router.routes]
    return [route for route in found if isinstance(route, APIRoute)]


def asked_of(dependant: Any) -> Iterator[Any]:
    for part in dependant.dependencies:
        yield part.call
        yield from asked_of(part)


def right_of(route: APIRoute) -> Any:
    """The strongest right a route's signature asks for; None where it is for everybody."""
    asked = set(asked_of(route.dependant))
    return next((right for right in reversed(STRONGEST_LAST) if right in asked), None)


def restricted() -> list[APIRoute]:
    return [route for route in routes() if right_of(route) not in (None, rights.anyone)]


def method_of(route: APIRoute) -> str:
    return min(route.methods or {"GET"})


def named(route: APIRoute) -> str:
    return f"{method_of(route)} {route.path}"


class TestSignatures:
    def test_what_changes_something_asks_for_a_right(self) -> None:
        open_ones = {
            route.path for route in routes() if right_of(route) is None and method_of(route) != "GET"
        }
        assert open_ones == FOR_EVERYBODY_THOUGH_POSTED

    def test_what_is_personal_asks_for_a_right(self) -> None:
        paths = [route for route in routes() if route.path.startswith((*PERSONAL, "/v1/provider"))]
        assert len(paths) > 20
        assert not [named(route) for route in paths if right_of(route) in (None, rights.anyone)]

    def test_a_providers_routes_ask_whether_it_is_one(self) -> None:
        for route in routes():
            if route.path.startswith("/v1/provider/services/{service_id}"):
                assert right_of(route) is rights.provider, named(route)
            elif route.path.startswith("/v1/provider"):
                assert right_of(route) is rights.publisher, named(route)


class TestCalls:
    async def call(self, house: House, route: APIRoute, headers: dict[str, str]) -> Any:
        path = route.path
        for name in ("{service_id}", "{plan_id}"):
            path = path.replace(name, "1")
        path = path.replace("{path:path}", "file").replace("{content_hash}", "0x" + "11" * 32)
        path = path.replace("{channel_id}", "0" * 16).replace("{endpoint_id}", "whk_" + "0" * 16)
        for name in ("{key_id}", "{grant_id}", "{client_id}", "{request_id}"):
            path = path.replace(name, "0")
        assert "{" not in path, path
        return await house.http.request(method_of(route), path, json={}, headers=headers)

    async def test_without_a_credential_nobody_passes(self, house: House) -> None:
        for route in restricted():
            assert (await self.call(house, route, {})).status_code == 401, named(route)

    async def test_a_key_for_calls_does_nothing_else(self, house: House) -> None:
        key = await house.key(scopes=["inference"])
        for route in restricted():
            if right_of(route) in BEYOND_A_KEY_FOR_CALLS:
                reply = await self.call(house, route, bearer(key))
                told = (reply.status_code, reply.json()["code"])
                assert told in ((403, "scope_missing"), (403, "wallet_required")), named(route)

    async def test_a_key_that_reads_changes_nothing(self, house: House) -> None:
        key = await house.key(scopes=["read"])
        changing = [route for route in restricted() if method_of(route) != "GET"]
        assert len(changing) > 20
        for route in changing:
            reply = await self.call(house, route, bearer(key))
            assert reply.status_code == 403, named(route)
        assert (await house.chat(key)).json()["error"]["code"] == "scope_missing"

    async def test_a_key_is_no_signature(self, house: House) -> None:
        key = await house.key(scopes=["inference", "read", "provider", "keys"])
        for route in restricted():
            if right_of(route) in (rights.signer, rights.wallet):
                reply = await self.call(house, route, bearer(key))
                assert reply.json()["code"] in ("fresh_signature_required", "wallet_required"), named(route)
