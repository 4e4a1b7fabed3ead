"""UsageEscrow.settle

├── when the caller is not the meter of the plan's service: it should revert
├── given a key replaced less than the withdrawal delay ago: it should still settle, then not
├── given an entry that cannot be settled: it should skip it, say why, and settle the others
│   ├── nothing new, more than the balance, over the daily limit
│   ├── no voucher, one too small, one that is not the payer's
│   └── a service retired for longer than the withdrawal delay
└── otherwise: it should consume the total once and tell the tab's new state
daily limit
├── it should count a UTC day, and begin anew at midnight
└── what was spent without a limit counts for one set the same day
vouchers
├── one that covers more stays good until it is used up, and for later deposits
└── a contract wallet should be asked, with 100,000 gas
"""

from __future__ import annotations

import pytest
from eth_account import Account

from backend.core.units import Address, PlanId, Units
from backend.signing.messages import UsageVoucher, settlement_voucher, voucher_domain
from tests.contracts.protocol import DAY, HASH, METERED, RETIRED, USD, Protocol
from tests.contracts.stage import MAX_UINT256
from tests.contracts.typed_data import joined, signed

BUYER, STRANGER = 5, 6
NOTHING_NEW, EXCEEDS, DAILY, MISSING, SMALL, INVALID, ENDED = range(1, 8)
VOUCHER = "payer:address,planId:uint256,cumulativeUnits:uint256"
HONEST, REFUSES, BURNS_ALL_GAS = 0, 1, 2


def voucher(p: Protocol, plan: int, units: int, *, payer: str | None = None, account: int = BUYER) -> bytes:
    values = (payer or p.buyer, plan, units)
    name = "Emporion Usage Escrow"
    parts = signed(p.escrow, name, "UsageVoucher", VOUCHER, values, p.stage.key(account))
    return units.to_bytes(32, "big") + joined(*parts)


def reasons(p: Protocol, receipt: dict[str, object]) -> list[int]:
    return [e["reason"] for e in p.events(receipt, p.escrow, "SettlementSkipped")]


def with_options(p: Protocol, *, vouchers: bool = False, limit: int = 0, units: int = 100) -> int:
    plan = p.create_plan()
    p.send(p.escrow, "setTabOptions", plan, vouchers, limit, sender=p.buyer)
    p.deposit(plan, units)
    return plan


class TestWho:
    def test_a_stranger_cannot(self, p: Protocol) -> None:
        plan = p.create_plan()
        for caller in (p.stranger, p.provider, p.governance):
            with p.stage.reverts("UsageEscrow_NotMeter", 1, caller):
                p.settle(plan, sender=caller)

    def test_the_meter_of_another_service_cannot(self, p: Protocol) -> None:
        other = p.register(meter=p.stranger)
        plan = p.create_plan()
        p.deposit(plan, 5)
        with p.stage.reverts("UsageEscrow_NotMeter", 1, p.stranger):
            p.settle(plan, (p.buyer, 1), sender=p.stranger)
        assert other == 2

    def test_a_replaced_key_has_the_withdrawal_delay(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 5)
        now = p.stage.now
        p.send(p.registry, "setMeter", 1, p.stranger, sender=p.provider)
        p.settle(plan, (p.buyer, 1), sender=p.stranger)
        p.stage.travel(now + DAY)
        p.settle(plan, (p.buyer, 2))
        with p.stage.reverts("UsageEscrow_NotMeter", 1, p.meter):
            p.settle(plan, (p.buyer, 3))


class TestSettled:
    def test_nothing_to_settle_is_fine(self, p: Protocol) -> None:
        assert not p.settle(p.create_plan())["logs"]

    def test_the_total_is_consumed_once_and_released(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 10)
        p.deposit(plan, 10, p.stranger)
        receipt = p.settle(plan, (p.buyer, 3), (p.stranger, 4))
        assert p.only(receipt, p.access, "Consumed") == {
            "planId": plan, "holder": p.escrow.address, "units": 7, "supply": 13,
        }  # fmt: skip
        assert p.only(receipt, p.shares, "Released")["gross"] == 7 * USD
        assert p.units(p.escrow, plan) == p.tab(plan)["balance"] + p.tab(plan, p.stranger)["balance"] == 13
        assert p.money(p.access) == p.read(p.access, "backingOf", plan) == 13 * USD

    def test_the_event_tells_the_tab(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 10)
        p.settle(plan, (p.buyer, 3))
        day = p.stage.now // DAY
        receipt = p.settle(plan, (p.buyer, 5))
        assert p.only(receipt, p.escrow, "Settled") == {
            "planId": plan, "payer": p.buyer, "meter": p.meter, "units": 2, "balance": 5, "settled": 5,
            "spent": 5, "day": day % 2**16, "receiptsRoot": HASH,
        }  # fmt: skip
        assert p.tab(plan) == {
            "balance": 5, "settled": 5, "withdrawAt": 0, "flags": 0, "dailyLimit": 0, "spent": 5, "day": day,
        }  # fmt: skip

    def test_a_pending_withdrawal_does_not_stop_it(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 10)
        p.send(p.escrow, "requestWithdrawal", plan, sender=p.buyer)
        p.stage.advance(3 * DAY)
        p.settle(plan, (p.buyer, 4))
        assert p.tab(plan)["balance"] == 6

    def test_no_paid_use_is_noted_for_the_escrow(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 10)
        p.settle(plan, (p.buyer, 1))
        assert p.read(p.access, "accountOf", plan, p.escrow.address) == [0, 0, 0]


class TestSkipped:
    def test_what_is_settled_already(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 10)
        p.settle(plan, (p.buyer, 3))
        receipt = p.settle(plan, (p.buyer, 3), (p.buyer, 2), (p.buyer, 0))
        assert reasons(p, receipt) == [NOTHING_NEW] * 3
        assert not p.events(receipt, p.access, "Consumed")

    @pytest.mark.parametrize("units", [11, 2**64, 2**64 + 3, MAX_UINT256])
    def test_more_than_the_balance(self, p: Protocol, units: int) -> None:
        plan = p.create_plan()
        p.deposit(plan, 10)
        assert reasons(p, p.settle(plan, (p.buyer, units))) == [EXCEEDS]
        assert p.tab(plan)["balance"] == 10

    def test_the_others_are_settled(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 10)
        receipt = p.settle(plan, (p.stranger, 1), (p.buyer, 2), (p.provider, 5), (p.buyer, 3))
        assert reasons(p, receipt) == [EXCEEDS, EXCEEDS]
        assert p.tab(plan)["settled"] == 3
        assert p.only(receipt, p.access, "Consumed")["units"] == 3

    def test_the_event_names_the_line(self, p: Protocol) -> None:
        plan = p.create_plan()
        receipt = p.settle(plan, (p.buyer, 9))
        assert p.only(receipt, p.escrow, "SettlementSkipped") == {
            "planId": plan, "payer": p.buyer, "meter": p.meter, "cumulativeUnits": 9, "reason": EXCEEDS,
        }  # fmt: skip

    def test_a_service_that_ended(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.deposit(plan, 10)
        now = p.stage.now
        p.send(p.registry, "setStatus", 1, RETIRED, sender=p.provider)
        p.stage.travel(now + DAY)
        p.settle(plan, (p.buyer, 2))
        receipt = p.settle(plan, (p.buyer, 3))
        assert reasons(p, receipt) == [ENDED]
        assert p.tab(plan)["settled"] == 2


class TestDailyLimit:
    def test_a_day_is_full_until_midnight(self, p: Protocol) -> None:
        plan = with_options(p, limit=10)
        midnight = (p.stage.now // DAY + 1) * DAY
        p.settle(plan, (p.buyer, 6))
        assert reasons(p, p.settle(plan, (p.buyer, 11))) == [DAILY]
        p.settle(plan, (p.buyer, 10))
        p.stage.travel(midnight - 1)
        assert reasons(p, p.settle(plan, (p.buyer, 11))) == [DAILY]
        p.settle(plan, (p.buyer, 20))
        tab = p.tab(plan)
        assert (tab["spent"], tab["day"], tab["settled"]) == (10, midnight // DAY, 20)

    def test_what_was_spent_before_the_limit_counts(self, p: Protocol) -> None:
        plan = p.create_plan()
        p.stage.travel((p.stage.now // DAY + 1) * DAY)
        p.deposit(plan, 8)
        p.settle(plan, (p.buyer, 8))
        p.send(p.escrow, "setTabOptions", plan, False, 10, sender=p.buyer)
        p.deposit(plan, 10)
        assert reasons(p, p.settle(plan, (p.buyer, 11))) == [DAILY]
        p.settle(plan, (p.buyer, 10))

    def test_more_than_32_bits_in_a_day_stay_at_the_top(self, p: Protocol) -> None:
        plan = p.create_plan(unitPrice=0)
        p.deposit(plan, 2**63 - 1)
        p.settle(plan, (p.buyer, 2**40))
        assert p.tab(plan)["spent"] == 2**32 - 1
        p.settle(plan, (p.buyer, 2**63 - 1))
        assert p.tab(plan)["settled"] == 2**63 - 1


class TestVouchers:
    def test_without_one(self, p: Protocol) -> None:
        plan = with_options(p, vouchers=True)
        short = (5).to_bytes(32, "big")
        receipt = p.settle(plan, (p.buyer, 5), (p.buyer, 5, b"\x01"), (p.buyer, 5, short))
        assert reasons(p, receipt) == [MISSING] * 3

    def test_one_that_covers_less(self, p: Protocol) -> None:
        plan = with_options(p, vouchers=True)
        assert reasons(p, p.settle(plan, (p.buyer, 6, voucher(p, plan, 5)))) == [SMALL]

    def test_one_that_says_more_than_was_signed(self, p: Protocol) -> None:
        plan = with_options(p, vouchers=True)
        forged = (6).to_bytes(32, "big") + voucher(p, plan, 5)[32:]
        assert reasons(p, p.settle(plan, (p.buyer, 6, forged))) == [INVALID]

    def test_one_of_somebody_else(self, p: Protocol) -> None:
        plan = with_options(p, vouchers=True)
        bad = voucher(p, plan, 5, account=STRANGER)
        assert reasons(p, p.settle(plan, (p.buyer, 5, bad))) == [INVALID]

    def test_one_that_covers_more_is_good_until_used_up(self, p: Protocol) -> None:
        plan = with_options(p, vouchers=True, units=8)
        good = voucher(p, plan, 10)
        p.settle(plan, (p.buyer, 3, good))
        p.settle(plan, (p.buyer, 8, good))
        p.deposit(plan, 5)
        p.settle(plan, (p.buyer, 10, good))
        assert reasons(p, p.settle(plan, (p.buyer, 11, good))) == [SMALL]
        assert p.tab(plan)["settled"] == 10

    def test_the_digest_is_what_wallets_sign(self, p: Protocol) -> None:
        plan = with_options(p, vouchers=True)
        digest = p.read(p.escrow, "voucherDigest", p.buyer, plan, 5)
        signature = p.stage.web3.eth.account.unsafe_sign_hash(digest, p.stage.key(BUYER)).signature
        assert not reasons(p, p.settle(plan, (p.buyer, 5, (5).to_bytes(32, "big") + signature)))

    def test_what_the_backend_signs_is_what_the_escrow_checks(self, p: Protocol) -> None:
        plan = with_options(p, vouchers=True)
        payer, escrow = (Address(bytes.fromhex(a[2:])) for a in (p.buyer, p.escrow.address))
        domain = voucher_domain(p.stage.web3.eth.chain_id, escrow)
        digest = UsageVoucher(payer, PlanId(plan), Units(5)).digest(domain)
        assert p.read(p.escrow, "voucherDigest", p.buyer, plan, 5) == digest
        signature = Account.unsafe_sign_hash(digest, p.stage.key(BUYER)).signature
        assert not reasons(p, p.settle(plan, (p.buyer, 4, settlement_voucher(Units(5), signature))))

    def wallet_tab(self, p: Protocol, mood: int) -> tuple[int, str]:
        wallet = p.stage.deploy("SmartWallet", p.buyer)
        plan = p.create_plan()
        options = p.escrow.encode_abi("setTabOptions", [plan, True, 0])
        p.send(wallet, "act", p.escrow.address, options, sender=p.buyer)
        p.buy(plan, 10)
        p.send(p.access, "safeTransferFrom", p.buyer, wallet.address, plan, 10, b"", sender=p.buyer)
        give = (wallet.address, p.escrow.address, plan, 10, b"")
        p.send(wallet, "act", p.access.address, p.access.encode_abi("safeTransferFrom", give), sender=p.buyer)
        p.send(wallet, "setMood", mood, sender=p.buyer)
        return plan, wallet.address

    @pytest.mark.parametrize(
        ("mood", "expected"), [(HONEST, []), (REFUSES, [INVALID]), (BURNS_ALL_GAS, [INVALID])]
    )
    def test_a_contract_wallet_is_asked(self, p: Protocol, mood: int, expected: list[int]) -> None:
        plan, wallet = self.wallet_tab(p, mood)
        receipt = p.settle(plan, (wallet, 5, voucher(p, plan, 5, payer=wallet)))
        assert reasons(p, receipt) == expected
        assert receipt["gasUsed"] < 400_000

    def test_too_little_gas_does_not_make_a_good_voucher_look_bad(self, p: Protocol) -> None:
        plan, wallet = self.wallet_tab(p, HONEST)
        lines = [(wallet, 5, HASH, voucher(p, plan, 5, payer=wallet))]
        call = p.escrow.functions.settle(plan, lines)
        with p.stage.reverts("UsageEscrow_GasTooLow"):
            call.call({"from": p.meter, "gas": 140_000})

    def test_a_plan_of_another_kind_has_no_tabs(self, p: Protocol) -> None:
        plan = p.create_plan(METERED) & ~3
        assert reasons(p, p.settle(plan, (p.buyer, 1))) == [EXCEEDS]
