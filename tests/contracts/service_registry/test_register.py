"""ServiceRegistry: registering and running a service.

register
├── when registrations are paused, the bond cannot be paid: it should revert
├── when the provider is a contract that takes no shares: it should revert
└── otherwise: it should mint the service and its shares, take the bond, tell everything
setStatus
├── when the caller is not the provider, or the service is retired: it should revert
└── otherwise: it should set and tell; retirement is final and returns an open challenge's deposit
setMeter, setMetadata
├── when the caller is not the provider: it should revert
└── otherwise: it should replace; the old key has the withdrawal delay
noteSale, slash, countDispute
└── when the caller is not the contract it is for: it should revert
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.protocol import (
    ACTIVE,
    DAY,
    EMP,
    HASH,
    MIN_BOND,
    PAUSED,
    RETIRED,
    SHARES,
    URI,
    Protocol,
)
from tests.contracts.stage import ZERO


class TestRegister:
    def values(self, p: Protocol, bond: int = MIN_BOND) -> tuple[Any, ...]:
        return (3, p.meter, URI, HASH, [(1, 700)], bond)

    def test_a_pause_stops_it_for_thirty_days(self, p: Protocol) -> None:
        now = p.stage.now
        receipt = p.send(p.registry, "pauseRegistrations", sender=p.guardian)
        expected = {"guardian": p.guardian, "until": now + 30 * DAY}
        assert p.only(receipt, p.registry, "RegistrationsPaused") == expected
        with p.stage.reverts("ServiceRegistry_RegistrationsPaused", now + 30 * DAY):
            p.register()
        p.stage.travel(now + 30 * DAY)
        assert p.register() == 2

    def test_a_bond_that_cannot_be_paid(self, p: Protocol) -> None:
        with p.stage.reverts("ERC20InsufficientBalance"):
            p.register(bond=10**9 * EMP)

    def test_a_bond_beyond_its_width(self, p: Protocol) -> None:
        with p.stage.reverts("SafeCastOverflowedUintDowncast", 96, 2**96):
            p.register(bond=2**96)

    def test_a_contract_that_takes_no_shares(self, p: Protocol) -> None:
        call = p.registry.encode_abi("register", [0, p.meter, URI, HASH, [], 0])
        token = p.stage.deploy("HostileReceiver")
        p.send(token, "setRefuses", True, sender=p.operator)
        with p.stage.reverts("HostileReceiver_Refused"):
            p.send(token, "act", p.registry.address, call, sender=p.operator)

    def test_the_caller_becomes_the_provider(self, p: Protocol) -> None:
        before = p.money(p.stranger, p.emp)
        receipt = p.send(p.registry, "register", *self.values(p), sender=p.stranger)
        assert p.read(p.registry, "ownerOf", 2) == p.stranger
        assert p.read(p.registry, "serviceCount") == 2
        assert p.read(p.registry, "tokenURI", 2) == URI
        assert p.read(p.shares, "balanceOf", p.stranger, 2) == SHARES
        assert before - p.money(p.stranger, p.emp) == MIN_BOND
        event = p.only(receipt, p.registry, "ServiceRegistered")
        assert (event["serviceId"], event["provider"], event["meter"]) == (2, p.stranger, p.meter)
        assert (event["kind"], event["uri"], event["contentHash"], event["bond"]) == (3, URI, HASH, MIN_BOND)
        assert [tuple(u.values()) for u in event["upstreams"]] == [(1, 700)]

    def test_the_record_says_the_same(self, p: Protocol) -> None:
        p.send(p.registry, "register", *self.values(p), sender=p.stranger)
        record = p.service(2)
        set_fields = {k: v for k, v in record.items() if v not in (0, ZERO)}
        assert set_fields == {"bond": MIN_BOND, "kind": 3, "meter": p.meter, "contentHash": HASH}
        assert p.read(p.registry, "saleState", 2) == [p.stranger, True]
        assert p.read(p.registry, "statusOf", 2) == [ACTIVE, 0]

    def test_without_a_bond_it_does_not_sell(self, p: Protocol) -> None:
        receipt = p.send(p.registry, "register", *self.values(p, bond=0), sender=p.stranger)
        assert not p.events(receipt, p.emp, "Transfer")
        assert p.read(p.registry, "saleState", 2) == [p.stranger, False]

    @pytest.mark.parametrize("view", ["serviceOf", "saleState", "statusOf", "tokenURI"])
    def test_an_unknown_service_is_refused(self, p: Protocol, view: str) -> None:
        with p.stage.reverts("ERC721NonexistentToken", 9):
            p.read(p.registry, view, 9)


class TestSetStatus:
    def set(self, p: Protocol, status: int, sender: str | None = None) -> dict[str, Any]:
        return p.send(p.registry, "setStatus", 1, status, sender=sender or p.provider)

    def test_a_stranger_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_NotProvider", 1, p.stranger, p.provider):
            self.set(p, PAUSED, p.stranger)

    def test_retirement_is_final(self, p: Protocol) -> None:
        self.set(p, RETIRED)
        for status in (ACTIVE, PAUSED, RETIRED):
            with p.stage.reverts("ServiceRegistry_Retired", 1):
                self.set(p, status)

    def test_pause_and_back(self, p: Protocol) -> None:
        receipt = self.set(p, PAUSED)
        assert p.only(receipt, p.registry, "StatusSet") == {
            "serviceId": 1, "actor": p.provider, "status": PAUSED, "retiredAt": 0,
        }  # fmt: skip
        assert p.read(p.registry, "saleState", 1) == [p.provider, False]
        self.set(p, ACTIVE)
        assert p.read(p.registry, "saleState", 1) == [p.provider, True]

    def test_retirement_tells_when(self, p: Protocol) -> None:
        now = p.stage.now
        receipt = self.set(p, RETIRED)
        assert p.only(receipt, p.registry, "StatusSet")["retiredAt"] == now
        assert p.read(p.registry, "statusOf", 1) == [RETIRED, now]
        assert p.read(p.registry, "retiredAtOf", 1) == now
        assert p.read(p.registry, "settlementState", 1, p.meter) == [True, now]

    def test_retirement_returns_an_open_challenges_deposit(self, p: Protocol) -> None:
        before = p.money(p.stranger, p.emp)
        p.send(p.registry, "challenge", 1, sender=p.stranger)
        receipt = self.set(p, RETIRED)
        assert p.only(receipt, p.registry, "ChallengeEnded") == {
            "serviceId": 1, "to": p.stranger, "deposit": 100 * EMP, "answered": False,
        }  # fmt: skip
        assert p.money(p.stranger, p.emp) == before


class TestSetMeter:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_NotProvider", 1, p.meter, p.provider):
            p.send(p.registry, "setMeter", 1, p.stranger, sender=p.meter)

    def test_the_old_key_has_the_withdrawal_delay(self, p: Protocol) -> None:
        now = p.stage.now
        receipt = p.send(p.registry, "setMeter", 1, p.stranger, sender=p.provider)
        assert p.only(receipt, p.registry, "MeterSet") == {
            "serviceId": 1, "meter": p.stranger, "previousMeter": p.meter, "previousMeterUntil": now + DAY,
        }  # fmt: skip
        assert p.read(p.registry, "isMeter", 1, p.stranger)
        p.stage.travel(now + DAY)
        assert p.read(p.registry, "isMeter", 1, p.meter)
        p.stage.tester.mine_block()
        p.stage.tester.mine_block()
        assert not p.read(p.registry, "isMeter", 1, p.meter)

    def test_only_the_last_key_is_kept(self, p: Protocol) -> None:
        p.send(p.registry, "setMeter", 1, p.stranger, sender=p.provider)
        p.send(p.registry, "setMeter", 1, p.staker, sender=p.provider)
        assert not p.read(p.registry, "isMeter", 1, p.meter)
        assert p.read(p.registry, "isMeter", 1, p.stranger)

    def test_no_key_is_nobodys(self, p: Protocol) -> None:
        p.send(p.registry, "setMeter", 1, ZERO, sender=p.provider)
        assert not p.read(p.registry, "isMeter", 1, ZERO)
        assert not p.read(p.registry, "isMeter", 99, ZERO)


class TestSetMetadata:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_NotProvider", 1, p.stranger, p.provider):
            p.send(p.registry, "setMetadata", 1, "x", HASH, sender=p.stranger)

    def test_it_is_replaced_for_every_token_of_the_service(self, p: Protocol) -> None:
        plan, digest = p.create_plan(), b"\x22" * 32
        receipt = p.send(p.registry, "setMetadata", 1, "ipfs://new", digest, sender=p.provider)
        assert p.only(receipt, p.registry, "MetadataSet") == {
            "serviceId": 1, "provider": p.provider, "uri": "ipfs://new", "contentHash": digest,
        }  # fmt: skip
        assert p.read(p.registry, "tokenURI", 1) == p.read(p.access, "uri", plan) == "ipfs://new"
        assert p.service()["contentHash"] == digest


class TestForOtherContracts:
    def test_only_access_units_note_sales(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_NotAccessToken", p.provider, p.access.address):
            p.send(p.registry, "noteSale", 1, sender=p.provider)

    @pytest.mark.parametrize(("function", "arguments"), [("slash", (1, ZERO)), ("countDispute", (True,))])
    def test_only_the_court_judges(self, p: Protocol, function: str, arguments: tuple[Any, ...]) -> None:
        with p.stage.reverts("ServiceRegistry_NotCourt", p.governance, p.court):
            p.send(p.registry, function, 1, *arguments, sender=p.governance)

    @pytest.mark.parametrize("interface", ["01ffc9a7", "80ac58cd", "5b5e139f"])
    def test_interfaces_are_told(self, p: Protocol, interface: str) -> None:
        assert p.read(p.registry, "supportsInterface", bytes.fromhex(interface))
