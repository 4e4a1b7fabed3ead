"""AccessToken: creating plans and opening their sales.

createPlan
├── when the caller does not hold the service: it should revert
├── when the service does not exist or is retired: it should revert
├── when the currency is unknown or closed: it should revert
├── when the period does not fit the kind: it should revert
├── when a Pass is refundable, a royalty or a cap too high: it should revert
├── when early access is longer than the time before the sale: it should revert
└── otherwise
    ├── it should pack service, index, transferability and kind into the id
    ├── it should keep the terms word for word, and the fee of now for good
    └── it should emit everything an indexer needs
setSaleOpen
├── when the caller does not hold the service, or there is no such plan: it should revert
└── otherwise: it should close and open sales and change nothing else
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.protocol import (
    DAY,
    HOUR,
    KINDS,
    METERED,
    PASS,
    RETIRED,
    TERMS,
    TIMED,
    USD,
    USD_INDEX,
    Protocol,
)
from tests.contracts.stage import MAX_UINT256


class TestCreatePlan:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_NotProvider", 1, p.stranger, p.provider):
            p.create_plan(sender=p.stranger)

    def test_an_unknown_service_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("ERC721NonexistentToken", 9):
            p.create_plan(service=9)

    def test_a_retired_service_cannot(self, p: Protocol) -> None:
        p.send(p.registry, "setStatus", 1, RETIRED, sender=p.provider)
        with p.stage.reverts("AccessToken_ServiceRetired", 1):
            p.create_plan()

    def test_an_unknown_currency_is_refused(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_UnknownCurrency", 7, 2):
            p.create_plan(currency=7)

    def test_a_closed_currency_is_refused(self, p: Protocol) -> None:
        p.send(p.access, "setCurrencyOpen", USD_INDEX, False, sender=p.governance)
        with p.stage.reverts("AccessToken_CurrencyClosed", USD_INDEX):
            p.create_plan()

    @pytest.mark.parametrize("period", [0, HOUR - 1, 3_650 * DAY + 1])
    def test_a_timed_period_out_of_bounds_is_refused(self, p: Protocol, period: int) -> None:
        with p.stage.reverts("AccessToken_BadPeriod", period, HOUR, 3_650 * DAY):
            p.create_plan(TIMED, period=period)

    @pytest.mark.parametrize("kind", [PASS, METERED])
    def test_other_kinds_have_no_period(self, p: Protocol, kind: int) -> None:
        with p.stage.reverts("AccessToken_BadPeriod", DAY, 0, 0):
            p.create_plan(kind, period=DAY)

    def test_a_pass_is_never_refundable(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_PassNotRefundable"):
            p.create_plan(PASS, refundable=True)

    def test_a_royalty_above_a_quarter_is_refused(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_RoyaltyTooHigh", 2_501, 2_500):
            p.create_plan(royaltyBps=2_501)

    @pytest.mark.parametrize("cap", ["supplyCap", "accountCap"])
    @pytest.mark.parametrize("units", [2**63 - 1, 2**63])
    def test_caps_stay_below_what_no_cap_is_kept_as(self, p: Protocol, cap: str, units: int) -> None:
        with p.stage.reverts("AccessToken_CapTooHigh", units, 2**63 - 2):
            p.create_plan(**dict[str, Any]({cap: units}))

    def test_early_access_cannot_begin_before_time(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_EarlyBeforeTime", 11, 10):
            p.create_plan(earlySeconds=11, saleStart=10)

    @pytest.mark.parametrize("transferable", [True, False])
    @pytest.mark.parametrize("kind", [PASS, TIMED, METERED])
    def test_the_id_tells_service_index_transferability_and_kind(
        self, p: Protocol, kind: int, transferable: bool
    ) -> None:
        first = p.create_plan(kind, transferable=transferable)
        second = p.create_plan(kind, transferable=transferable)
        assert first == 1 << 20 | 0 << 4 | transferable << 2 | kind
        assert second == first + (1 << 4)

    @pytest.mark.parametrize("kind", [PASS, TIMED, METERED])
    def test_terms_are_kept_word_for_word(self, p: Protocol, kind: int) -> None:
        changes: dict[str, Any] = {
            "royaltyBps": 2_500, "unitPrice": 2**96 - 1, "supplyCap": 2**63 - 2, "accountCap": 2**63 - 2,
            "saleStart": 2**40 - 1, "earlySeconds": 2**32 - 1, "earlyScore": 2**112 - 1,
            "perRequest": 2**64 - 1, "perUnitIn": 2**64 - 2, "perUnitOut": 2**64 - 3, "measure": 3,
            "currency": 1,
        }  # fmt: skip
        terms = {**TERMS, **KINDS[kind], **changes}
        plan = p.create_plan(kind, **changes)
        assert tuple(p.read(p.access, "termsOf", plan)) == tuple(terms.values())

    def test_no_cap_is_told_as_none(self, p: Protocol) -> None:
        assert p.read(p.access, "termsOf", p.create_plan())[8] == 0

    def test_the_fee_of_now_is_kept_for_good(self, p: Protocol) -> None:
        before = p.create_plan()
        p.send(p.access, "setFeeBps", 1_000, sender=p.governance)
        after = p.create_plan()
        assert p.read(p.access, "planState", before) == [0, 0, True, 250]
        assert p.read(p.access, "planState", after) == [0, 0, True, 1_000]

    def test_the_event_tells_all_terms(self, p: Protocol) -> None:
        receipt = p.send(p.access, "createPlan", 1, tuple(TERMS.values()), sender=p.provider)
        event = p.only(receipt, p.access, "PlanCreated")
        assert (event["serviceId"], event["provider"], event["feeBps"]) == (1, p.provider, 250)
        assert event["terms"]["unitPrice"] == USD
        assert tuple(event["terms"].values()) == tuple(TERMS.values())

    def test_the_new_holder_of_the_service_creates(self, p: Protocol) -> None:
        p.send(p.registry, "transferFrom", p.provider, p.stranger, 1, sender=p.provider)
        assert p.create_plan(sender=p.stranger)
        with p.stage.reverts("AccessToken_NotProvider", 1, p.provider, p.stranger):
            p.create_plan()

    def test_a_pause_of_sales_leaves_it_open(self, p: Protocol) -> None:
        p.send(p.access, "pauseSales", sender=p.guardian)
        assert p.create_plan()


class TestSetSaleOpen:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        plan = p.create_plan()
        with p.stage.reverts("AccessToken_NotProvider", 1, p.stranger, p.provider):
            p.send(p.access, "setSaleOpen", plan, False, sender=p.stranger)

    def test_an_unknown_plan_cannot_be_opened(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_UnknownPlan", 1 << 20 | 7):
            p.send(p.access, "setSaleOpen", 1 << 20 | 7, True, sender=p.provider)

    def test_a_closed_plan_does_not_sell_until_opened(self, p: Protocol) -> None:
        plan = p.create_plan()
        terms = p.read(p.access, "termsOf", plan)
        receipt = p.send(p.access, "setSaleOpen", plan, False, sender=p.provider)
        assert p.only(receipt, p.access, "SaleOpenSet") == {
            "planId": plan,
            "provider": p.provider,
            "open": False,
        }
        with p.stage.reverts("AccessToken_SaleClosed", plan):
            p.buy(plan)
        p.send(p.access, "setSaleOpen", plan, True, sender=p.provider)
        p.buy(plan)
        assert p.read(p.access, "termsOf", plan) == terms

    def test_terms_of_an_unknown_plan_are_refused(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_UnknownPlan", MAX_UINT256):
            p.read(p.access, "termsOf", MAX_UINT256)
