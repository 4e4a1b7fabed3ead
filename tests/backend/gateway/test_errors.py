"""The error table over HTTP, row by row; every row in the shape of its route, with its stable code.

model routes (OpenAI's envelope)
├── 400 malformed_request: no JSON, no object, no model, a header twice or no number, a plan of another
service
├── 401 invalid_credential: none, mistyped, unknown, two at once, another scheme; wrong_network
├── 402 payment_required: nothing held, too little held; with offers, not cached; deposit first where held;
│   not before the block was waited for that may pay
├── 403 scope_missing, address_not_allowed, spend_cap_reached, service_retired
├── 404 model_not_found: unknown, another chain's, a bare slug, served elsewhere
├── 405 method_not_allowed
├── 408 request_timeout
├── 413 body_too_large, context_length_exceeded
├── 422 unprocessable
├── 429 rate_limited: by the units held, with Retry-After
├── 502 upstream_error, 503 upstream_unavailable, 504 upstream_timeout
└── 503 index_stale
other routes (RFC 9457): 400, 401, 403, 404, 405, 409, 413, 422
"""

import asyncio
import time
from typing import Any

import orjson
import pytest
from eth_account import Account

from backend.core.errors import UpstreamTimeout
from backend.core.units import Address, PlanKind, keccak
from backend.gateway.call_data import encode_call
from backend.inference.router import Member
from backend.inference.upstream import ScriptedUpstream
from tests.backend.gateway.conftest import (
    METERED,
    MODEL,
    PASS,
    TIMED,
    House,
    address_of,
    bearer,
)
from tests.backend.market import START, holding, plan, service, tab

CHAT = "/v1/chat/completions"
LIMIT_WORDS = ("limit", "remaining", "reset")


def expect(reply: Any, status: int, code: str) -> dict[str, Any]:
    """Check status, code and the shape of the route; return the details."""
    assert reply.status_code == status, reply.text
    assert reply.headers["x-request-id"].startswith("req_")
    body = reply.json()
    if reply.request.url.path.startswith(("/v1/chat", "/v1/embeddings", "/v1/models")):
        assert set(body) == {"error"}
        assert body["error"]["code"] == code
        return dict(body["error"]["details"])
    assert reply.headers["content-type"] == "application/problem+json"
    assert (body["code"], body["status"]) == (code, status)
    return dict(body["details"])


class TestMalformed:
    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"\xff\xfe", b"[]", b"1", b"{}", b'{"model": 7}', b'{"model": ""}', b"[" * 100_000],
    )
    async def test_refuses_a_body_that_names_no_model(self, house: House, pass_key: str, body: bytes) -> None:
        reply = await house.http.post(CHAT, content=body, headers=bearer(pass_key))
        expect(reply, 400, "malformed_request")

    @pytest.mark.parametrize(
        "headers", [{"emporion-plan": "gold"}, {"emporion-min-block": "-1"}, {"emporion-plan": "7"}]
    )
    async def test_refuses_headers_that_are_none(
        self, house: House, pass_key: str, headers: dict[str, str]
    ) -> None:
        expect(await house.chat(pass_key, headers), 400, "malformed_request")

    async def test_refuses_a_header_sent_twice(self, house: House, pass_key: str) -> None:
        twice = [("authorization", f"Bearer {pass_key}"), ("authorization", "Bearer other")]
        expect(await house.http.post(CHAT, json={}, headers=twice), 400, "malformed_request")

    @pytest.mark.parametrize("tokens", [-1, 0, "many", 1.5])
    async def test_refuses_a_length_that_is_none(self, house: House, pass_key: str, tokens: object) -> None:
        expect(await house.chat(pass_key, max_tokens=tokens), 400, "malformed_request")


class TestCredential:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"authorization": "Bearer x"},
            {"authorization": "Basic abc"},
            {"authorization": "Bearer sk-123"},
            {"x-api-key": "emp_dev_" + "a" * 51},
            {"authorization": "Bearer a", "x-api-key": "b"},
        ],
    )
    async def test_refuses_what_proves_nobody(self, house: House, headers: dict[str, str]) -> None:
        reply = await house.http.post(CHAT, json={"model": MODEL}, headers=headers)
        expect(reply, 401, "invalid_credential")
        assert reply.headers["www-authenticate"] == "Bearer"

    async def test_refuses_a_key_of_the_other_network(self, house: House) -> None:
        from backend.accounts.key_format import make_key

        expect(await house.chat(make_key("live").text), 401, "wrong_network")

    async def test_takes_x_api_key_too(self, house: House, pass_key: str) -> None:
        reply = await house.chat(None, {"x-api-key": pass_key})
        assert reply.status_code == 200


class TestPayment:
    async def test_offers_every_plan_with_call_data(self, house: House) -> None:
        reply = await house.chat(await house.key())
        details = expect(reply, 402, "payment_required")
        assert reply.headers["cache-control"] == "no-store"
        offers = {offer["plan_id"]: offer for offer in details["offers"]}
        assert set(offers) == {PASS, TIMED, METERED}
        buy = offers[PASS]
        assert (buy["cost"], buy["currency"]["symbol"], buy["chain_id"]) == ("5000000", "TUSD", 31337)
        approve, call = buy["transactions"]
        arguments = [PASS, 1, house.buyer.address, 5_000_000, buy["deadline"], 0]
        assert call["data"] == encode_call("AccessToken", "buy", arguments)
        assert call["to"] == buy["contract"]
        assert approve["data"].startswith("0x095ea7b3")
        assert [offers[plan]["then"] for plan in (PASS, TIMED, METERED)] == ["hold", "activate", "deposit"]

    async def test_offers_only_the_plan_that_was_named(self, house: House) -> None:
        details = expect(
            await house.chat(await house.key(), {"emporion-plan": str(TIMED)}), 402, "payment_required"
        )
        assert [offer["plan_id"] for offer in details["offers"]] == [TIMED]

    async def test_says_deposit_first_where_credits_are_held(self, house: House) -> None:
        await house.mine(holding(METERED, address_of(house.buyer), 3))
        details = expect(await house.chat(await house.key()), 402, "payment_required")
        first = details["offers"][0]
        assert (first["action"], first["units"]) == ("deposit", "3")
        assert first["transactions"][1]["data"] == encode_call("UsageEscrow", "deposit", [METERED, 3])

    async def test_offers_enough_credits_for_the_request(self, house: House) -> None:
        dear = plan(PlanKind.METERED, per_request=3_500_000)
        await house.mine(dear, tab(METERED, 1, address_of(house.buyer)))
        details = expect(await house.chat(await house.key()), 402, "payment_required")
        offer = next(one for one in details["offers"] if one["plan_id"] == METERED)
        assert offer["units"] == "4"

    async def test_names_the_block_that_refused(self, house: House) -> None:
        reply = await house.chat(await house.key())
        head = house.services.watch.head
        assert reply.status_code == 402
        assert reply.headers["emporion-block"] == f"{head.number} 0x{bytes(head.hash).hex()}"

    async def test_offers_nothing_that_is_not_sold(self, house: House) -> None:
        await house.mine(
            plan(PlanKind.PASS, sale_open=False),
            plan(PlanKind.TIMED, supply_cap=1, sold=1),
            plan(PlanKind.METERED, sale_start=2**39),
        )
        assert expect(await house.chat(await house.key()), 402, "payment_required")["offers"] == []


class TestWaiting:
    @pytest.fixture
    def gateway_settings(self) -> dict[str, Any]:
        return {"index_wait_ms": 20_000}

    async def test_waits_for_the_block_that_pays(self, house: House) -> None:
        """Bought and used at once, by who has nothing and by who has too little: neither is refused."""
        dear = plan(PlanKind.METERED, per_request=3_500_000)
        await house.mine(dear)
        key, payer = await house.key(), address_of(house.buyer)
        for units in (4, 8):
            number = house.market.number + 1
            asking = asyncio.create_task(house.chat(key, {"emporion-min-block": str(number)}))
            await asyncio.sleep(0.05)
            assert not asking.done()
            await house.mine(tab(METERED, units, payer))
            reply = await asking
            assert reply.status_code == 200, reply.text
            assert reply.headers["emporion-block"].startswith(f"{number} 0x")


class TestForbidden:
    async def test_refuses_a_key_without_the_scope(self, house: House) -> None:
        expect(await house.chat(await house.key(scopes=["read"])), 403, "scope_missing")

    async def test_refuses_a_key_of_other_services(self, house: House) -> None:
        expect(await house.chat(await house.key(services=[9])), 403, "scope_missing")

    async def test_refuses_a_caller_outside_the_networks(self, house: House) -> None:
        expect(await house.chat(await house.key(networks=["203.0.113.0/24"])), 403, "address_not_allowed")

    async def test_refuses_over_the_daily_cap(self, house: House) -> None:
        await house.mine(tab(METERED, 10, address_of(house.buyer)))
        key = await house.key(daily_cap=100)
        expect(await house.chat(key), 403, "spend_cap_reached")

    async def test_says_that_a_service_has_ended(self, house: House) -> None:
        row = service(
            owner=address_of(house.provider), meter=house.services.meter, status=2, retired_at=START
        )
        await house.mine(row)
        expect(await house.chat(await house.key()), 403, "service_retired")


class TestNotFound:
    @pytest.mark.parametrize("name", ["31337/99", "1/1", "little-model", "gpt-4", "0x" + "11" * 20 + "/none"])
    async def test_knows_no_such_model(self, house: House, pass_key: str, name: str) -> None:
        expect(await house.chat(pass_key, model=name), 404, "model_not_found")

    async def test_says_where_another_gateway_serves_it(self, house: House, pass_key: str) -> None:
        data = orjson.dumps(
            {"emporion": "service/1", "name": "Far", "slug": "far", "gateway": "https://far.example"}
        )
        await house.services.metadata.put(keccak(data), data)
        elsewhere = service(service_id=2, meter=Address(b"\x99" * 20), content_hash=keccak(data))
        await house.mine(elsewhere)
        details = expect(await house.chat(pass_key, model="31337/2"), 404, "model_not_found")
        assert details["gateway"] == "https://far.example"


class TestShapeOfTheRequest:
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    async def test_takes_post_only(self, house: House, method: str) -> None:
        expect(await house.http.request(method, CHAT), 405, "method_not_allowed")

    async def test_refuses_a_body_over_the_limit(self, house: House, pass_key: str) -> None:
        expect(await house.chat(pass_key, padding="x" * 5_000_000), 413, "body_too_large")

    @pytest.mark.parametrize(
        "body", [{"n": 1000}, {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}]
    )
    async def test_refuses_what_it_does_not_serve(
        self, house: House, pass_key: str, body: dict[str, Any]
    ) -> None:
        expect(await house.chat(pass_key, **body), 422, "unprocessable")


class TestRates:
    async def test_limits_by_the_units_held_however_many_keys(self, house: House) -> None:
        limits = orjson.dumps({"emporion": "limits/1", "requests_per_minute": 1})
        await house.services.metadata.put(keccak(limits), limits)
        await house.mine(
            plan(PlanKind.PASS, limits_hash=keccak(limits)), holding(PASS, address_of(house.buyer), 2)
        )
        first, second = await house.key(), await house.key()
        replies = [await house.chat(key) for key in (first, second)]
        assert [reply.status_code for reply in replies] == [200, 200]
        assert replies[1].headers["x-ratelimit-limit-requests"] == "2"
        assert replies[1].headers["x-ratelimit-remaining-requests"] == "0"
        over = await house.chat(second)
        expect(over, 429, "rate_limited")
        assert int(over.headers["retry-after"]) >= 1
        assert over.headers["x-ratelimit-remaining-requests"] == "0"

    async def test_says_how_the_limits_stand(self, house: House) -> None:
        limits = orjson.dumps({"emporion": "limits/1", "requests_per_minute": 3, "tokens_per_minute": 5_000})
        await house.services.metadata.put(keccak(limits), limits)
        await house.mine(
            plan(PlanKind.PASS, limits_hash=keccak(limits)), holding(PASS, address_of(house.buyer), 2)
        )
        reply = await house.chat(await house.key())
        said = {name: value for name, value in reply.headers.items() if "ratelimit" in name}
        assert set(said) == {
            *(f"x-ratelimit-{what}-{of}" for what in LIMIT_WORDS for of in ("requests", "tokens")),
            "ratelimit",
            "ratelimit-policy",
        }
        assert (said["x-ratelimit-limit-requests"], said["x-ratelimit-remaining-requests"]) == ("6", "5")
        assert said["x-ratelimit-limit-tokens"] == "10000"
        assert int(said["x-ratelimit-remaining-tokens"]) < 10_000
        assert said["ratelimit-policy"] == '"requests";q=6;w=60, "tokens";q=10000;w=60'
        assert said["ratelimit"].startswith('"requests";r=5;t=')

    async def test_are_one_for_all_units_only_where_they_cannot_be_moved(self, house: House) -> None:
        flat = orjson.dumps({"emporion": "limits/1", "requests_per_minute": 1, "per_unit": False})
        await house.services.metadata.put(keccak(flat), flat)
        kept = plan(PlanKind.PASS, limits_hash=keccak(flat), transferable=False)
        await house.mine(kept, holding(PASS, address_of(house.buyer), 3))
        key = await house.key()
        assert [(await house.chat(key)).status_code for _ in range(2)] == [200, 429]

    @pytest.mark.parametrize("more", [{}, {"per_unit": False}], ids=["per-unit", "flat"])
    async def test_are_the_same_for_units_in_one_wallet_or_in_two(
        self, house: House, more: dict[str, Any]
    ) -> None:
        """Units that can be moved count one by one even where their document says otherwise."""
        limits = orjson.dumps({"emporion": "limits/1", "requests_per_minute": 1, **more})
        await house.services.metadata.put(keccak(limits), limits)
        priced = plan(PlanKind.PASS, limits_hash=keccak(limits))
        third = Account.from_key(b"\x0c" * 32)
        held = {house.buyer: 2, house.provider: 1, third: 1}
        await house.mine(priced, *(holding(PASS, address_of(one), units) for one, units in held.items()))
        served = {}
        for wallet in held:
            keys = [await house.key(wallet) for _ in range(2)]
            statuses = [(await house.chat(key)).status_code for key in keys * 2]
            served[wallet] = statuses.count(200)
            assert set(statuses) == {200, 429}
        assert served == held


class TestUpstream:
    async def test_says_when_none_is_bound(self, house: House) -> None:
        data = orjson.dumps({"emporion": "service/1", "name": "Idle", "slug": "idle"})
        await house.services.metadata.put(keccak(data), data)
        idle = service(service_id=2, meter=house.services.meter, content_hash=keccak(data))
        free = plan(PlanKind.PASS, service_id=2)  # type: ignore[arg-type]
        await house.mine(idle, free, holding(free.plan_id, address_of(house.buyer)))  # type: ignore[arg-type]
        expect(await house.chat(await house.key(), model="31337/2"), 503, "upstream_unavailable")

    async def test_says_when_it_is_too_slow(self, house: House, pass_key: str) -> None:
        slow = Member(ScriptedUpstream("slow", [UpstreamTimeout("no answer in time")]))
        members = await house.services.deps.upstreams.members(_key())
        assert isinstance(members, list)
        members[:] = [slow]
        expect(await house.chat(pass_key), 504, "upstream_timeout")


class TestStale:
    async def test_refuses_when_the_index_is_not_confirmed(self, house: House, pass_key: str) -> None:
        old = house.market.heartbeat(int(time.time()) - 3600)
        await house.market.put(old)
        await house.services.watch.refresh()
        reply = await house.chat(pass_key)
        expect(reply, 503, "index_stale")
        assert reply.headers["retry-after"]
        ready = await house.http.get("/readyz")
        assert ready.status_code == 503
        assert "confirmed" in ready.json()["problems"][0]

    async def test_announces_that_it_is_late(self, house: House, pass_key: str) -> None:
        await house.market.put(house.market.heartbeat(int(time.time()) - 20))
        await house.services.watch.refresh()
        reply = await house.chat(pass_key)
        assert reply.status_code == 200
        assert 20 <= int(reply.headers["emporion-index-lag"]) < 30


class TestSlowBody:
    async def test_gives_up_on_a_body_that_does_not_arrive(self) -> None:
        from backend.core.errors import RequestTimeout
        from backend.gateway.asgi import Message, read_body

        async def never() -> Message:
            await asyncio.sleep(60)
            return {}

        with pytest.raises(RequestTimeout):
            await read_body({"headers": []}, never, 100, seconds=0.01)


class TestProblems:
    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/nothing", 404, "not_found"),
            ("GET", "/v1/services/77", 404, "not_found"),
            ("GET", "/v1/services/zero", 422, "unprocessable"),
            ("GET", "/v1/services?sort=best", 422, "unprocessable"),
            ("GET", "/v1/services?cursor=abc", 400, "malformed_request"),
            ("GET", "/v1/services?owner=0x" + "1" * 39 + "g", 400, "malformed_request"),
            ("PUT", "/v1/services", 405, "method_not_allowed"),
            ("GET", "/v1/accounts/nobody", 400, "malformed_request"),
            ("GET", "/v1/metadata/0x12", 400, "malformed_request"),
            ("GET", "/v1/metadata/0x" + "12" * 32, 404, "not_found"),
            ("GET", "/v1/keys", 401, "invalid_credential"),
            ("GET", "/v1/receipts/req_1", 401, "invalid_credential"),
            ("PUT", "/v1/provider/services/1/upstream", 401, "invalid_credential"),
        ],
    )
    async def test_row(self, house: House, method: str, path: str, status: int, code: str) -> None:
        expect(await house.http.request(method, path), status, code)

    async def test_refuses_a_body_that_is_no_json(self, house: House) -> None:
        reply = await house.http.post(
            "/v1/auth/siwe", content=b"{", headers={"content-type": "application/json"}
        )
        expect(reply, 400, "malformed_request")

    async def test_names_each_wrong_field(self, house: House) -> None:
        details = expect(await house.http.post("/v1/auth/siwe", json={"message": 1}), 422, "unprocessable")
        assert {problem["path"] for problem in details["problems"]} == {"body/message", "body/signature"}


def _key() -> Any:
    from backend.core.units import ChainId
    from backend.inference.schemas import ServiceKey
    from tests.backend.market import CHAIN_ID, SERVICE

    return ServiceKey(ChainId(CHAIN_ID), SERVICE)
