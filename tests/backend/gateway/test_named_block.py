"""Reads beside the models, and the block they are of.

Emporion-Block
└── on every read, errors too: the head at the time
Emporion-Min-Block
├── waits until the block is indexed: a purchase is seen by the read that names its block
├── waits no longer than the setting says; the answer names the older block
└── given no whole number: 400
"""

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.backend.gateway.conftest import METERED, House, address_of, bearer
from tests.backend.market import SERVICE, tab

WAIT_MS = 300
"""As the house is set."""


def named(reply: httpx.Response) -> int:
    return int(reply.headers["emporion-block"].partition(" ")[0])


class TestBlock:
    async def test_is_named_by_every_read(self, house: House, paid_key: str) -> None:
        account = house.buyer.address
        paths = [
            "services",
            f"services/{SERVICE}",
            "services/999",
            f"accounts/{account}",
            "usage",
            "receipts",
        ]
        for path in [*paths, "activity", "models", "stats"]:
            reply = await house.http.get(f"/v1/{path}", headers=bearer(paid_key))
            head = house.services.watch.known
            assert head is not None
            assert reply.headers.get_list("emporion-block") == [
                f"{head.number} 0x{bytes(head.hash).hex()}"
            ], path

    async def test_is_waited_for_no_longer_than_set(self, house: House) -> None:
        number, began = house.market.number, time.monotonic()
        reply = await house.http.get("/v1/services", headers={"emporion-min-block": str(number + 5)})
        assert time.monotonic() - began >= WAIT_MS / 1000
        assert (reply.status_code, named(reply)) == (200, number)

    @pytest.mark.parametrize("number", [b"-1", b"x", b"1.5", b"\xb2", b"9" * 19])
    async def test_that_is_none_is_refused(self, house: House, paid_key: str, number: bytes) -> None:
        for headers in ([(b"emporion-min-block", number)], [(b"emporion-plan", number)]):
            asked = [*headers, (b"authorization", f"Bearer {paid_key}".encode())]
            reply = await house.http.post("/v1/chat/completions", json={}, headers=asked)
            assert (reply.status_code, reply.json()["error"]["code"]) == (400, "malformed_request")
        reply = await house.http.get("/v1/services", headers=[(b"emporion-min-block", number)])
        assert (reply.status_code, reply.json()["code"]) == (400, "malformed_request")


class TestPatience:
    @pytest.fixture
    def gateway_settings(self) -> dict[str, Any]:
        return {"index_wait_ms": 20_000}

    async def test_is_waited_for_where_named(self, house: House, paid_key: str) -> None:
        number, path = house.market.number + 1, f"/v1/accounts/{house.buyer.address}"
        asking = asyncio.create_task(house.http.get(path, headers={"emporion-min-block": str(number)}))
        await asyncio.sleep(0.1)
        assert not asking.done()
        await house.mine(tab(METERED, 77, address_of(house.buyer)))
        reply = await asking
        assert named(reply) == number
        assert [plan["deposited"] for plan in reply.json()["plans"]] == ["77"]
