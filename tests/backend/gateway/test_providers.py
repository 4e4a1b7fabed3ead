"""What providers see of their business, and lineage, on both databases.

├── lineage: both ways, step by step, a circle ends; an unknown service: 404
├── services, revenue, settlements: the owner's alone, and paged
├── what was served and is not settled yet, by plan
└── without the right: 403
"""

from typing import Any

import pytest

from backend.db.tables import chain as rows
from tests.backend.gateway.conftest import METERED, House, address_of, bearer
from tests.backend.market import BUYER, CHAIN_ID, METER, SERVICE, START, service, tab


@pytest.fixture
def gateway_settings(database_url: str) -> dict[str, Any]:
    return {"database_url": database_url}


def derived(service_id: int, upstream_id: int, bps: int = 100) -> rows.Upstream:
    return rows.Upstream(chain_id=CHAIN_ID, service_id=service_id, upstream_id=upstream_id, bps=bps)


def settled(block: int) -> rows.Settlement:
    return rows.Settlement(
        chain_id=CHAIN_ID,
        block_number=block,
        log_index=0,
        tx_hash=bytes(32),
        timestamp=START,
        plan_id=METERED,
        payer=BUYER,
        meter=METER,
        units=block,
        settled=block,
        balance=0,
        receipts_root=bytes(32),
    )


class TestLineage:
    async def test_goes_both_ways(self, house: House) -> None:
        others = [service(service_id=number) for number in (2, 3, 4)]
        await house.mine(*others, derived(SERVICE, 2), derived(2, 3, 250), derived(3, 2), derived(4, SERVICE))
        said = (await house.http.get(f"/v1/services/{SERVICE}/lineage")).json()
        steps = [
            (one["service_id"], one["upstream_id"], one["bps"], one["depth"]) for one in said["upstreams"]
        ]
        assert steps == [(1, 2, 100, 1), (2, 3, 250, 2), (3, 2, 100, 3)]
        assert [(one["service_id"], one["depth"]) for one in said["derived"]] == [(4, 1)]
        assert said["complete"]

    async def test_of_nothing_is_not_found(self, house: House) -> None:
        assert (await house.http.get("/v1/services/99/lineage")).status_code == 404


class TestProvider:
    async def test_sees_its_own(self, house: House) -> None:
        shares = rows.ShareRevenue(
            chain_id=CHAIN_ID, service_id=SERVICE, currency=0, distributed=10**20, released=7
        )
        await house.mine(shares, *(settled(block) for block in (1, 2, 3)))
        owner = bearer(await house.sign_in(house.provider))
        services = (await house.http.get("/v1/provider/services", headers=owner)).json()["services"]
        assert [one["id"] for one in services] == [SERVICE]
        revenue = (await house.http.get("/v1/provider/revenue", headers=owner)).json()
        assert len(revenue["plans"]) == 3
        assert revenue["shares"] == [
            {"service_id": SERVICE, "currency": 0, "distributed": str(10**20), "released": "7"}
        ]
        found: list[int] = []
        page: dict[str, Any] = {"next": None}
        while not found or page["next"]:
            query = f"&before={page['next']}" if page["next"] else ""
            reply = await house.http.get(f"/v1/provider/settlements?limit=2{query}", headers=owner)
            page = reply.json()
            found += [line["block_number"] for line in page["settlements"]]
        assert found == [3, 2, 1]

    async def test_sees_what_is_not_settled_yet(self, house: House) -> None:
        await house.mine(tab(METERED, 5, address_of(house.buyer)))
        key = await house.key()
        before = await house.credits(key)
        assert (await house.chat(key)).status_code == 200
        served = before - await house.credits(key)
        assert served > 0
        owner = bearer(await house.sign_in(house.provider))
        revenue = (await house.http.get("/v1/provider/revenue", headers=owner)).json()
        waiting = {one["plan_id"]: int(one["unsettled_micro_credits"]) for one in revenue["plans"]}
        assert {plan: amount for plan, amount in waiting.items() if amount} == {METERED: served}
        assert revenue["settles_within_seconds"] == house.settings.settle_interval_seconds

    async def test_sees_nothing_of_others(self, house: House) -> None:
        await house.mine(settled(1))
        buyer = bearer(await house.sign_in(house.buyer))
        assert (await house.http.get("/v1/provider/services", headers=buyer)).json() == {"services": []}
        assert (await house.http.get("/v1/provider/revenue", headers=buyer)).json()["plans"] == []
        assert (await house.http.get("/v1/provider/settlements", headers=buyer)).json()["settlements"] == []

    async def test_needs_the_right(self, house: House) -> None:
        key = bearer(await house.key(house.provider, scopes=["inference"]))
        assert (await house.http.get("/v1/provider/revenue", headers=key)).status_code == 403
