"""Vouchers over HTTP, from a tab that demands them.

a metered request
├── without one: 402 that says how large it must be; with it in the header: served
├── in a header that is malformed, or signed by another: 400, 401, nothing served
└── where the deposit itself is too small: offers, no voucher
PUT, GET /v1/vouchers/{plan_id}
├── kept, and what is available grows; a smaller one changes nothing
└── another's signature, no plan: refused
the client's transports
├── hand in what is asked and send again; an answer they cannot cure is passed on
├── deposit what is held, where a 402 offers it, then sign for it; give up after three cures
└── refuse a step that is too large
"""

from typing import Any

import httpx
import httpx2
import orjson
import pytest

from backend.client.cures import Cure, cure_in
from backend.client.voucher_book import VoucherBook
from backend.client.vouchers import BlockingCuringTransport, CuringTransport
from backend.core.errors import MalformedRequest
from backend.core.units import Address, PlanId, Units, hex_of, to_address
from backend.signing.keys import LocalKey
from backend.signing.messages import UsageVoucher, voucher_domain
from tests.backend.gateway.conftest import METERED, MODEL, House, address_of, bearer
from tests.backend.market import CHAIN_ID, holding, tab

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
        done: list[Cure] = []

        async def cure(wanted: Cure) -> bool:
            done.append(wanted)
            if wanted.kind == "deposit":
                return False
            units, signature = book.sign(wanted.plan_id, wanted.units)
            said = {"cumulative_units": str(units), "signature": hex_of(signature)}
            await house.http.put(f"/v1/vouchers/{wanted.plan_id}", json=said, headers=bearer(key))
            return True

        body = orjson.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]})
        async with httpx2.AsyncClient(base_url=house.url, transport=CuringTransport(cure)) as client:
            for _ in range(2):
                reply = await client.post("/v1/chat/completions", content=body, headers=bearer(key))
                assert reply.status_code == 200, reply.text
            assert done == [Cure("voucher", METERED, 1)]
            await house.mine(holding(METERED, address_of(house.provider), 7))
            for _ in range(2):
                stranger = await client.post(
                    "/v1/chat/completions", content=body, headers=bearer(await house.key(house.provider))
                )
                assert stranger.status_code == 402
                assert stranger.json()["error"]["details"]["offers"]
            assert done[1:] == [Cure("deposit", METERED, 0)] * 2

    def test_cures_without_await_and_gives_up_after_three(self) -> None:
        done: list[Cure] = []
        wanted = {"plan_id": METERED, "cumulative_units": "3"}
        offer = {"action": "deposit", "plan_id": METERED, "units": "500"}
        answers = [
            {"details": {"offers": [offer], "worst_case_micro_credits": {str(METERED): "2000001"}}},
            {"error": {"details": {"vouchers": [wanted]}}},
            {"error": {"details": {"vouchers": [wanted]}}},
            {"error": {"details": {"vouchers": [wanted]}}},
        ]
        left = iter(answers)
        inner = httpx2.MockTransport(lambda _: httpx2.Response(402, json=next(left)))

        def cure(asked: Cure) -> bool:
            done.append(asked)
            return True

        with httpx2.Client(transport=BlockingCuringTransport(cure, inner)) as client:
            assert client.post("http://gateway.example/v1/chat/completions").status_code == 402
        assert done == [Cure("deposit", METERED, 3), *[Cure("voucher", METERED, 3)] * 2]
        assert next(left, None) is None

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b'{"error": 5}', b'{"details": {"offers": [{"action": "buy", "plan_id": 2}]}}']
    )
    def test_finds_no_cure_in_other_answers(self, body: bytes) -> None:
        assert cure_in(body) is None

    def test_refuses_a_step_too_large(self) -> None:
        book = VoucherBook(BUYER, CHAIN_ID, Address(bytes(20)))
        with pytest.raises(MalformedRequest, match="more than"):
            book.sign(METERED, 10_000)
        book.accounted(METERED, 9_990)
        assert book.sign(METERED, 10_000)[0] == 10_005
