"""The routes beside the models.

auth and keys: signing in, making, rotating, rolling back, revoking; a nonce is good once
market: search with every filter and cursors, a service, its statistics, an account, activity, an estimate
metadata: kept by hash, refused where hash or schema is wrong, only from providers
provider: upstreams bound by the owner alone, never shown with their secret
receipts: for the payer and the service's owner, for nobody else
operations: health, readiness, deployment, OpenAPI, other origins
"""

import asyncio
import time
from typing import Any

import orjson
import pytest

from backend.core.units import PlanKind, ServiceId, hex_of, keccak
from backend.db.tables import chain as rows
from tests.backend.gateway.conftest import (
    DOCUMENT,
    METERED,
    MODEL,
    PASS,
    House,
    address_of,
    bearer,
)
from tests.backend.market import CHAIN_ID, SERVICE, access, block_hash, holding, plan, plan_id, service, tab


class TestSignIn:
    async def test_makes_uses_rotates_and_revokes_a_key(self, house: House) -> None:
        await house.mine(holding(PASS, address_of(house.buyer)))
        session = bearer(await house.sign_in(house.buyer))
        made = (await house.http.post("/v1/keys", json={"name": "laptop"}, headers=session)).json()
        assert (await house.chat(made["key"])).status_code == 200
        turned = await house.http.post(
            f"/v1/keys/{made['id']}/rotate", json={"overlap_seconds": 60}, headers=session
        )
        assert [(await house.chat(key)).status_code for key in (made["key"], turned.json()["key"])] == [
            200,
            200,
        ]
        back = await house.http.post(f"/v1/keys/{made['id']}/rollback", headers=session)
        assert back.status_code == 200
        assert (await house.chat(turned.json()["key"])).status_code == 401
        gone = await house.http.delete(f"/v1/keys/{made['id']}", headers=session)
        assert gone.json() == {"revoked": 1}
        assert (await house.chat(made["key"])).status_code == 401
        trail = (await house.http.get("/v1/keys/audit", headers=session)).json()
        assert [line["action"] for line in trail][:4] == [
            "key.revoked",
            "key.rolled-back",
            "key.rotated",
            "key.issued",
        ]

    async def test_spends_a_nonce_once(self, house: House) -> None:
        said = (await house.http.get("/v1/auth/nonce")).json()
        assert said["domain"] == house.url.removeprefix("http://")
        token = await house.sign_in(house.buyer)
        assert (await house.http.post("/v1/auth/logout", headers=bearer(token))).status_code == 204
        assert (await house.http.get("/v1/keys", headers=bearer(token))).status_code == 401

    async def test_refuses_a_key_to_make_keys(self, house: House) -> None:
        key = await house.key(scopes=["inference", "keys"])
        reply = await house.http.post("/v1/keys", json={}, headers=bearer(key))
        assert (reply.status_code, reply.json()["code"]) == (403, "fresh_signature_required")

    async def test_limits_sign_ins_of_a_network(self, house: House) -> None:
        body = {"message": "m", "signature": "0x"}
        replies = [await house.http.post("/v1/auth/siwe", json=body) for _ in range(100)]
        assert replies[0].status_code == 400
        assert any(reply.status_code == 429 for reply in replies)


class TestSearch:
    @pytest.fixture
    async def shelf(self, house: House) -> House:
        """Three more services, one of them without metadata."""
        for at, (name, tags) in enumerate((("Zebra", ["big"]), ("Apple", ["small"])), start=2):
            data = orjson.dumps({"emporion": "service/1", "name": name, "slug": name.lower(), "tags": tags})
            await house.services.metadata.put(keccak(data), data)
            number = ServiceId(at)
            await house.mine(
                service(service_id=number, content_hash=keccak(data), kind=at % 2, created_block=at),
                plan(PlanKind.PASS, service_id=number, unit_price=at * 1_000_000, currency=at - 2),
            )
        await house.mine(service(service_id=4, status=1, created_block=4))
        return house

    async def search(self, house: House, query: str) -> list[int]:
        reply = await house.http.get(f"/v1/services?{query}")
        assert reply.status_code == 200, reply.text
        return [one["id"] for one in reply.json()["services"]]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", [4, 3, 2, 1]),
            ("q=zebra", [2]),
            ("q=little+quick", [1]),
            ("q=%25", []),
            ("tag=small", [3, 1]),
            ("tag=small&tag=english", [1]),
            ("kind=dataset", [3]),
            ("currency=1", [3]),
            ("max_price=2500000", [2]),
            ("sort=name", [4, 3, 1, 2]),
            ("sort=price", [2, 3, 1]),
            ("on_sale=1", [3, 2, 1]),
            ("here=1", [1]),
        ],
    )
    async def test_filters_and_sorts(self, shelf: House, query: str, found: list[int]) -> None:
        assert await self.search(shelf, query) == found

    @pytest.mark.parametrize("sort", ["new", "name", "price"])
    async def test_pages_through_everything_once(self, shelf: House, sort: str) -> None:
        seen: list[int] = []
        cursor = ""
        while True:
            page = (await shelf.http.get(f"/v1/services?sort={sort}&limit=1{cursor}")).json()
            seen += [one["id"] for one in page["services"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert seen == await self.search(shelf, f"sort={sort}")

    async def test_leaves_out_what_is_not_on_sale_yet(self, shelf: House) -> None:
        number = ServiceId(5)
        await shelf.mine(
            service(service_id=number, created_block=5),
            plan(PlanKind.PASS, service_id=number, sale_start=2**39),
        )
        assert await self.search(shelf, "on_sale=1") == [3, 2, 1]
        await shelf.mine(plan(PlanKind.PASS, service_id=number, sale_start=2**39, early_seconds=2**39))
        assert await self.search(shelf, "on_sale=1") == [5, 3, 2, 1]

    async def test_finds_by_owner(self, shelf: House) -> None:
        assert await self.search(shelf, f"owner={shelf.provider.address}") == [1]


class TestMarket:
    async def test_shows_a_service_with_its_plans_and_document(self, house: House) -> None:
        shown = (await house.http.get(f"/v1/services/{SERVICE}")).json()
        assert (shown["model"], shown["name"], shown["served_here"]) == (MODEL, "Little Model", True)
        assert shown["metadata"]["model"]["context"] == 2048
        assert [one["kind"] for one in shown["plans"]] == ["pass", "timed", "metered"]
        assert (await house.http.get(f"/v1/services/{SERVICE}/plans")).json() == shown["plans"]

    async def test_measures_what_it_served(self, house: House, paid_key: str) -> None:
        await house.chat(paid_key)
        stats = (await house.http.get(f"/v1/services/{SERVICE}/stats")).json()
        assert (stats["requests"], stats["failed"], stats["units_out"], stats["payers"]) == (1, 0, 4, 1)
        assert (stats["hours_called"], stats["hours_answered"]) == (1, 1)
        assert stats["p50_duration_ms"] == stats["p90_duration_ms"] == stats["mean_duration_ms"]

    async def test_shows_what_an_account_has(self, house: House) -> None:
        buyer = address_of(house.buyer)
        await house.mine(
            holding(PASS, buyer, 2),
            access(plan_id(PlanKind.TIMED), 2_000_000_000, buyer),
            tab(METERED, 5, buyer, settled=3),
            rows.Share(chain_id=CHAIN_ID, service_id=SERVICE, account=buyer, units=250_000),
            rows.ShareRevenue(chain_id=CHAIN_ID, service_id=SERVICE, currency=0, distributed=1_001),
            rows.Position(
                chain_id=CHAIN_ID, owner=buyer, index=0, amount=10**18, score=10**18, end=2_000_000_000
            ),
            rows.Staker(chain_id=CHAIN_ID, owner=buyer, score=10**18),
            rows.TokenBalance(chain_id=CHAIN_ID, token=b"\x01" * 20, account=buyer, amount=10**20),
        )
        shown = (await house.http.get(f"/v1/accounts/{house.buyer.address}")).json()
        assert [(one["kind"], one["units"], one["deposited"]) for one in shown["plans"]] == [
            ("pass", "2", "0"),
            ("timed", "0", "0"),
            ("metered", "0", "5"),
        ]
        assert shown["shares"] == [{"service_id": SERVICE, "units": "250000", "claimable": {"0": "250"}}]
        assert (shown["emp"], shown["score"], len(shown["positions"])) == (str(10**20), str(10**18), 1)
        assert shown["block_hash"] == hex_of(block_hash(house.market.number))

    async def test_shows_an_empty_account(self, house: House) -> None:
        shown = (await house.http.get("/v1/accounts/0x" + "00" * 19 + "01")).json()
        assert (shown["plans"], shown["shares"], shown["emp"]) == ([], [], "0")

    async def test_shows_activity_newest_first(self, house: House) -> None:
        for number in (1, 2):
            await house.market.put(
                rows.Outbox(
                    id=number,
                    chain_id=CHAIN_ID,
                    block_number=number,
                    block_hash=block_hash(number),
                    log_index=0,
                    timestamp=1,
                    tx_hash=bytes(32),
                    contract="AccessToken",
                    event="Bought",
                    service_id=SERVICE,
                    args={"units": "1"},
                )
            )
        page = (await house.http.get("/v1/activity?limit=1")).json()
        assert [event["id"] for event in page["events"]] == [2]
        older = (await house.http.get(f"/v1/activity?before={page['next']}")).json()
        assert [event["id"] for event in older["events"]] == [1]
        assert (await house.http.get("/v1/activity?service=9")).json()["events"] == []

    async def test_estimates_a_job(self, house: House) -> None:
        job = {"model": MODEL, "requests": 1_000, "units_in": 100, "units_out": 50}
        shown = (await house.http.post("/v1/estimate", json=job)).json()
        metered = next(one for one in shown["plans"] if one["kind"] == "metered")
        assert (metered["micro_credits"], metered["units"], metered["cost"]) == ("2500000", "3", "15000000")


class TestMetadata:
    async def test_keeps_a_document_by_its_hash(self, house: House) -> None:
        token = await house.sign_in(house.provider)
        data = orjson.dumps({**DOCUMENT, "slug": "other"})
        url = f"/v1/metadata/{hex_of(keccak(data))}"
        kept = await house.http.put(url, content=data, headers=bearer(token))
        assert (kept.status_code, kept.json()["url"]) == (201, house.url + url)
        got = await house.http.get(url)
        assert got.content == data
        assert "immutable" in got.headers["cache-control"]

    @pytest.mark.parametrize(
        ("document", "told"),
        [
            ({**DOCUMENT, "slug": "No Spaces"}, "slug"),
            ({**DOCUMENT, "extra": 1}, "extra"),
            ({"emporion": "service/1"}, "name"),
        ],
    )
    async def test_names_what_breaks_the_schema(self, house: House, document: Any, told: str) -> None:
        token = await house.sign_in(house.provider)
        data = orjson.dumps(document)
        url = f"/v1/metadata/{hex_of(keccak(data))}"
        reply = await house.http.put(url, content=data, headers=bearer(token))
        assert reply.status_code == 422
        assert told in {problem["path"] for problem in reply.json()["details"]["problems"]}

    async def test_refuses_other_bytes_than_the_hash(self, house: House) -> None:
        token = await house.sign_in(house.provider)
        url = f"/v1/metadata/{hex_of(keccak(b'else'))}"
        reply = await house.http.put(url, content=orjson.dumps(DOCUMENT), headers=bearer(token))
        assert (reply.status_code, reply.json()["code"]) == (422, "unprocessable")

    async def test_refuses_strangers_and_what_is_too_large(self, house: House) -> None:
        url = f"/v1/metadata/{hex_of(keccak(b'x'))}"
        assert (await house.http.put(url, content=b"x")).status_code == 401
        key = await house.key()
        assert (await house.http.put(url, content=b"x", headers=bearer(key))).status_code == 403
        token = await house.sign_in(house.provider)
        large = await house.http.put(url, content=b"x" * 300_000, headers=bearer(token))
        assert large.status_code == 413

    async def test_publishes_the_schemas(self, house: House) -> None:
        schema = (await house.http.get("/v1/metadata/schemas/service")).json()
        assert "slug" in schema["required"]

    async def test_fetches_what_a_service_names(self, house: House) -> None:
        data = orjson.dumps({**DOCUMENT, "slug": "by-uri"})
        uri = "data:application/json," + data.decode()
        await house.mine(service(service_id=5, content_hash=keccak(data), uri=uri))
        began = time.monotonic()
        while (await house.http.get("/v1/services/5")).json()["metadata"] is None:
            await asyncio.sleep(0.1)
            assert time.monotonic() - began < 10


class TestProvider:
    async def test_binds_upstreams_and_never_shows_the_secret(self, house: House, pass_key: str) -> None:
        token = await house.sign_in(house.provider)
        one = {"kind": "openai", "url": house.model.url, "model": "other-name", "secret": "s3cret"}
        url = f"/v1/provider/services/{SERVICE}/upstream"
        put = await house.http.put(url, json={"upstreams": [one]}, headers=bearer(token))
        assert put.status_code == 200, put.text
        assert "s3cret" not in put.text
        assert (await house.http.get(url, headers=bearer(token))).json()[0]["has_secret"] is True
        assert (await house.chat(pass_key)).status_code == 200
        assert house.model.asked[-1]["model"] == "other-name"
        assert house.model.headers[-1]["authorization"] == "Bearer s3cret"

    async def test_takes_the_owners_key_of_that_scope_and_no_others(self, house: House) -> None:
        url = f"/v1/provider/services/{SERVICE}/upstream"
        wanted = {"upstreams": [{"kind": "openai", "url": house.model.url, "model": "by-key"}]}
        key = await house.key(house.provider, scopes=["provider"])
        put = await house.http.put(url, json=wanted, headers=bearer(key))
        assert (put.status_code, put.json()[0]["model"]) == (200, "by-key")
        stranger = await house.key(scopes=["provider"])
        reply = await house.http.put(url, json={"upstreams": []}, headers=bearer(stranger))
        assert (reply.status_code, reply.json()["code"]) == (403, "forbidden")

    async def test_refuses_anybody_but_the_owner(self, house: House) -> None:
        url = f"/v1/provider/services/{SERVICE}/upstream"
        token = await house.sign_in(house.buyer)
        reply = await house.http.put(url, json={"upstreams": []}, headers=bearer(token))
        assert (reply.status_code, reply.json()["code"]) == (403, "forbidden")
        key = await house.key(house.provider)
        assert (await house.http.get(url, headers=bearer(key))).json()["code"] == "scope_missing"

    async def test_refuses_an_address_inside(self, house: House) -> None:
        token = await house.sign_in(house.provider)
        one = {"kind": "openai", "url": "https://169.254.169.254/v1", "model": "m"}
        url = f"/v1/provider/services/{SERVICE}/upstream"
        reply = await house.http.put(url, json={"upstreams": [one]}, headers=bearer(token))
        assert reply.status_code in (422, 502)


class TestReceipts:
    async def test_shows_a_receipt_to_payer_and_provider_alone(self, house: House, paid_key: str) -> None:
        request_id = (await house.chat(paid_key)).headers["x-request-id"]
        url = f"/v1/receipts/{request_id}"
        owner, stranger = await house.key(house.provider), await house.key(_stranger())
        statuses = [
            (await house.http.get(url, headers=bearer(key))).status_code
            for key in (paid_key, owner, stranger)
        ]
        assert statuses == [200, 200, 404]
        assert (await house.http.get(f"{url}/proof", headers=bearer(paid_key))).status_code == 404


class TestOperations:
    async def test_says_it_is_well_and_ready(self, house: House) -> None:
        assert (await house.http.get("/healthz")).json() == {"status": "ok"}
        ready = (await house.http.get("/readyz")).json()
        assert (ready["ready"], ready["problems"], ready["block_number"]) == (True, [], 1)

    async def test_tells_where_everything_is(self, house: House) -> None:
        shown = (await house.http.get("/v1/deployment")).json()
        (chain,) = shown["chains"]
        assert any(entry.get("name") == "buy" for entry in chain["contracts"]["AccessToken"]["abi"])
        assert chain["currencies"][0]["decimals"] == 6

    async def test_describes_every_route(self, house: House) -> None:
        paths = (await house.http.get("/openapi.json")).json()["paths"]
        for path in ("/v1/chat/completions", "/v1/embeddings", "/v1/keys", "/v1/services/{service_id}"):
            assert path in paths
        assert "402" in paths["/v1/chat/completions"]["post"]["responses"]

    async def test_lets_the_named_origin_call_and_read_our_headers(self, house: House, pass_key: str) -> None:
        asks = {
            "origin": "https://shop.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type,x-stainless-os",
        }
        preflight = await house.http.options("/v1/chat/completions", headers=asks)
        assert preflight.status_code == 200
        reply = await house.chat(pass_key, {"origin": "https://shop.example"})
        assert reply.headers["access-control-allow-origin"] == "https://shop.example"
        assert "emporion-receipt" in reply.headers["access-control-expose-headers"].lower()
        other = await house.chat(pass_key, {"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


class TestHostile:
    @pytest.mark.parametrize(
        "path",
        [
            "/v1/receipts/%00",
            "/v1/receipts/req_" + "0" * 32,
            "/v1/services?q=%00",
            "/v1/services?tag=%00",
            "/v1/services?sort=name&cursor=WyJuYW1lIiwiXHUwMDAwIiwxXQ",
            "/v1/services?sort=new&cursor=WyJuZXciLCI5OTk5OTk5OTk5OTk5OTk5OTk5OSIsMV0",
            "/v1/credits/-1",
            "/v1/credits/99999999999999999999999999",
            "/v1/services/99999999999999999999",
            "/v1/models/%00/%ff",
            "/v1/accounts/%00",
            "/v1/keys/audit?before=9223372036854775808",
        ],
    )
    async def test_is_told_what_is_wrong(self, house: House, paid_key: str, path: str) -> None:
        reply = await house.http.get(path, headers=bearer(paid_key))
        assert 400 <= reply.status_code < 500, reply.text

    async def test_cannot_store_what_the_database_cannot(self, house: House) -> None:
        session = bearer(await house.sign_in(house.provider))
        named = await house.http.post("/v1/keys", json={"name": "a\x00b"}, headers=session)
        assert named.status_code == 422
        data = orjson.dumps({**DOCUMENT, "description": "a\x00b"})
        url = f"/v1/metadata/{hex_of(keccak(data))}"
        assert (await house.http.put(url, content=data, headers=session)).status_code == 422


def _stranger() -> Any:
    from eth_account import Account

    return Account.from_key("0x" + "33" * 32)
