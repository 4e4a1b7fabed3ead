"""Ways to break the contracts, each with the tests that must notice.

A mutant is one replacement in one source. `scripts/mutants.py` compiles it and runs its tests on it: a mutant
that survives means a test that does not bite.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Mutant(NamedTuple):
    """One deliberate fault: `old`, found once in the contract's source, becomes `new`."""

    name: str
    contract: str
    old: str
    new: str
    tests: str


BUY = "access_token/test_buy.py"
SIGNED = "access_token/test_buy_signed.py"
USE = "access_token/test_use.py"
SETTLE = "usage_escrow/test_settle.py"
WITHDRAW = "usage_escrow/test_withdraw.py"
DEPOSIT = "usage_escrow/test_deposit.py"
CLAIM = "revenue_shares/test_claim.py"
RELEASE = "revenue_shares/test_release.py"
REGISTER = "service_registry/test_register.py"
BOND = "service_registry/test_bond.py"
REENTRANCY = "attacks/test_reentrancy.py"
SIGNATURES = "attacks/test_signatures.py"
RACES = "attacks/test_settlement.py"

ACCESS_TOKEN: Final = (
    Mutant(
        "a purchase may be entered again",
        "AccessToken",
        "        nonReentrant\n    {\n        _buy(",
        "    {\n        _buy(",
        REENTRANCY,
    ),
    Mutant(
        "a refund may be entered again",
        "AccessToken",
        "function refund(uint256 planId, uint256 units, address to) external nonReentrant {",
        "function refund(uint256 planId, uint256 units, address to) external {",
        REENTRANCY,
    ),
    Mutant(
        "activation may be entered again",
        "AccessToken",
        "function activate(uint256 planId, uint256 units, address beneficiary) external nonReentrant {",
        "function activate(uint256 planId, uint256 units, address beneficiary) external {",
        REENTRANCY,
    ),
    Mutant(
        "the supply cap is not checked",
        "AccessToken",
        "if (order.units > left) revert "
        "Errors.AccessToken_SupplyCapReached(order.planId, order.units, left);",
        "left;",
        BUY,
    ),
    Mutant(
        "an account's cap is filled by anybody",
        "AccessToken",
        "        _requirePayer(order);\n        PlanAccount storage",
        "        PlanAccount storage",
        RACES,
    ),
    Mutant(
        "an account's cap forgets",
        "AccessToken",
        "        record.bought = uint64(bought);\n",
        "",
        BUY,
    ),
    Mutant(
        "access is bought for another",
        "AccessToken",
        "        if (order.then != Then.Hold) _requirePayer(order);\n",
        "",
        BUY,
    ),
    Mutant(
        "short payments count in full",
        "AccessToken",
        "        if (received < cost) revert Errors.AccessToken_ShortPayment(received, cost);\n",
        "        received;\n",
        BUY,
    ),
    Mutant(
        "an authorised payment may fall short",
        "AccessToken",
        "        if (received < order.maxCost) revert "
        "Errors.AccessToken_ShortPayment(received, order.maxCost);\n",
        "        received;\n",
        SIGNED,
    ),
    Mutant(
        "a plan that is not refundable refunds",
        "AccessToken",
        "if (!sale.refundable() && _registry",
        "if (false && _registry",
        USE,
    ),
    Mutant(
        "a soulbound unit is activated for another",
        "AccessToken",
        "if (planId.isSoulbound() && beneficiary != msg.sender) revert",
        "if (false) revert",
        USE,
    ),
    Mutant(
        "soulbound units move",
        "AccessToken",
        "if (ids[i].isSoulbound()) revert",
        "if (false) revert",
        USE,
    ),
    Mutant(
        "a release counts what it did not send",
        "AccessToken",
        "Math.min(token.balanceOf(address(_shares)) - before, gross)",
        "token.balanceOf(address(_shares)) - before",
        REENTRANCY,
    ),
    Mutant(
        "a release counts what did not arrive",
        "AccessToken",
        "Math.min(token.balanceOf(address(_shares)) - before, gross)",
        "Math.max(token.balanceOf(address(_shares)) - before, gross)",
        USE,
    ),
    Mutant(
        "a relayer names the recipient",
        "AccessToken",
        "                order.recipient,\n                order.then,\n                order.maxCost,",
        "                order.payer,\n                order.then,\n                order.maxCost,",
        SIGNED,
    ),
    Mutant(
        "a relayer names the plan",
        "AccessToken",
        "                order.planId,\n                order.units,\n                order.recipient,\n",
        "                order.units,\n                order.recipient,\n",
        SIGNED,
    ),
    Mutant(
        "what is over is kept",
        "AccessToken",
        "        if (cost != maxCost) token.safeTransfer(payer, maxCost - cost);\n",
        "",
        SIGNED,
    ),
    Mutant(
        "a late order is run",
        "AccessToken",
        "if (block.timestamp > order.deadline) revert",
        "if (false) revert",
        BUY,
    ),
    Mutant(
        "any cost is paid",
        "AccessToken",
        "if (cost > order.maxCost) revert",
        "if (false) revert",
        SIGNATURES,
    ),
    Mutant(
        "early access without a score",
        "AccessToken",
        "if (score < earlyScore) revert",
        "if (false) revert",
        SIGNATURES,
    ),
    Mutant(
        "a service that may not sell sells",
        "AccessToken",
        "if (!_registry.noteSale(serviceId)) revert",
        "if (!_registry.noteSale(serviceId) && false) revert",
        RACES,
    ),
    Mutant(
        "a permit used first makes it fail",
        "AccessToken",
        "try IERC20Permit(token).permit(msg.sender, address(this), maxCost, deadline, v, r, s) {} catch {}",
        "IERC20Permit(token).permit(msg.sender, address(this), maxCost, deadline, v, r, s);",
        SIGNED,
    ),
    Mutant(
        "a retired service activates",
        "AccessToken",
        "        uint256 serviceId = planId.serviceOf();\n"
        "        if (_registry.retiredAtOf(serviceId) != 0) revert "
        "Errors.AccessToken_ServiceRetired(serviceId);\n",
        "",
        USE,
    ),
    Mutant(
        "the fee of now instead of the plan's",
        "AccessToken",
        "_shares.release(planId, sale.currency(), received, sale.feeBps());",
        "_shares.release(planId, sale.currency(), received, _feeBps);",
        SIGNATURES,
    ),
    Mutant(
        "a refund leaves the supply",
        "AccessToken",
        "        count.supply = uint64(supply);\n",
        "",
        USE,
    ),
    Mutant(
        "access begins anew",
        "AccessToken",
        "until = Math.max(block.timestamp, record.accessUntil) + duration;",
        "until = block.timestamp + duration;",
        USE,
    ),
)

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

REVENUE_SHARES: Final = (
    Mutant(
        "shares take what accrued with them",
        "RevenueShares",
        "        if (from != address(0)) {\n            for",
        "        if (from == address(0)) {\n            for",
        CLAIM,
    ),
    Mutant(
        "only the sender is brought up to date",
        "RevenueShares",
        "            _accrue(to, serviceId, currency, total);\n",
        "",
        CLAIM,
    ),
    Mutant(
        "anybody releases",
        "RevenueShares",
        "if (msg.sender != address(_accessToken)) {",
        "if (false) {",
        RELEASE,
    ),
    Mutant(
        "a claim is not remembered",
        "RevenueShares",
        "        owed -= amount * SHARES;\n",
        "",
        CLAIM,
    ),
    Mutant(
        "upstreams come twice",
        "RevenueShares",
        "if (id <= last || id >= serviceId) revert",
        "if (id >= serviceId) revert",
        RELEASE,
    ),
    Mutant(
        "upstreams come from the future",
        "RevenueShares",
        "if (id <= last || id >= serviceId) revert",
        "if (id <= last) revert",
        RELEASE,
    ),
    Mutant(
        "a gift counts what it did not send",
        "RevenueShares",
        "Math.min(token.balanceOf(address(this)) - before, amount)",
        "token.balanceOf(address(this)) - before",
        REENTRANCY,
    ),
    Mutant(
        "a gift counts what did not arrive",
        "RevenueShares",
        "Math.min(token.balanceOf(address(this)) - before, amount)",
        "Math.max(token.balanceOf(address(this)) - before, amount)",
        RELEASE,
    ),
    Mutant(
        "a gift may be entered",
        "RevenueShares",
        "function distribute(uint256 serviceId, uint256 currency, uint256 amount) external nonReentrant {",
        "function distribute(uint256 serviceId, uint256 currency, uint256 amount) external {",
        REENTRANCY,
    ),
    Mutant(
        "a currency new to a service is not marked",
        "RevenueShares",
        "        if (links & live == 0) _links[serviceId] = links | live;\n",
        "        links & live;\n",
        CLAIM,
    ),
    Mutant(
        "upstreams' parts are made, not taken",
        "RevenueShares",
        "            paid += amount;\n",
        "",
        RELEASE,
    ),
    Mutant(
        "fees stay after they left",
        "RevenueShares",
        "        fees[currency] = 0;\n",
        "",
        CLAIM,
    ),
)

SERVICE_REGISTRY: Final = (
    Mutant(
        "the last sale is forgotten",
        "ServiceRegistry",
        "Math.max(service.unbondRequestedAt, service.lastSale)",
        "uint256(service.unbondRequestedAt)",
        BOND,
    ),
    Mutant(
        "a bond leaves under a dispute",
        "ServiceRegistry",
        "if (service.openDisputes != 0) {",
        "if (false) {",
        BOND,
    ),
    Mutant(
        "a bond on its way out still sells",
        "ServiceRegistry",
        "return service.bond - service.unbonding;",
        "return service.bond;",
        BOND,
    ),
    Mutant(
        "a slashed part leaves all the same",
        "ServiceRegistry",
        "uint256 unbonding = Math.min(service.unbonding, left);",
        "uint256 unbonding = service.unbonding;",
        BOND,
    ),
    Mutant(
        "anybody notes sales",
        "ServiceRegistry",
        "if (msg.sender != _accessToken) revert",
        "if (false) revert",
        REGISTER,
    ),
    Mutant(
        "silence is answered later",
        "ServiceRegistry",
        "if (block.timestamp > answerBy) revert",
        "if (false) revert",
        BOND,
    ),
    Mutant(
        "a pause is renewed at once",
        "ServiceRegistry",
        "if (block.timestamp < allowedAt) revert Errors.ServiceRegistry_PauseTooSoon(allowedAt);",
        "allowedAt;",
        BOND,
    ),
    Mutant(
        "retirement is taken back",
        "ServiceRegistry",
        "        _requireNotRetired(serviceId);\n        if (status ==",
        "        if (status ==",
        REGISTER,
    ),
    Mutant(
        "the minimum rises at will",
        "ServiceRegistry",
        "if (block.timestamp < allowedAt) revert Errors.ServiceRegistry_MinBondTooSoon(allowedAt);",
        "allowedAt;",
        BOND,
    ),
    Mutant(
        "a flag outlives the bond",
        "ServiceRegistry",
        "block.timestamp >= since + _flagPeriod && _countingBond(service) < _minBond) return true;",
        "block.timestamp >= since + _flagPeriod) return true;",
        BOND,
    ),
    Mutant(
        "a deposit is paid twice",
        "ServiceRegistry",
        "        service.challengeDeposit = 0;\n",
        "",
        BOND,
    ),
    Mutant(
        "the old key settles for ever",
        "ServiceRegistry",
        "return block.timestamp <= service.previousMeterUntil && key == service.previousMeter;",
        "return key == service.previousMeter;",
        SETTLE,
    ),
)

MUTANTS: Final = (*ACCESS_TOKEN, *USAGE_ESCROW, *REVENUE_SHARES, *SERVICE_REGISTRY)
