"""ServiceRegistry: bonds, signs of life, the court, parameters.

bond, requestUnbond
├── when there is nothing, no such service, more than the bond, not the provider: it should revert
└── otherwise: it should count; an unbonding part does not sell
unbond
├── when nothing was asked, or a dispute is open: it should revert
├── when the cooldown runs since the request or the last sale: it should revert
└── otherwise: it should pay out
flagUnderbonded, retire
├── when the bond is enough (again), it is flagged already, the time has not passed: it should revert
└── otherwise: anybody may retire it
challenge, answer
├── when one is open, none is open, the caller is a stranger, the time has passed: it should revert
└── otherwise: the answer should take the deposit; without one anybody may retire,
    and the challenger is paid back
slash
└── it should take at most the bond, what is unbonding last
setMinBond, setUnbondCooldown, pauseRegistrations
└── when it is not the role's, or out of bounds: it should revert
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.protocol import DAY, EMP, MIN_BOND, RETIRED, Protocol
from tests.contracts.stage import ZERO

DEPOSIT = 100 * EMP


def request(p: Protocol, amount: int = MIN_BOND) -> int:
    """Asks for the bond; gives the time."""
    now = p.stage.now
    p.send(p.registry, "requestUnbond", 1, amount, sender=p.provider)
    return now


def unbond(p: Protocol) -> dict[str, Any]:
    return p.send(p.registry, "unbond", 1, p.provider, sender=p.provider)


def flag(p: Protocol, sender: str | None = None) -> dict[str, Any]:
    return p.send(p.registry, "flagUnderbonded", 1, sender=sender or p.stranger)


def retire(p: Protocol) -> dict[str, Any]:
    return p.send(p.registry, "retire", 1, sender=p.stranger)


class TestBond:
    def test_nothing(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_ZeroAmount"):
            p.send(p.registry, "bond", 1, 0, sender=p.stranger)

    def test_an_unknown_service(self, p: Protocol) -> None:
        with p.stage.reverts("ERC721NonexistentToken", 9):
            p.send(p.registry, "bond", 9, 1, sender=p.stranger)

    def test_anybody_adds(self, p: Protocol) -> None:
        receipt = p.send(p.registry, "bond", 1, 5, sender=p.stranger)
        assert p.only(receipt, p.registry, "BondAdded") == {
            "serviceId": 1, "from": p.stranger, "amount": 5, "bond": MIN_BOND + 5,
        }  # fmt: skip
        assert p.money(p.registry, p.emp) == MIN_BOND + 5


class TestRequestUnbond:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_NotProvider", 1, p.stranger, p.provider):
            p.send(p.registry, "requestUnbond", 1, 1, sender=p.stranger)

    def test_more_than_the_bond(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_UnbondAboveBond", MIN_BOND + 1, MIN_BOND):
            request(p, MIN_BOND + 1)

    def test_an_unbonding_part_does_not_count(self, p: Protocol) -> None:
        request(p, 1)
        assert p.read(p.registry, "saleState", 1) == [p.provider, False]
        receipt = p.send(p.registry, "requestUnbond", 1, 0, sender=p.provider)
        assert p.only(receipt, p.registry, "UnbondRequested") == {
            "serviceId": 1, "provider": p.provider, "unbonding": 0, "requestedAt": 0,
        }  # fmt: skip
        assert p.read(p.registry, "saleState", 1) == [p.provider, True]


class TestUnbond:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        request(p)
        p.stage.advance(45 * DAY)
        with p.stage.reverts("ServiceRegistry_NotProvider", 1, p.stranger, p.provider):
            p.send(p.registry, "unbond", 1, p.stranger, sender=p.stranger)

    def test_to_nobody(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_ZeroAddress"):
            p.send(p.registry, "unbond", 1, ZERO, sender=p.provider)

    def test_what_was_not_asked(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_NothingUnbonding", 1):
            unbond(p)

    def test_during_the_cooldown(self, p: Protocol) -> None:
        now = request(p)
        p.stage.travel(now + 45 * DAY - 1)
        with p.stage.reverts("ServiceRegistry_CooldownRunning", 1, now + 45 * DAY):
            unbond(p)

    def test_the_cooldown_counts_from_the_last_sale(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.send(p.registry, "bond", 1, 5, sender=p.provider)
        request(p, 5)
        p.stage.advance(40 * DAY)
        sold = p.stage.now
        p.buy(plan)
        p.stage.travel(sold + 45 * DAY - 1)
        with p.stage.reverts("ServiceRegistry_CooldownRunning", 1, sold + 45 * DAY):
            unbond(p)
        p.stage.travel(sold + 45 * DAY)
        unbond(p)

    def test_a_new_request_begins_anew(self, p: Protocol) -> None:
        request(p, 5)
        p.stage.advance(44 * DAY)
        now = request(p, 6)
        p.stage.advance(44 * DAY)
        with p.stage.reverts("ServiceRegistry_CooldownRunning", 1, now + 45 * DAY):
            unbond(p)

    def test_an_open_dispute_holds_it(self, p: Protocol) -> None:
        request(p)
        p.send(p.registry, "countDispute", 1, True, sender=p.court)
        p.stage.advance(60 * DAY)
        with p.stage.reverts("ServiceRegistry_DisputesOpen", 1, 1):
            unbond(p)
        p.send(p.registry, "countDispute", 1, False, sender=p.court)
        unbond(p)

    def test_it_is_paid_out(self, p: Protocol) -> None:
        now, before = request(p, 5), p.money(p.stranger, p.emp)
        p.stage.travel(now + 45 * DAY)
        receipt = p.send(p.registry, "unbond", 1, p.stranger, sender=p.provider)
        assert p.only(receipt, p.registry, "Unbonded") == {
            "serviceId": 1, "to": p.stranger, "amount": 5, "bond": MIN_BOND - 5,
        }  # fmt: skip
        assert p.money(p.stranger, p.emp) - before == 5
        record = p.service()
        assert (record["bond"], record["unbonding"], record["unbondRequestedAt"]) == (MIN_BOND - 5, 0, 0)

    def test_a_retired_service_gets_its_bond_back(self, p: Protocol) -> None:
        p.send(p.registry, "setStatus", 1, RETIRED, sender=p.provider)
        now = request(p)
        p.stage.travel(now + 45 * DAY)
        unbond(p)
        assert p.money(p.registry, p.emp) == 0


class TestUnderbonded:
    def test_a_bond_that_is_enough(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_NotUnderbonded", 1, MIN_BOND, MIN_BOND):
            flag(p)

    def test_twice(self, p: Protocol) -> None:
        request(p, 1)
        now = p.stage.now
        flag(p)
        with p.stage.reverts("ServiceRegistry_AlreadyFlagged", 1, now):
            flag(p)

    def test_a_retired_service(self, p: Protocol) -> None:
        p.send(p.registry, "setStatus", 1, RETIRED, sender=p.provider)
        for function in ("flagUnderbonded", "retire", "challenge"):
            with p.stage.reverts("ServiceRegistry_Retired", 1):
                p.send(p.registry, function, 1, sender=p.stranger)

    def test_anybody_retires_after_thirty_days(self, p: Protocol) -> None:
        request(p, 1)
        now = p.stage.now
        receipt = flag(p)
        assert p.only(receipt, p.registry, "UnderbondedSet") == {
            "serviceId": 1, "actor": p.stranger, "since": now, "retireableAt": now + 30 * DAY,
        }  # fmt: skip
        p.stage.travel(now + 30 * DAY - 1)
        with p.stage.reverts("ServiceRegistry_NotRetireable", 1):
            retire(p)
        p.stage.travel(now + 30 * DAY)
        retire(p)
        assert p.read(p.registry, "statusOf", 1)[0] == RETIRED

    def test_a_bond_clears_the_flag(self, p: Protocol) -> None:
        request(p, 1)
        flag(p)
        receipt = p.send(p.registry, "bond", 1, 1, sender=p.stranger)
        assert p.only(receipt, p.registry, "UnderbondedSet")["since"] == 0
        p.stage.advance(31 * DAY)
        with p.stage.reverts("ServiceRegistry_NotRetireable", 1):
            retire(p)

    def test_taking_the_request_back_clears_it(self, p: Protocol) -> None:
        request(p, 1)
        flag(p)
        p.send(p.registry, "requestUnbond", 1, 0, sender=p.provider)
        assert p.service()["underbondedSince"] == 0

    def test_a_lower_minimum_saves_it(self, p: Protocol) -> None:
        request(p, 1)
        flag(p)
        p.send(p.registry, "setMinBond", MIN_BOND - 1, sender=p.governance)
        p.stage.advance(31 * DAY)
        with p.stage.reverts("ServiceRegistry_NotRetireable", 1):
            retire(p)


class TestChallenge:
    def open(self, p: Protocol) -> int:
        now = p.stage.now
        p.send(p.registry, "challenge", 1, sender=p.stranger)
        return now + 30 * DAY

    def answer(self, p: Protocol, sender: str) -> dict[str, Any]:
        return p.send(p.registry, "answer", 1, sender=sender)

    def test_one_at_a_time(self, p: Protocol) -> None:
        until = self.open(p)
        with p.stage.reverts("ServiceRegistry_ChallengeOpen", 1, until):
            p.send(p.registry, "challenge", 1, sender=p.buyer)

    def test_an_answer_to_nothing(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_NoChallenge", 1):
            self.answer(p, p.provider)

    def test_a_strangers_answer(self, p: Protocol) -> None:
        self.open(p)
        with p.stage.reverts("ServiceRegistry_NotMeterOrProvider", 1, p.stranger):
            self.answer(p, p.stranger)

    def test_a_late_answer(self, p: Protocol) -> None:
        until = self.open(p)
        p.stage.travel(until + 1)
        with p.stage.reverts("ServiceRegistry_AnswerTooLate", 1, until):
            self.answer(p, p.provider)

    @pytest.mark.parametrize("who", ["provider", "meter"])
    def test_an_answer_takes_the_deposit(self, p: Protocol, who: str) -> None:
        unchallenged = p.read(p.registry, "serviceOf", 1)
        until, account = self.open(p), getattr(p, who)
        before = p.money(account, p.emp)
        p.stage.travel(until)
        receipt = self.answer(p, account)
        assert p.only(receipt, p.registry, "ChallengeEnded") == {
            "serviceId": 1, "to": account, "deposit": DEPOSIT, "answered": True,
        }  # fmt: skip
        assert p.money(account, p.emp) - before == DEPOSIT
        assert p.read(p.registry, "serviceOf", 1) == unchallenged
        with p.stage.reverts("ServiceRegistry_NoChallenge", 1):
            self.answer(p, account)
        self.open(p)

    def test_silence_retires_it_and_pays_the_challenger_back(self, p: Protocol) -> None:
        before = p.money(p.stranger, p.emp)
        until = self.open(p)
        p.stage.travel(until)
        with p.stage.reverts("ServiceRegistry_NotRetireable", 1):
            p.send(p.registry, "retire", 1, sender=p.buyer)
        p.stage.travel(until + 1)
        p.send(p.registry, "retire", 1, sender=p.buyer)
        assert p.money(p.stranger, p.emp) == before
        assert p.money(p.registry, p.emp) == MIN_BOND


class TestSlash:
    def slash(self, p: Protocol, amount: int) -> dict[str, Any]:
        return p.send(p.registry, "slash", 1, amount, p.stranger, sender=p.court)

    def test_at_most_the_bond(self, p: Protocol) -> None:
        before = p.money(p.stranger, p.emp)
        self.slash(p, 2 * MIN_BOND)
        assert p.money(p.stranger, p.emp) - before == MIN_BOND
        assert not self.slash(p, 1)["logs"]

    def test_what_is_unbonding_is_taken_last(self, p: Protocol) -> None:
        request(p, 300 * EMP)
        receipt = self.slash(p, 500 * EMP)
        assert p.only(receipt, p.registry, "Slashed") == {
            "serviceId": 1, "to": p.stranger, "amount": 500 * EMP, "bond": 500 * EMP, "unbonding": 300 * EMP,
        }  # fmt: skip
        assert p.only(self.slash(p, 400 * EMP), p.registry, "Slashed")["unbonding"] == 100 * EMP
        p.stage.advance(60 * DAY)
        unbond(p)
        assert p.service()["bond"] == 0

    def test_disputes_are_counted(self, p: Protocol) -> None:
        for opened, count in ((True, 1), (True, 2), (False, 1)):
            receipt = p.send(p.registry, "countDispute", 1, opened, sender=p.court)
            assert p.only(receipt, p.registry, "DisputesSet")["openDisputes"] == count


class TestParameters:
    @pytest.mark.parametrize("function", ["setMinBond", "setUnbondCooldown"])
    def test_a_stranger_cannot(self, p: Protocol, function: str) -> None:
        with p.stage.reverts("ServiceRegistry_NotGovernance", p.guardian, p.governance):
            p.send(p.registry, function, MIN_BOND, sender=p.guardian)

    @pytest.mark.parametrize("amount", [0, 2 * MIN_BOND + 1])
    def test_a_minimum_out_of_bounds(self, p: Protocol, amount: int) -> None:
        with p.stage.reverts("ServiceRegistry_MinBondOutOfBounds", amount, 2 * MIN_BOND):
            p.send(p.registry, "setMinBond", amount, sender=p.governance)

    def test_it_doubles_once_in_thirty_days(self, p: Protocol) -> None:
        now = p.stage.now
        p.send(p.registry, "setMinBond", 2 * MIN_BOND, sender=p.governance)
        p.send(p.registry, "setMinBond", MIN_BOND, sender=p.governance)
        with p.stage.reverts("ServiceRegistry_MinBondTooSoon", now + 30 * DAY):
            p.send(p.registry, "setMinBond", MIN_BOND + 1, sender=p.governance)
        p.stage.travel(now + 30 * DAY)
        p.send(p.registry, "setMinBond", MIN_BOND + 1, sender=p.governance)
        assert p.read(p.registry, "minBond") == MIN_BOND + 1

    @pytest.mark.parametrize("duration", [45 * DAY - 1, 90 * DAY + 1])
    def test_a_cooldown_out_of_bounds(self, p: Protocol, duration: int) -> None:
        with p.stage.reverts("ServiceRegistry_CooldownOutOfBounds", duration, 45 * DAY, 90 * DAY):
            p.send(p.registry, "setUnbondCooldown", duration, sender=p.governance)

    def test_a_longer_cooldown_holds_for_running_requests(self, p: Protocol) -> None:
        now = request(p)
        receipt = p.send(p.registry, "setUnbondCooldown", 90 * DAY, sender=p.governance)
        assert p.only(receipt, p.registry, "ParameterSet")["value"] == 90 * DAY
        assert p.read(p.registry, "unbondCooldown") == 90 * DAY
        p.stage.travel(now + 46 * DAY)
        with p.stage.reverts("ServiceRegistry_CooldownRunning", 1, now + 90 * DAY):
            unbond(p)

    def test_only_the_guardian_pauses_and_not_for_long(self, p: Protocol) -> None:
        with p.stage.reverts("ServiceRegistry_NotGuardian", p.governance, p.guardian):
            p.send(p.registry, "pauseRegistrations", sender=p.governance)
        now = p.stage.now
        p.send(p.registry, "pauseRegistrations", sender=p.guardian)
        p.stage.travel(now + 59 * DAY)
        with p.stage.reverts("ServiceRegistry_PauseTooSoon", now + 60 * DAY):
            p.send(p.registry, "pauseRegistrations", sender=p.guardian)
