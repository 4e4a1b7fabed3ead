"""What a holding can give back, counted for `emporion buyer status`.

refundable_at_most
├── units in the wallet and whole credits left in the tab, at the plan's price
├── credits that were served and are not settled yet are not counted
├── the same while a withdrawal runs, and beyond what a daily limit lets be spent
└── nothing of a pass, nor of a plan that returns no money while its service lives; once it ended, all
"""

from typing import Any

import pytest

from backend.cli.buyer_status import Tab, holding, refundable_at_most
from backend.core.deployment import DeployedCurrency

PRICE = 10_000
TERMS: dict[str, Any] = {"id": 7, "refundable": True, "unit_price": str(PRICE), "currency": 0}
HELD: dict[str, Any] = {
    "plan_id": 7,
    "service_id": 1,
    "kind": "metered",
    "units": "10",
    "access_until": 0,
    "deposited": "100",
    "withdraw_at": 0,
    "daily_limit": 0,
    "vouchers": False,
}


class TestRefundable:
    @pytest.mark.parametrize(
        ("held", "terms", "status", "tab", "units"),
        [
            ({}, {}, "active", Tab(100_000_000, 100), 110),
            ({}, {}, "active", Tab(99_999_999, 99), 109),
            ({"deposited": "0"}, {}, "active", None, 10),
            ({"withdraw_at": 5}, {}, "active", Tab(0, 40), 50),
            ({"daily_limit": 3}, {}, "active", Tab(3_000_000, 97), 107),
            ({}, {"refundable": False}, "active", Tab(100_000_000, 100), 0),
            ({}, {"refundable": False}, "retired", Tab(100_000_000, 100), 110),
            ({"kind": "timed", "deposited": "0"}, {}, "paused", None, 10),
            ({"kind": "pass", "deposited": "0"}, {}, "retired", None, 0),
        ],
    )
    def test_counts_whole_units_not_used(
        self, held: dict[str, Any], terms: dict[str, Any], status: str, tab: Tab | None, units: int
    ) -> None:
        assert refundable_at_most({**HELD, **held}, {**TERMS, **terms}, status, tab) == units * PRICE


class TestHolding:
    def test_of_a_tab_without_limit_says_none(self) -> None:
        service = {"name": "Model", "status": "active", "plans": [TERMS]}
        row = holding(HELD, service, Tab(12_500_000, 12), 0, [DeployedCurrency(0, "", "tUSD", "", 6)])
        assert (row["left"], row["daily_limit"], row["withdrawal"]) == ("12.5", None, None)
        assert (row["refundable"], row["refundable_base_units"]) == ("0.22 tUSD", "220000")
