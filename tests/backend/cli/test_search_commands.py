"""`emporion search`: one line a plan, prices in words.

listed
├── given plans: the service's name stands once
└── given none: the service is there all the same
unnamed: services without their document, by id
price_of: money per pass, credit or period; free; closed
"""

from typing import Any

import pytest

from backend.cli.search_commands import listed, price_of, span_of, unnamed
from backend.core.deployment import DeployedCurrency

CURRENCIES = [DeployedCurrency(0, "0x00", "tUSD", "Test dollar", 6)]


def plan(**given: Any) -> dict[str, Any]:
    card = {"id": 1, "kind": "metered", "unit_price": "10000", "currency": 0, "period_seconds": 0}
    return card | {"sale_open": True} | given


def service(*plans: dict[str, Any]) -> dict[str, Any]:
    return {"model": "1/1", "name": "A", "kind": "model", "plans": list(plans)}


class TestListed:
    def test_names_a_service_once(self) -> None:
        rows = list(listed(service(plan(id=1), plan(id=2)), CURRENCIES))
        assert [row["model"] for row in rows] == ["1/1", ""]
        assert [row["plan"] for row in rows] == [1, 2]

    def test_keeps_a_service_without_plans(self) -> None:
        (row,) = listed(service(), CURRENCIES)
        assert row["name"] == "A"
        assert row["plan"] is None


class TestUnnamed:
    def test_tells_whose_document_is_missing(self) -> None:
        named, fresh = {"id": 1, "slug_model": "0x1/a"}, {"id": 2, "slug_model": None}
        assert unnamed([named]) == ""
        assert unnamed([named, fresh]).startswith("service 2: no name yet")


class TestPriceOf:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({}, "0.01 tUSD per credit"),
            ({"unit_price": "0"}, "free"),
            ({"kind": "pass", "unit_price": "20000000"}, "20 tUSD per pass"),
            ({"kind": "timed", "period_seconds": 2_592_000}, "0.01 tUSD per 30 days"),
            ({"sale_open": False}, "0.01 tUSD per credit (sale closed)"),
            ({"currency": 3}, "10,000 of currency 3 per credit"),
        ],
    )
    def test_is_in_words(self, given: dict[str, Any], told: str) -> None:
        assert price_of(plan(**given), CURRENCIES) == told


class TestSpanOf:
    @pytest.mark.parametrize(
        ("seconds", "told"),
        [(60, "minute"), (3_600, "hour"), (86_400, "day"), (604_800, "week"), (90, "90 seconds")],
    )
    def test_takes_the_largest_unit(self, seconds: int, told: str) -> None:
        assert span_of(seconds) == told
