"""Measured figures over HTTP

GET /v1/services, /v1/services/{id}, /v1/services/{id}/stats
├── say who measured and how: probers by paid calls, the gateway while it served
└── leave out what is older than thirty days
GET /v1/services?sort=uptime, first_token, speed
└── best first by the worst that anybody measured, the unmeasured last, page by page
a prober's calls through the `openai` package
├── are timed where they are answered
└── tell a fault of the service from a call that was not paid, or was refused
"""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from backend.cli.probe_calls import WalletCaller, targets
from backend.client import AsyncEmporion, GatewayError
from backend.core.units import Address, PlanKind, ServiceId, checksum
from backend.probing.figures import Sample
from backend.probing.prober import Down, Refused, Target, Unpaid
from backend.probing.service import WINDOW_SECONDS
from backend.signing.keys import LocalKey
from tests.backend.gateway.conftest import METERED, MODEL, House, address_of
from tests.backend.gateway.model_server import break_off, fail, refuse
from tests.backend.market import SERVICE, plan, service, tab

PROBER, OTHER = Address(b"\x71" * 20), Address(b"\x72" * 20)
TARGET = Target(SERVICE, MODEL)


@pytest.fixture
def gateway_settings(database_url: str) -> dict[str, Any]:
    return {"database_url": database_url}


def now() -> int:
    return int(time.time())


class TestFigures:
    async def test_say_who_measured_and_how(self, house: House, paid_key: str) -> None:
        measurements = house.services.measurements
        assert (await house.chat(paid_key)).status_code == 200
        await measurements.refresh_served(house.services.meter)
        await measurements.note(SERVICE, PROBER, Sample(now(), True, 120, 9_000))
        await measurements.note(SERVICE, PROBER, Sample(now(), False))
        await measurements.note(SERVICE, OTHER, Sample(now() - WINDOW_SECONDS - 60, True, 1, 1))
        (listed,) = (await house.http.get("/v1/services")).json()["services"]
        told = {one["source"]: one for one in listed["measured"]}
        assert set(told) == {"prober", "gateway"}
        assert told["gateway"]["measured_by"] == checksum(house.services.meter)
        assert told["gateway"]["uptime_ppm"] == 1_000_000
        assert told["prober"]["measured_by"] == checksum(PROBER)
        figures = ("samples", "uptime_ppm", "first_token_ms", "milli_tokens_per_second")
        assert [told["prober"][name] for name in figures] == [2, 500_000, 120, 9_000]
        for path in (f"/v1/services/{SERVICE}", f"/v1/services/{SERVICE}/stats"):
            assert (await house.http.get(path)).json()["measured"] == listed["measured"]


class TestSort:
    @pytest.mark.parametrize("sort", ["uptime", "first_token", "speed"])
    async def test_puts_the_best_first_page_by_page(self, house: House, sort: str) -> None:
        ids = [ServiceId(number) for number in (2, 3, 4)]
        await house.mine(
            *(service(service_id=one) for one in ids), *(plan(PlanKind.PASS, 1, one) for one in ids)
        )
        measurements = house.services.measurements
        for one, slowness in ((4, 1), (2, 2), (3, 3)):
            samples = [Sample(now(), True, 10 * slowness, 9_000 // slowness)]
            samples += [Sample(now(), False)] * slowness
            for sample in samples:
                await measurements.note(ServiceId(one), PROBER, sample)
        # One prober's praise does not help where another measured worse.
        await measurements.note(ServiceId(3), OTHER, Sample(now(), True, 1, 90_000))
        seen, cursor = [], None
        while True:
            query = {"sort": sort, "limit": "1"} | ({"cursor": cursor} if cursor else {})
            page = (await house.http.get("/v1/services", params=query)).json()
            seen += [entry["id"] for entry in page["services"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == [4, 2, 3, SERVICE]


class TestCalls:
    @pytest.fixture
    async def caller(self, house: House) -> AsyncIterator[WalletCaller]:
        await house.mine(tab(METERED, 10, address_of(house.buyer)))
        async with (
            AsyncEmporion(house.url, "", LocalKey(bytes([10]) * 32)) as market,
            WalletCaller.opened(market, deposits=False) as opened,
        ):
            yield opened

    async def test_are_timed(self, house: House, caller: WalletCaller) -> None:
        house.model.pause = 0.01
        timed = await caller.call(TARGET)
        assert timed.first_token_ms > 0
        assert timed.speed is not None
        assert timed.speed > 0

    async def test_find_faults_of_the_service(self, house: House, caller: WalletCaller) -> None:
        for behaviour in (fail, break_off):
            house.model.behaviour = behaviour
            with pytest.raises(Down):
                await caller.call(TARGET)

    async def test_tell_what_is_no_fault_of_it(self, house: House, caller: WalletCaller) -> None:
        with pytest.raises(Refused, match="404"):
            await caller.call(Target(ServiceId(9), "31337/9"))
        await house.mine(tab(METERED, 0, address_of(house.buyer)))
        with pytest.raises(Unpaid) as unpaid:
            await caller.call(TARGET)
        assert {offer["action"] for offer in unpaid.value.offers} == {"buy"}

    async def test_count_what_the_upstream_refuses_as_a_fault(
        self, house: House, caller: WalletCaller
    ) -> None:
        house.model.behaviour = refuse
        with pytest.raises(Down, match="400 malformed_request"):
            await caller.call(TARGET)

    async def test_go_to_models_that_are_on_sale(self, house: House) -> None:
        async with AsyncEmporion(house.url) as market:
            assert await targets(market, []) == [TARGET]
            with pytest.raises(GatewayError, match="service 9 is no model"):
                await targets(market, [9])
