"""What each figure stays under, and what comparable code costs."""

from __future__ import annotations

from typing import Final

LIMITS: Final = {
    "AccessToken.buy:metered-new": 99_000,
    "AccessToken.buy:metered-repeat": 82_000,
    "AccessToken.buy:deposit-new": 114_000,
    "AccessToken.buy:deposit-repeat": 97_000,
    "AccessToken.buy:activate": 119_000,
    "AccessToken.buyWithPermit:deposit-new": 147_000,
    "AccessToken.buy:pass-new": 146_000,
    "AccessToken.buy:pass-repeat": 111_000,
    "AccessToken.activate:first": 112_000,
    "AccessToken.activate:repeat": 95_000,
    "AccessToken.refund": 62_000,
    "UsageEscrow.withdraw": 48_000,
    "UsageEscrow.deposit:new": 79_000,
    "UsageEscrow.deposit:repeat": 62_000,
    "UsageEscrow.settle:one": 106_000,
    "UsageEscrow.settle:each-further": 14_000,
    "UsageEscrow.settle:each-further-voucher": 23_000,
    "RevenueShares.distribute": 60_000,
    "RevenueShares.claim": 58_000,
    "StakingVault.lock:first": 242_000,
    "StakingVault.lock:again": 172_000,
    "StakingVault.claim:first": 86_000,
    "StakingVault.claim:repeat": 68_000,
}
SIZE_LIMIT: Final = 24_576
