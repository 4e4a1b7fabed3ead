"""Vouchers over HTTP, from a tab that demands them.

a metered request
├── without one: 402 that says how large it must be; with it in the header: served
├── in a header that is malformed, or signed by another: 400, 401, nothing served
└── where the deposit itself is too small: offers, no voucher
PUT, GET /v1/vouchers/{plan_id}
├── kept, and what is available grows; a smaller one changes nothing
└── another's signature, no plan: refused
the client's transport
├── hands in what is asked and sends again; an answer it cannot cure is passed on
└── refuses a step that is too large
"""

from typing import Any

import httpx
import httpx2
import orjson
import pytest

from backend.client.voucher_book import VoucherBook
from backend.client.vouchers import RenewingTransport
from backend.core.errors import MalformedRequest
from backend.core.units import Address, PlanId, Units, hex_of, to_address
from backend.signing.keys import LocalKey
from backend.signing.messages import UsageVoucher, voucher_domain
from tests.backend.gateway.conftest import METERED, MODEL, House, address_of, bearer
from tests.backend.market import CHAIN_ID, tab

BUYER, STRANGER = LocalKey(bytes([10]) * 32), LocalKey(bytes([11]) * 32)


@pytest.fixture
def gateway_settings(database_url: str) -> dict[str, Any]:
    return {"database_url": database_url}


@pytest.fixture
async def key(house: House) -> str:
    """A key of a buyer with ten credits who wants to be asked."""
    await house.mine(tab(METERED, 10, address_of(house.buyer), vouchers=True))
    return await house.key()


def signed(house: House, units: int, by: LocalKey = BUYER) -> str:
    escrow = to_address(house.services.deps.deployment.address("UsageEscrow"))
    voucher = UsageVoucher(BUYER.address, PlanId(METERED), Units(units))
    return hex_of(by.sign(voucher.digest(voucher_domain(CHAIN_ID, escrow))))


class TestRequest:
    async def test_is_told_how_large_and_then_served(self, house: House, key: str) -> None:
        refused = await house.chat(key)
        assert refused.status_code == 402
        (wanted,) = refused.json()["error"]["details"]["vouchers"]
        assert (wanted["plan_id"], wanted["cumulative_units"]) == (METERED, "1")
        header = {"emporion-voucher": f"{METERED};1;{signed(house, 1)}"}
        assert (await house.chat(key, header)).status_code == 200
        assert (await house.chat(key)).status_code == 200

    async def test_is_refused_with_a_bad_one(self, house: House, key: str) -> None:
        for text, status in (("1;2", 400), (f"{METERED};1;{signed(house, 1, STRANGER)}", 401)):
            assert (await house.chat(key, {"emporion-voucher": text})).status_code == status
        assert not house.model.asked

    async def test_is_offered_credits_where_those_are_missing(self, house: House) -> None:
        await house.mine(tab(METERED, 0, address_of(house.buyer), vouchers=True))
        refused = (await house.chat(await house.key())).json()["error"]["details"]
        assert refused["offers"]
        assert not refused.get("vouchers")


class TestRoutes:
    async def put(self, house: House, key: str, units: int, signature: str) -> httpx.Response:
        said = {"cumulative_units": str(units), "signature": signature}
        return await house.http.put(f"/v1/vouchers/{METERED}", json=said, headers=bearer(key))

    async def test_keeps_the_largest(self, house: House, key: str) -> None:
        grown = await self.put(house, key, 4, signed(house, 4))
        assert grown.status_code == 200, grown.text
        assert grown.json()["available_micro_credits"] == "4000000"
        assert (await self.put(house, key, 2, signed(house, 2))).json()[
            "available_micro_credits"
        ] == "4000000"
        shown = (await house.http.get(f"/v1/vouchers/{METERED}", headers=bearer(key))).json()
        assert (shown["demanded"], shown["short_by_micro_credits"]) == (True, "6000000")

    async def test_refuses_what_the_payer_did_not_sign(self, house: House, key: str) -> None:
        assert (await self.put(house, key, 5, signed(house, 4))).status_code == 401
        assert (await self.put(house, key, 4, signed(house, 4, STRANGER))).status_code == 401
        assert (await self.put(house, key, 0, signed(house, 4))).status_code == 422
        assert (await house.http.get("/v1/vouchers/3", headers=bearer(key))).status_code == 400


class TestTransport:
    async def test_cures_what_a_voucher_cures(self, house: House, key: str) -> None:
        escrow = to_address(house.services.deps.deployment.address("UsageEscrow"))
        book = VoucherBook(BUYER, CHAIN_ID, escrow, ahead=0)
        renewed: list[tuple[int, int]] = []

        async def renew(plan_id: int, needed: int) -> None:
            renewed.append((plan_id, needed))
            units, signature = book.sign(plan_id, needed)
            said = {"cumulative_units": str(units), "signature": hex_of(signature)}
            await house.http.put(f"/v1/vouchers/{plan_id}", json=said, headers=bearer(key))

        body = orjson.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]})
        async with httpx2.AsyncClient(base_url=house.url, transport=RenewingTransport(renew)) as client:
            for _ in range(2):
                reply = await client.post("/v1/chat/completions", content=body, headers=bearer(key))
                assert reply.status_code == 200, reply.text
            assert renewed == [(METERED, 1)]
            stranger = await client.post(
                "/v1/chat/completions", content=body, headers=bearer(await house.key(house.provider))
            )
            assert stranger.status_code == 402
            assert stranger.json()["error"]["details"]["offers"]

    def test_refuses_a_step_too_large(self) -> None:
        book = VoucherBook(BUYER, CHAIN_ID, Address(bytes(20)))
        with pytest.raises(MalformedRequest, match="more than"):
            book.sign(METERED, 10_000)
        book.accounted(METERED, 9_990)
        assert book.sign(METERED, 10_000)[0] == 10_005
