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
COMPARED: Final = (
    (
        "AccessToken.buy:metered-new",
        "PlainShop.buy:new",
        "refunds, caps, pause, status, bond and its cooldown",
    ),
    ("AccessToken.buy:metered-repeat", "PlainShop.buy:repeat", "the same"),
    ("UsageEscrow.settle:each-further", "PlainShop.buy:repeat", "one payer's usage of any number of calls"),
    ("RevenueShares.claim", "PlainStaking.claim", "exact to a millionth of a base unit"),
    ("StakingVault.claim:repeat", "PlainStaking.claim", "any currency, streamed"),
    ("StakingVault.lock:first", "PlainStaking.stake:first", "a lock, a score, votes with history"),
    ("StakingVault.lock:again", "PlainStaking.stake:again", "the same"),
    ("StakingVault.unlock", "PlainStaking.withdraw", "score, votes and their history taken back"),
    ("AccessToken.safeTransferFrom:repeat", "SoladyTokens.mint:repeat", "two balances, soulbound units kept"),
    (
        "AccessToken.buyWithAuthorization:deposit-new",
        "PlainShop.buy:new",
        "the buyer needs no gas",
    ),
)
"""Our key, the nearest thing a peer does, and what the difference buys."""
UNMEASURED: Final = {
    "by another contract alone": (
        "RevenueShares.create", "RevenueShares.release", "ServiceRegistry.noteSale", "ServiceRegistry.slash",
        "ServiceRegistry.countDispute", "StakingVault.stream",
    ),
    "by the timelock alone: what is paid is `EmporionGovernor.execute`": (
        "AccessToken.addCurrency", "AccessToken.setCurrencyOpen", "AccessToken.setFeeBps",
        "DisputeCourt.setQuorumBps", "DisputeCourt.setVotingPeriod", "RevenueShares.setTreasury",
        "ServiceRegistry.setMinBond", "ServiceRegistry.setUnbondCooldown", "UsageEscrow.setWithdrawalDelay",
    ),
    "by the guardian in need": ("AccessToken.pauseSales", "ServiceRegistry.pauseRegistrations"),
}  # fmt: skip
"""Functions of the interfaces that have no figure of their own, by reason."""
SIZE_LIMIT: Final = 24_576
