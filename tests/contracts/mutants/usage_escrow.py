"""Ways to break UsageEscrow."""

from __future__ import annotations

from typing import Final

from tests.contracts.mutants.mutant import Mutant

SETTLE = "usage_escrow/test_settle.py"
WITHDRAW = "usage_escrow/test_withdraw.py"
DEPOSIT = "usage_escrow/test_deposit.py"
SIGNATURES = "attacks/test_signatures.py"
REENTRANCY = "attacks/test_reentrancy.py"
RACES = "attacks/test_settlement.py"

USAGE_ESCROW: Final = (
    Mutant(
        "anybody makes deposits up",
        "UsageEscrow",
        "        _requireAccessToken();\n        _deposit(planId, units, from, data);",
        "        _deposit(planId, units, from, data);",
        DEPOSIT,
    ),
    Mutant(
        "a transfer names who it is for",
        "UsageEscrow",
        "        if (from == address(0)) {\n",
        "        if (from == address(0) || data.length == 32) {\n",
        RACES,
    ),
    Mutant(
        "anybody's voucher counts",
        "UsageEscrow",
        "signer == payer) return true;",
        "signer != address(0)) return true;",
        SIGNATURES,
    ),
    Mutant(
        "a wallet's code is asked before the key",
        "UsageEscrow",
        "        (address signer, ECDSA.RecoverError",
        "        if (payer.code.length != 0) return _walletAccepts(payer, digest, signature);\n"
        "        (address signer, ECDSA.RecoverError",
        SIGNATURES,
    ),
    Mutant(
        "a wallet burns all gas",
        "UsageEscrow",
        "staticcall(SIGNATURE_GAS, wallet",
        "staticcall(gas(), wallet",
        RACES,
    ),
    Mutant(
        "too little gas makes a voucher look bad",
        "UsageEscrow",
        "if (gasleft() < needed) revert",
        "if (false) revert",
        SETTLE,
    ),
    Mutant(
        "any answer of a wallet is a yes",
        "UsageEscrow",
        "eq(mload(0x00), magic)",
        "or(eq(mload(0x00), magic), 1)",
        SETTLE,
    ),
    Mutant(
        "what is settled is settled again",
        "UsageEscrow",
        "if (cumulative <= tab.settled) return SkipReason.NothingNew;",
        "if (cumulative < tab.settled) return SkipReason.NothingNew;",
        SETTLE,
    ),
    Mutant(
        "more than the balance stops everybody",
        "UsageEscrow",
        "if (units > tab.balance) return SkipReason.ExceedsBalance;",
        "if (units > type(uint64).max) return SkipReason.ExceedsBalance;",
        RACES,
    ),
    Mutant(
        "a day has no end",
        "UsageEscrow",
        "if (tab.dailyLimit != 0 && tab.spent + units > tab.dailyLimit) return",
        "if (false) return",
        RACES,
    ),
    Mutant(
        "a day never begins anew",
        "UsageEscrow",
        "        if (tab.day != day) tab.spent = 0;\n",
        "",
        SETTLE,
    ),
    Mutant(
        "a voucher covers more than it says",
        "UsageEscrow",
        "if (covered < entry.cumulativeUnits) return SkipReason.VoucherTooSmall;",
        "",
        SETTLE,
    ),
    Mutant(
        "vouchers are not asked for",
        "UsageEscrow",
        "if (tab.flags & VOUCHERS == 0) return",
        "if (tab.flags < 2) return",
        SETTLE,
    ),
    Mutant(
        "a withdrawal does not wait",
        "UsageEscrow",
        "if (withdrawAt != 0 && block.timestamp >= withdrawAt) return;",
        "if (withdrawAt != 0) return;",
        WITHDRAW,
    ),
    Mutant(
        "a withdrawal may be entered again",
        "UsageEscrow",
        "function withdraw(uint256 planId, address to) external nonReentrant {",
        "function withdraw(uint256 planId, address to) external {",
        REENTRANCY,
    ),
    Mutant(
        "a withdrawal leaves the balance",
        "UsageEscrow",
        "        tab.balance = 0;\n        tab.withdrawAt = 0;\n",
        "        tab.withdrawAt = 0;\n",
        WITHDRAW,
    ),
    Mutant(
        "soulbound credits leave to anybody",
        "UsageEscrow",
        "if (planId.isSoulbound() && to != msg.sender) revert",
        "if (false) revert",
        RACES,
    ),
    Mutant(
        "a retired service settles for ever",
        "UsageEscrow",
        "return retiredAt != 0 && block.timestamp > retiredAt + withdrawalDelay;",
        "return retiredAt == 1;",
        RACES,
    ),
    Mutant(
        "options change over a balance",
        "UsageEscrow",
        "if (tab.balance != 0) revert",
        "if (false) revert",
        SIGNATURES,
    ),
    Mutant(
        "a tab on its way out gives access",
        "UsageEscrow",
        "return tab.withdrawAt == 0 ? tab.balance : 0;",
        "return tab.balance;",
        RACES,
    ),
    Mutant(
        "any key settles",
        "UsageEscrow",
        "if (!allowed) revert",
        "if (false) revert",
        RACES,
    ),
)
