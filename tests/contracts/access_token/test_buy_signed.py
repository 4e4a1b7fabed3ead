"""AccessToken.buyWithPermit and buyWithAuthorization

buyWithPermit
├── when the permit was used by somebody else first: it should buy all the same
├── when there is neither permit nor allowance: it should revert
└── otherwise: it should buy without an allowance before
buyWithAuthorization
├── when anything of the order differs from what was signed: it should revert
├── when the signature is another's, or the order was run already: it should revert
├── when the payer would buy for another what is the payer's own: it should revert
├── when the money does not arrive in full: it should revert
├── when more was authorised than it costs: it should return the rest to the payer
├── when nothing is to pay: it should still ask for the signature
├── given a contract wallet: it should ask the wallet
└── otherwise: it should buy for the signer whoever relays, for every `then`
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.protocol import ACTIVATE, DAY, DEPOSIT, HOLD, PASS, TIMED, USD, Protocol, add_hostile
from tests.contracts.stage import MAX_UINT256
from tests.contracts.typed_data import PERMIT, RECEIVE, joined, order_nonce, signed

BUYER = 5  # number of the buyer's account
SALT = b"\x07" * 32


@pytest.fixture
def poor(p: Protocol) -> Protocol:
    """The buyer has money and no allowance."""
    p.send(p.usd, "approve", p.access.address, 0, sender=p.buyer)
    return p


def order(p: Protocol, plan: int, **changes: Any) -> dict[str, Any]:
    values = {
        "payer": p.buyer, "planId": plan, "units": 2, "recipient": p.buyer, "maxCost": 2 * USD,
        "deadline": p.stage.now + DAY, "then": HOLD, "salt": SALT,
    }  # fmt: skip
    return {**values, **changes}


def signature(p: Protocol, o: dict[str, Any], account: int = BUYER) -> bytes:
    fields = (o[name] for name in ("planId", "units", "recipient", "maxCost", "deadline", "then", "salt"))
    nonce = order_nonce(p.access, *fields)
    values = (o["payer"], p.access.address, o["maxCost"], 0, o["deadline"], nonce)
    key = p.stage.key(account)
    return joined(*signed(p.usd, "Test Dollar", "ReceiveWithAuthorization", RECEIVE, values, key))


def relay(p: Protocol, o: dict[str, Any], signed_order: bytes) -> dict[str, Any]:
    return p.send(p.access, "buyWithAuthorization", *o.values(), signed_order, sender=p.stranger)


class TestBuyWithPermit:
    def permit(self, p: Protocol, value: int, deadline: int) -> tuple[int, bytes, bytes]:
        nonce = p.read(p.usd, "nonces", p.buyer)
        values = (p.buyer, p.access.address, value, nonce, deadline)
        return signed(p.usd, "Test Dollar", "Permit", PERMIT, values, p.stage.key(BUYER))

    def buy(self, p: Protocol, plan: int, permit: tuple[int, bytes, bytes], deadline: int) -> dict[str, Any]:
        arguments = (plan, 2, p.buyer, 2 * USD, deadline, DEPOSIT, *permit)
        return p.send(p.access, "buyWithPermit", *arguments, sender=p.buyer)

    def test_no_allowance_is_needed(self, poor: Protocol) -> None:
        plan, deadline = poor.create_plan(), poor.stage.now + DAY
        self.buy(poor, plan, self.permit(poor, 2 * USD, deadline), deadline)
        assert poor.tab(plan)["balance"] == 2
        assert poor.read(poor.usd, "allowance", poor.buyer, poor.access.address) == 0

    def test_a_permit_used_first_by_a_stranger_does_no_harm(self, poor: Protocol) -> None:
        plan, deadline = poor.create_plan(), poor.stage.now + DAY
        permit = self.permit(poor, 2 * USD, deadline)
        arguments = (poor.buyer, poor.access.address, 2 * USD, deadline, *permit)
        poor.send(poor.usd, "permit", *arguments, sender=poor.stranger)
        self.buy(poor, plan, permit, deadline)
        assert poor.tab(plan)["balance"] == 2

    def test_a_bad_permit_leaves_only_the_allowance(self, poor: Protocol) -> None:
        plan, deadline = poor.create_plan(), poor.stage.now + DAY
        with poor.stage.reverts("ERC20InsufficientAllowance"):
            self.buy(poor, plan, self.permit(poor, USD, deadline), deadline)

    def test_a_currency_without_permits_works_with_an_allowance(self, p: Protocol) -> None:
        add_hostile(p)
        plan = p.create_plan(currency=2)
        self.buy(p, plan, (27, SALT, SALT), p.stage.now + DAY)
        assert p.tab(plan)["balance"] == 2


class TestBuyWithAuthorization:
    @pytest.mark.parametrize(("kind", "then"), [(2, HOLD), (2, DEPOSIT), (TIMED, ACTIVATE), (PASS, HOLD)])
    def test_anybody_relays_it_for_the_signer(self, poor: Protocol, kind: int, then: int) -> None:
        plan, before = poor.create_plan(kind), poor.money(poor.buyer)
        o = order(poor, plan, then=then)
        receipt = relay(poor, o, signature(poor, o))
        bought = poor.only(receipt, poor.access, "Bought")
        assert (bought["payer"], bought["recipient"], bought["cost"]) == (poor.buyer, poor.buyer, 2 * USD)
        assert before - poor.money(poor.buyer) == poor.money(poor.access) + poor.money(poor.shares) == 2 * USD
        assert poor.read(poor.access, "backingOf", plan) == poor.money(poor.access)
        units, until = poor.read(poor.access, "accessOf", plan, poor.buyer)
        assert units == 2 or until > poor.stage.now or then == HOLD
        assert poor.units(poor.buyer, plan) == (2 if then == HOLD else 0)

    @pytest.mark.parametrize(
        "change",
        [{"units": 1}, {"recipient": None}, {"then": DEPOSIT}, {"maxCost": 3 * USD}, {"salt": b"\x08" * 32}],
    )
    def test_a_relayer_cannot_change_the_order(self, poor: Protocol, change: dict[str, Any]) -> None:
        plan = poor.create_plan()
        o = order(poor, plan)
        good = signature(poor, o)
        changed = {**o, **{k: poor.stranger if v is None else v for k, v in change.items()}}
        with poor.stage.reverts("TestDollar_InvalidSignature"):
            relay(poor, changed, good)

    def test_a_relayer_cannot_swap_the_plan_or_the_deadline(self, poor: Protocol) -> None:
        plan, dearer = poor.create_plan(), poor.create_plan(unitPrice=1)
        o = order(poor, plan)
        for changed in ({**o, "planId": dearer}, {**o, "deadline": o["deadline"] + 1}):
            with poor.stage.reverts("TestDollar_InvalidSignature"):
                relay(poor, changed, signature(poor, o))

    def test_a_strangers_signature_pays_nothing(self, poor: Protocol) -> None:
        o = order(poor, poor.create_plan())
        with poor.stage.reverts("TestDollar_InvalidSignature"):
            relay(poor, o, signature(poor, o, account=6))

    def test_an_order_runs_once(self, poor: Protocol) -> None:
        o = order(poor, poor.create_plan())
        good = signature(poor, o)
        relay(poor, o, good)
        with poor.stage.reverts("TestDollar_AuthorizationUsed"):
            relay(poor, o, good)

    def test_the_signer_buys_access_for_itself_only(self, poor: Protocol) -> None:
        o = order(poor, poor.create_plan(), then=DEPOSIT, recipient=poor.stranger)
        with poor.stage.reverts("AccessToken_RecipientNotPayer", poor.stranger, poor.buyer):
            relay(poor, o, signature(poor, o))

    def test_what_is_over_returns_to_the_payer(self, poor: Protocol) -> None:
        plan, before = poor.create_plan(), poor.money(poor.buyer)
        o = order(poor, plan, maxCost=5 * USD)
        relay(poor, o, signature(poor, o))
        assert before - poor.money(poor.buyer) == poor.money(poor.access) == 2 * USD

    def test_a_free_plan_still_needs_the_signature(self, poor: Protocol) -> None:
        plan = poor.create_plan(unitPrice=0, accountCap=2)
        o = order(poor, plan, maxCost=0)
        with poor.stage.reverts("TestDollar_InvalidSignature"):
            relay(poor, o, signature(poor, o, account=6))
        relay(poor, o, signature(poor, o))
        assert poor.units(poor.buyer, plan) == 2

    def test_a_late_order_is_refused(self, poor: Protocol) -> None:
        o = order(poor, poor.create_plan())
        good = signature(poor, o)
        poor.stage.advance(2 * DAY)
        with poor.stage.reverts("AccessToken_Expired"):
            relay(poor, o, good)

    def test_a_contract_wallet_is_asked(self, poor: Protocol) -> None:
        wallet = poor.stage.deploy("SmartWallet", poor.buyer)
        poor.send(poor.usd, "mint", wallet.address, 2 * USD, sender=poor.operator)
        o = order(poor, poor.create_plan(), payer=wallet.address, recipient=wallet.address)
        relay(poor, o, signature(poor, o))
        assert poor.units(wallet.address, o["planId"]) == 2

    def test_a_currency_without_authorizations_cannot(self, p: Protocol) -> None:
        add_hostile(p)
        o = order(p, p.create_plan(currency=2))
        with pytest.raises(Exception, match="execution reverted"):
            relay(p, o, signature(p, o))

    def test_money_that_does_not_arrive_in_full(self, p: Protocol) -> None:
        p.send(add_hostile(p), "setFee", 100, sender=p.operator)
        o = order(p, p.create_plan(currency=2))
        with p.stage.reverts("AccessToken_ShortPayment", 2 * USD - 2 * USD // 100, 2 * USD):
            relay(p, o, b"\x01")

    def test_the_signature_may_be_of_another_length(self, poor: Protocol) -> None:
        wallet = poor.stage.deploy("SmartWallet", poor.buyer)
        poor.send(wallet, "setMood", 3, sender=poor.buyer)  # accepts all
        poor.send(poor.usd, "mint", wallet.address, 2 * USD, sender=poor.operator)
        o = order(poor, poor.create_plan(), payer=wallet.address, recipient=wallet.address)
        relay(poor, o, b"\x01")
        assert poor.units(wallet.address, o["planId"]) == 2

    def test_units_up_to_the_maximum_cost_nothing_more(self, poor: Protocol) -> None:
        o = order(poor, poor.create_plan(), units=MAX_UINT256)
        with poor.stage.reverts("AccessToken_CapTooHigh"):
            relay(poor, o, signature(poor, o))
