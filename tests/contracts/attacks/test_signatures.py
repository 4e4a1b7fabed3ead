"""Attacks: signatures used for what they were not given.

├── a voucher of another chain, another escrow, another plan, another payer should be worth nothing
├── a malleable twin of a signature, or a short one, should be worth nothing
├── a contract wallet that answers differently later should bind neither side to the past
├── an account with delegated code (EIP-7702) should still sign with its key
├── a price or a plan swapped between signing and buying should not be paid
└── vouchers and settlements should not reach a tab opened under other options
"""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from tests.contracts.protocol import DEPOSIT, EMP, HOLD, USD, Protocol
from tests.contracts.typed_data import joined, signed

BUYER, STRANGER = 5, 6
INVALID = 6
VOUCHER = "payer:address,planId:uint256,cumulativeUnits:uint256"
ORDER_OF_CURVE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def parts(p: Protocol, plan: int, units: int, **changes: Any) -> tuple[int, bytes, bytes]:
    values = (changes.get("payer", p.buyer), plan, units)
    contract, chain = changes.get("contract", p.escrow), changes.get("chain_id")
    key = p.stage.key(changes.get("account", BUYER))
    name = "Emporion Usage Escrow"
    return signed(contract, name, "UsageVoucher", VOUCHER, values, key, chain_id=chain)


def voucher(p: Protocol, plan: int, units: int, **changes: Any) -> bytes:
    return units.to_bytes(32, "big") + joined(*parts(p, plan, units, **changes))


def reasons(p: Protocol, receipt: dict[str, Any]) -> list[int]:
    return [e["reason"] for e in p.events(receipt, p.escrow, "SettlementSkipped")]


@pytest.fixture
def plan(p: Protocol) -> int:
    """A plan in which the buyer has a tab that demands vouchers."""
    plan = p.create_plan()
    p.send(p.escrow, "setTabOptions", plan, True, 0, sender=p.buyer)
    p.deposit(plan, 100)
    return plan


class TestReplay:
    def test_a_voucher_of_another_chain(self, p: Protocol, plan: int) -> None:
        assert reasons(p, p.settle(plan, (p.buyer, 5, voucher(p, plan, 5, chain_id=1)))) == [INVALID]

    def test_a_voucher_of_another_contract(self, p: Protocol, plan: int) -> None:
        assert reasons(p, p.settle(plan, (p.buyer, 5, voucher(p, plan, 5, contract=p.access)))) == [INVALID]

    def test_a_voucher_of_another_plan(self, p: Protocol, plan: int) -> None:
        other = p.create_plan()
        assert reasons(p, p.settle(plan, (p.buyer, 5, voucher(p, other, 5)))) == [INVALID]

    def test_a_voucher_of_another_payer(self, p: Protocol, plan: int) -> None:
        p.send(p.escrow, "setTabOptions", plan, True, 0, sender=p.stranger)
        p.deposit(plan, 100, p.stranger)
        theirs = voucher(p, plan, 5, payer=p.stranger, account=STRANGER)
        assert reasons(p, p.settle(plan, (p.buyer, 5, theirs))) == [INVALID]
        mine = voucher(p, plan, 5)
        assert reasons(p, p.settle(plan, (p.stranger, 5, mine))) == [INVALID]

    def test_a_voucher_used_up_is_worth_nothing_again(self, p: Protocol, plan: int) -> None:
        good = voucher(p, plan, 5)
        p.settle(plan, (p.buyer, 5, good))
        assert len(reasons(p, p.settle(plan, (p.buyer, 5, good), (p.buyer, 6, good)))) == 2
        assert p.tab(plan)["settled"] == 5


class TestMalleable:
    def test_the_twin_with_the_high_s(self, p: Protocol, plan: int) -> None:
        v, r, s = parts(p, plan, 5)
        twin = joined(55 - v, r, (ORDER_OF_CURVE - int.from_bytes(s, "big")).to_bytes(32, "big"))
        assert reasons(p, p.settle(plan, (p.buyer, 5, (5).to_bytes(32, "big") + twin))) == [INVALID]

    def test_the_short_form(self, p: Protocol, plan: int) -> None:
        v, r, s = parts(p, plan, 5)
        short = r + (int.from_bytes(s, "big") | (v - 27) << 255).to_bytes(32, "big")
        assert reasons(p, p.settle(plan, (p.buyer, 5, (5).to_bytes(32, "big") + short))) == [INVALID]

    @pytest.mark.parametrize("signature", [b"\x00", b"\x00" * 65, b"\xff" * 65, b"\x00" * 4_096])
    def test_noise(self, p: Protocol, plan: int, signature: bytes) -> None:
        assert reasons(p, p.settle(plan, (p.buyer, 5, (5).to_bytes(32, "big") + signature))) == [INVALID]

    def test_noise_for_the_zero_address(self, p: Protocol, plan: int) -> None:
        nobody = "0x" + "0" * 40
        receipt = p.settle(plan, (nobody, 5, (5).to_bytes(32, "big") + b"\x00" * 65))
        assert not p.events(receipt, p.escrow, "Settled")


class TestWallets:
    def test_a_wallet_that_answers_differently_later(self, p: Protocol) -> None:
        plan, wallet = p.create_plan(), p.stage.deploy("SmartWallet", p.buyer)
        options = p.escrow.encode_abi("setTabOptions", [plan, True, 0])
        p.send(wallet, "act", p.escrow.address, options, sender=p.buyer)
        p.buy(plan, 10)
        p.send(p.access, "safeTransferFrom", p.buyer, wallet.address, plan, 10, b"", sender=p.buyer)
        give = p.access.encode_abi("safeTransferFrom", [wallet.address, p.escrow.address, plan, 10, b""])
        p.send(wallet, "act", p.access.address, give, sender=p.buyer)
        good = voucher(p, plan, 9, payer=wallet.address)
        p.settle(plan, (wallet.address, 4, good))
        p.send(wallet, "setMood", 1, sender=p.buyer)
        assert reasons(p, p.settle(plan, (wallet.address, 9, good))) == [INVALID]
        assert p.tab(plan, wallet.address)["settled"] == 4

    def test_an_account_with_delegated_code_signs_with_its_key(self, p: Protocol, plan: int) -> None:
        wallet = p.stage.deploy("SmartWallet", p.stranger)
        delegate(p, BUYER, wallet.address)  # in the account's storage it knows no owner: it accepts nobody
        assert len(p.stage.web3.eth.get_code(p.buyer)) == 23  # type: ignore[arg-type]
        assert reasons(p, p.settle(plan, (p.buyer, 5, voucher(p, plan, 5)))) == []
        assert p.tab(plan)["settled"] == 5

    def test_delegated_code_that_accepts_nobody_lets_nobody_in(self, p: Protocol, plan: int) -> None:
        wallet = p.stage.deploy("SmartWallet", p.stranger)
        delegate(p, BUYER, wallet.address)
        assert reasons(p, p.settle(plan, (p.buyer, 5, voucher(p, plan, 5, account=STRANGER)))) == [INVALID]


def delegate(p: Protocol, account: int, implementation: str) -> None:
    """Sets an account's code to a delegation, as an EIP-7702 transaction of its own does."""
    web3, key = p.stage.web3, p.stage.key(account)
    address = p.stage.account(account)
    nonce = web3.eth.get_transaction_count(address)  # type: ignore[arg-type]
    authorization = Account.sign_authorization(
        {"chainId": web3.eth.chain_id, "address": implementation, "nonce": nonce + 1}, key
    )
    transaction = {
        "type": 4, "chainId": web3.eth.chain_id, "nonce": nonce, "to": p.stranger, "value": 0, "gas": 200_000,
        "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9, "data": "0x",
        "authorizationList": [authorization],
    }  # fmt: skip
    raw = Account.sign_transaction(transaction, key).raw_transaction
    receipt = web3.eth.get_transaction_receipt(web3.eth.send_raw_transaction(raw))
    assert receipt["status"] == 1


class TestSwaps:
    def test_a_dearer_plan_in_the_place_of_the_one_seen(self, p: Protocol) -> None:
        seen = p.create_plan()
        p.send(p.access, "setSaleOpen", seen, False, sender=p.provider)
        dearer = p.create_plan(unitPrice=9 * USD)
        with p.stage.reverts("AccessToken_SaleClosed", seen):
            p.buy(seen, maxCost=USD)
        with p.stage.reverts("AccessToken_CostAboveMaximum", 9 * USD, USD):
            p.buy(dearer, maxCost=USD)

    def test_a_service_sold_between_signing_and_buying_keeps_its_terms(self, p: Protocol) -> None:
        plan = p.create_plan()
        terms = p.read(p.access, "termsOf", plan)
        p.send(p.registry, "transferFrom", p.provider, p.stranger, 1, sender=p.provider)
        p.buy(plan, maxCost=USD)
        assert p.read(p.access, "termsOf", plan) == terms

    def test_a_fee_raised_after_the_sale_takes_nothing_more(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 10)
        p.send(p.access, "setFeeBps", 1_000, sender=p.governance)
        event = p.only(p.settle(plan, (p.buyer, 10)), p.shares, "Released")
        assert event["fee"] == 10 * USD * 250 // 10_000

    def test_an_allowance_pays_for_its_owner_only(self, p: Protocol) -> None:
        plan, before = p.create_plan(), p.money(p.buyer)
        p.buy(plan, 3, sender=p.stranger)
        p.deposit(plan, 3, p.stranger)
        assert p.money(p.buyer) == before


class TestOptions:
    def test_vouchers_cannot_be_switched_off_over_a_balance(self, p: Protocol, plan: int) -> None:
        for caller, error in ((p.buyer, "UsageEscrow_BalanceNotZero"),):
            with p.stage.reverts(error, plan, caller, 100):
                p.send(p.escrow, "setTabOptions", plan, False, 0, sender=caller)

    def test_a_strangers_options_are_its_own(self, p: Protocol, plan: int) -> None:
        p.send(p.escrow, "setTabOptions", plan, False, 0, sender=p.stranger)
        assert p.tab(plan)["flags"] == 1

    def test_early_access_is_not_bought_with_anothers_score(self, p: Protocol) -> None:
        start = p.stage.now + 1_000
        plan = p.create_plan(saleStart=start, earlySeconds=1_000, earlyScore=EMP)
        p.send(p.vault, "lock", EMP, 7 * 86_400, sender=p.staker)
        for then in (HOLD, DEPOSIT):
            with p.stage.reverts("AccessToken_ScoreTooLow", 0, EMP):
                p.buy(plan, then=then)
