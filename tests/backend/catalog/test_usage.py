"""What an account used: GET /v1/usage by day, GET /v1/receipts call by call; for the caller alone."""

from backend.core.units import ZERO_HASH
from backend.db.tables.meter import UsageEvent
from tests.backend.gateway.conftest import METERED, House, bearer, engine, gateway_settings, house, paid_key
from tests.backend.market import SERVICE

__all__ = ["engine", "gateway_settings", "house", "paid_key"]


async def void(house: House, request_id: str, micro_credits: int, log_index: int = 0) -> None:
    event = UsageEvent(
        request_id=request_id,
        chain_id=house.services.chain_id,
        block_hash=ZERO_HASH,
        log_index=log_index,
        block_number=1,
        plan_id=METERED,
        payer=bytes.fromhex(house.buyer.address[2:]),
        kind="voided",
        reason="a fork",
        micro_credits=micro_credits,
        created_at=0,
    )
    async with house.services.deps.store.write() as session:
        session.add(event)


class TestUsage:
    async def test_adds_up_by_day_and_plan(self, house: House, paid_key: str) -> None:
        for _ in range(2):
            assert (await house.chat(paid_key)).status_code == 200
        found = (await house.http.get("/v1/usage", headers=bearer(paid_key))).json()
        assert found["account"] == house.buyer.address
        assert {(day["plan_id"], day["service_id"]) for day in found["days"]} == {(METERED, SERVICE)}
        assert sum(day["calls"] for day in found["days"]) == 2
        assert all(int(day["charged_micro_credits"]) > 0 and day["failed"] == 0 for day in found["days"])

    async def test_leaves_out_what_was_voided(self, house: House, paid_key: str) -> None:
        asked = [(await house.chat(paid_key)).headers["x-request-id"] for _ in range(2)]
        (day,) = (await house.http.get("/v1/usage", headers=bearer(paid_key))).json()["days"]
        await void(house, asked[0], 7)
        await void(house, asked[0], 2, log_index=1)
        await void(house, asked[1], 1)
        charged = str(int(day["charged_micro_credits"]) - 10)
        (after,) = (await house.http.get("/v1/usage", headers=bearer(paid_key))).json()["days"]
        assert day["voided_micro_credits"] == "0"
        assert after == day | {"charged_micro_credits": charged, "voided_micro_credits": "10"}

    async def test_is_the_callers_alone(self, house: House, paid_key: str) -> None:
        assert (await house.chat(paid_key)).status_code == 200
        other = bearer(await house.sign_in(house.provider))
        assert (await house.http.get("/v1/usage", headers=other)).json()["days"] == []
        assert (await house.http.get("/v1/receipts", headers=other)).json()["calls"] == []
        assert (await house.http.get("/v1/usage")).status_code == 401
        assert (await house.http.get("/v1/receipts")).status_code == 401


class TestReceipts:
    async def test_are_paged_newest_first(self, house: House, paid_key: str) -> None:
        asked = [(await house.chat(paid_key)).headers["x-request-id"] for _ in range(5)]
        seen, place = list[str](), ""
        for _ in range(6):
            page = (await house.http.get(f"/v1/receipts?limit=1{place}", headers=bearer(paid_key))).json()
            seen += [call["request_id"] for call in page["calls"]]
            if page["next"] is None:
                break
            place = f"&before={page['next']}"
        assert seen == asked[::-1]
        newest = (await house.http.get("/v1/receipts", headers=bearer(paid_key))).json()["calls"][0]
        assert (newest["outcome"], newest["plan_id"]) == ("completed", METERED)
        assert newest["route"] == "/v1/chat/completions"
        where = f"/v1/receipts/{newest['request_id']}"
        receipt = (await house.http.get(where, headers=bearer(paid_key))).json()
        assert receipt["micro_credits"] == newest["micro_credits"]

    async def test_say_what_was_voided(self, house: House, paid_key: str) -> None:
        asked = (await house.chat(paid_key)).headers["x-request-id"]
        one, all_ = f"/v1/receipts/{asked}", "/v1/receipts"
        receipt = (await house.http.get(one, headers=bearer(paid_key))).json()
        (call,) = (await house.http.get(all_, headers=bearer(paid_key))).json()["calls"]
        assert (receipt["voided_micro_credits"], call["voided_micro_credits"]) == (None, None)
        await void(house, asked, 7)
        voided = (await house.http.get(one, headers=bearer(paid_key))).json()
        assert voided == receipt | {"voided_micro_credits": "7"}
        (call,) = (await house.http.get(all_, headers=bearer(paid_key))).json()["calls"]
        assert call["voided_micro_credits"] == "7"
        assert await house.services.catalog.voided() == 7

    async def test_refuse_what_is_no_request_id(self, house: House, paid_key: str) -> None:
        reply = await house.http.get("/v1/receipts?before=x", headers=bearer(paid_key))
        assert reply.status_code == 422
