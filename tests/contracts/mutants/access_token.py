"""Ways to break AccessToken."""

from __future__ import annotations

from typing import Final

from tests.contracts.mutants.mutant import Mutant

BUY = "access_token/test_buy.py"
SIGNED = "access_token/test_buy_signed.py"
USE = "access_token/test_use.py"
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
