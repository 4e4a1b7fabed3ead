"""AccessToken: the table of currencies, the fee, the guardian's pause, and what it tells.

addCurrency
├── when the caller is not governance: it should revert
├── when it is no contract, listed already, too large, or the ninth: it should revert
└── otherwise: it should append and tell; a running pause holds for it too
setCurrencyOpen, setFeeBps
├── when the caller is not governance, the index is unknown, the fee is above a tenth: it should revert
└── otherwise: it should set and tell
pauseSales
├── when the caller is not the guardian, or 30 days have not passed since the last one ended: it should revert
└── otherwise: it should pause for 30 days
views
├── royaltyInfo names the shares; uri is the service's metadata
└── supportsInterface knows ERC-165, 1155, metadata, 2981 and its own
"""

from __future__ import annotations

import pytest

from tests.contracts.protocol import DAY, EMP_INDEX, PASS, URI, USD_INDEX, Protocol, add_hostile
from tests.contracts.stage import MAX_UINT256

FIRST_NEW = 2


class TestAddCurrency:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_NotGovernance", p.stranger, p.governance):
            p.send(p.access, "addCurrency", p.usd.address, sender=p.stranger)

    def test_an_account_is_no_currency(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_CurrencyNotToken", p.stranger):
            p.send(p.access, "addCurrency", p.stranger, sender=p.governance)

    def test_a_currency_comes_once(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_CurrencyListed", p.usd.address):
            p.send(p.access, "addCurrency", p.usd.address, sender=p.governance)

    def test_a_supply_that_is_too_large_is_refused(self, p: Protocol) -> None:
        token = p.stage.deploy("HostileCurrency")
        p.send(token, "mint", p.stranger, 2**108 + 1, sender=p.operator)
        with p.stage.reverts("AccessToken_CurrencySupplyTooLarge", token.address, 2**108 + 1, 2**108):
            p.send(p.access, "addCurrency", token.address, sender=p.governance)

    def test_the_table_ends_at_eight(self, p: Protocol) -> None:
        for _ in range(6):
            add_hostile(p)
        with p.stage.reverts("AccessToken_CurrencyTableFull", 8):
            add_hostile(p)

    def test_it_is_appended(self, p: Protocol) -> None:
        token = p.stage.deploy("HostileCurrency")
        receipt = p.send(p.access, "addCurrency", token.address, sender=p.governance)
        assert p.only(receipt, p.access, "CurrencyAdded") == {"index": FIRST_NEW, "token": token.address}
        assert p.read(p.access, "currencyOf", FIRST_NEW) == [token.address, True]
        assert p.read(p.access, "currencyCount") == FIRST_NEW + 1
        assert p.read(p.access, "currencyOf", USD_INDEX) == [p.usd.address, True]
        assert p.read(p.access, "currencyOf", EMP_INDEX) == [p.emp.address, True]

    def test_a_running_pause_holds_for_it(self, p: Protocol) -> None:
        p.send(p.access, "pauseSales", sender=p.guardian)
        add_hostile(p)
        plan = p.create_plan(currency=FIRST_NEW)
        with p.stage.reverts("AccessToken_SalesPaused"):
            p.buy(plan)


class TestParameters:
    @pytest.mark.parametrize(
        ("function", "arguments"), [("setCurrencyOpen", (0, False)), ("setFeeBps", (1,))]
    )
    def test_a_stranger_cannot(self, p: Protocol, function: str, arguments: tuple[object, ...]) -> None:
        with p.stage.reverts("AccessToken_NotGovernance", p.guardian, p.governance):
            p.send(p.access, function, *arguments, sender=p.guardian)

    def test_an_unknown_currency_cannot_close(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_UnknownCurrency", 5, FIRST_NEW):
            p.send(p.access, "setCurrencyOpen", 5, False, sender=p.governance)
        with p.stage.reverts("AccessToken_UnknownCurrency", MAX_UINT256, FIRST_NEW):
            p.read(p.access, "currencyOf", MAX_UINT256)

    def test_a_currency_closes_and_opens(self, p: Protocol) -> None:
        receipt = p.send(p.access, "setCurrencyOpen", USD_INDEX, False, sender=p.governance)
        assert p.only(receipt, p.access, "CurrencyOpenSet") == {"index": USD_INDEX, "open": False}
        assert p.read(p.access, "currencyOf", USD_INDEX) == [p.usd.address, False]
        p.send(p.access, "setCurrencyOpen", USD_INDEX, True, sender=p.governance)
        p.create_plan()

    def test_the_fee_is_at_most_a_tenth(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_FeeTooHigh", 1_001, 1_000):
            p.send(p.access, "setFeeBps", 1_001, sender=p.governance)
        receipt = p.send(p.access, "setFeeBps", 1_000, sender=p.governance)
        name = b"feeBps".ljust(32, b"\0")
        assert p.only(receipt, p.access, "ParameterSet") == {"name": name, "value": 1_000}
        assert p.read(p.access, "feeBps") == 1_000


class TestPauseSales:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("AccessToken_NotGuardian", p.governance, p.guardian):
            p.send(p.access, "pauseSales", sender=p.governance)

    def test_it_lapses_and_cannot_be_renewed_at_once(self, p: Protocol) -> None:
        now = p.stage.now
        receipt = p.send(p.access, "pauseSales", sender=p.guardian)
        assert p.only(receipt, p.access, "SalesPaused") == {"guardian": p.guardian, "until": now + 30 * DAY}
        p.stage.travel(now + 60 * DAY - 1)
        with p.stage.reverts("AccessToken_PauseTooSoon", now + 60 * DAY):
            p.send(p.access, "pauseSales", sender=p.guardian)
        p.stage.travel(now + 60 * DAY)
        p.send(p.access, "pauseSales", sender=p.guardian)


class TestViews:
    def test_royalties_go_to_the_shares(self, p: Protocol) -> None:
        plan = p.create_plan(PASS, royaltyBps=333)
        assert p.read(p.access, "royaltyInfo", plan, 9_999) == [p.shares.address, 332]
        assert p.read(p.access, "royaltyInfo", plan, MAX_UINT256)[1] == MAX_UINT256 * 333 // 10_000

    def test_the_uri_is_the_services(self, p: Protocol) -> None:
        assert p.read(p.access, "uri", p.create_plan()) == URI

    @pytest.mark.parametrize("interface", ["01ffc9a7", "d9b67a26", "0e89341c", "2a55205a"])
    def test_interfaces_are_told(self, p: Protocol, interface: str) -> None:
        assert p.read(p.access, "supportsInterface", bytes.fromhex(interface))

    def test_others_are_not(self, p: Protocol) -> None:
        assert not p.read(p.access, "supportsInterface", b"\xff\xff\xff\xff")
