"""Ways to break RevenueShares."""

from __future__ import annotations

from typing import Final

from tests.contracts.mutants.mutant import Mutant

CLAIM = "revenue_shares/test_claim.py"
RELEASE = "revenue_shares/test_release.py"
REENTRANCY = "attacks/test_reentrancy.py"

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
        "a gift may come in the middle of a release",
        "RevenueShares",
        "if (_accessToken.isEntered()) revert",
        "if (false) revert",
        REENTRANCY,
    ),
    Mutant(
        "a release may come in the middle of a gift",
        "RevenueShares",
        "if (_reentrancyGuardEntered()) revert",
        "if (false) revert",
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
        "a full upstream stops those who name it",
        "RevenueShares",
        "            if (distributed[upstreamId][currency] + amount > MAX_TOTAL) continue;\n",
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
