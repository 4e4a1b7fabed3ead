"""What each kind of event is to each account that has a part in it

READERS: every kind of event has its row here; an account that it does not name has no line
each row: the kind of the line, its class, how the account's units and its money changed, and what it is worth
"""

from typing import Any, Final

import pytest

from backend.statements.entries import Category, Event, Market, PlanTerms
from backend.statements.readings import READERS

ME, OTHER, THIRD, TOKEN = ("0x" + digit * 40 for digit in "1234")
PLAN: Final = 1_048_578
HERE: Final = Market({PLAN: PlanTerms(0, 5)}, {1: 0}, {TOKEN: "RevenueShares"}, emp=1)
EXPENSE, GIFT, INCOME, REWARD = Category.EXPENSE, Category.GIFT, Category.INCOME, Category.REWARD
DISPOSAL, TRANSFER = Category.DISPOSAL, Category.TRANSFER
OF_PLAN: Final = {"planId": PLAN, "units": 3}
SALE: Final = {"listingId": 1, "token": TOKEN, "id": 7, "units": 2, "cost": 100, "royalty": 10}
REWARDED: Final = {"currency": 0, "amount": 9, "compounded": False}
Told = tuple[str, Category, int, int, int]

ROWS: Final[list[tuple[str, str, dict[str, Any], list[Told]]]] = [
    ("AccessToken", "Bought", {**OF_PLAN, "payer": ME, "recipient": ME, "cost": 15},
     [("purchase", TRANSFER, 3, -15, 15)]),
    ("AccessToken", "Bought", {**OF_PLAN, "payer": OTHER, "recipient": ME, "cost": 15},
     [("units received", GIFT, 3, 0, 15)]),
    ("AccessToken", "Activated", {**OF_PLAN, "holder": ME, "beneficiary": ME}, [("use", EXPENSE, -3, 0, 15)]),
    ("AccessToken", "Activated", {**OF_PLAN, "holder": ME, "beneficiary": OTHER},
     [("use for another", GIFT, -3, 0, 15)]),
    ("AccessToken", "Activated", {**OF_PLAN, "holder": OTHER, "beneficiary": ME},
     [("access received", GIFT, 0, 0, 15)]),
    ("AccessToken", "Consumed", {**OF_PLAN, "holder": ME}, [("use", EXPENSE, -3, 0, 15)]),
    ("AccessToken", "Refunded", {**OF_PLAN, "holder": ME, "to": ME, "amount": 15},
     [("refund", DISPOSAL, -3, 15, 15)]),
    ("AccessToken", "Refunded", {**OF_PLAN, "holder": ME, "to": OTHER, "amount": 15},
     [("refund", DISPOSAL, -3, 0, 15)]),
    ("AccessToken", "Refunded", {**OF_PLAN, "holder": OTHER, "to": ME, "amount": 15},
     [("refund received", GIFT, 0, 15, 15)]),
    ("UsageEscrow", "Settled", {**OF_PLAN, "payer": ME}, [("use", EXPENSE, -3, 0, 15)]),
    ("UsageEscrow", "Settled", {**OF_PLAN, "payer": ME, "units": 0}, []),
    ("TokenMarket", "Filled", {**SALE, "buyer": ME, "seller": OTHER},
     [("resale bought", TRANSFER, 2, -100, 100)]),
    ("TokenMarket", "Filled", {**SALE, "buyer": OTHER, "seller": ME}, [("resale", DISPOSAL, -2, 90, 90)]),
    ("RevenueShares", "Distributed", {"from": ME, "currency": 0, "amount": 9},
     [("distribution", GIFT, 0, -9, 9)]),
    ("RevenueShares", "FeesFlushed", {"to": ME, "currency": 0, "amount": 9}, [("fees", INCOME, 0, 9, 9)]),
    ("StakingVault", "Locked", {"owner": ME, "amount": 9}, [("lock", TRANSFER, 0, -9, 9)]),
    ("StakingVault", "Increased", {"owner": ME, "added": 9, "amount": 20}, [("lock", TRANSFER, 0, -9, 9)]),
    ("StakingVault", "Unlocked", {"owner": ME, "to": ME, "amount": 9}, [("unlock", TRANSFER, 0, 9, 9)]),
    ("StakingVault", "Unlocked", {"owner": ME, "to": OTHER, "amount": 9}, [("unlock", TRANSFER, 0, 0, 9)]),
    ("StakingVault", "Unlocked", {"owner": OTHER, "to": ME, "amount": 9},
     [("unlock received", GIFT, 0, 9, 9)]),
    ("StakingVault", "RewardsClaimed", {"owner": ME, "to": ME, **REWARDED},
     [("staking reward", REWARD, 0, 9, 9)]),
    ("StakingVault", "RewardsClaimed", {"owner": ME, "to": OTHER, **REWARDED},
     [("staking reward", REWARD, 0, 0, 9)]),
    ("StakingVault", "RewardsClaimed", {"owner": OTHER, "to": ME, **REWARDED},
     [("reward received", GIFT, 0, 9, 9)]),
    ("StakingVault", "RewardsStreamed", {"from": ME, "currency": 0, "amount": 9},
     [("reward stream", GIFT, 0, -9, 9)]),
    ("ServiceRegistry", "ServiceRegistered", {"provider": ME, "serviceId": 7, "bond": 9},
     [("service registered", TRANSFER, 1, 0, 0), ("bond", TRANSFER, 0, -9, 9)]),
    ("ServiceRegistry", "BondAdded", {"from": ME, "amount": 9}, [("bond", TRANSFER, 0, -9, 9)]),
    ("ServiceRegistry", "Unbonded", {"to": ME, "amount": 9}, [("bond returned", TRANSFER, 0, 9, 9)]),
    ("ServiceRegistry", "Challenged", {"challenger": ME, "deposit": 9},
     [("challenge deposit", TRANSFER, 0, -9, 9)]),
    ("ServiceRegistry", "ChallengeEnded", {"to": ME, "deposit": 9, "answered": True},
     [("challenge won", INCOME, 0, 9, 9)]),
    ("ServiceRegistry", "ChallengeEnded", {"to": ME, "deposit": 9, "answered": False},
     [("challenge deposit returned", TRANSFER, 0, 9, 9)]),
    ("DisputeCourt", "DisputeOpened", {"claimant": ME, "bond": 9}, [("dispute bond", TRANSFER, 0, -9, 9)]),
    ("EmporionDistributor", "AirdropClaimed", {"account": ME, "amount": 9}, [("airdrop", INCOME, 0, 9, 9)]),
    ("EmporionDistributor", "VestingReleased", {"beneficiary": ME, "amount": 9},
     [("vesting", INCOME, 0, 9, 9)]),
]  # fmt: skip


def read(contract: str, name: str, args: dict[str, Any], account: str) -> list[Told]:
    spelled = {noun: str(value) if type(value) is int else value for noun, value in args.items()}
    event = Event(contract, name, 1, 0, 100, bytes(32), spelled)
    lines = READERS[contract, name](event, account, HERE)
    return [(one.kind, one.category, one.held, one.cash, one.amount) for one in lines]


class TestReaders:
    def test_have_a_row_each(self) -> None:
        assert {(contract, name) for contract, name, _, _ in ROWS} == set(READERS)

    @pytest.mark.parametrize(("contract", "name", "args", "wanted"), ROWS)
    def test_class_what_happened(
        self, contract: str, name: str, args: dict[str, Any], wanted: list[Told]
    ) -> None:
        assert read(contract, name, args, ME) == wanted
        assert read(contract, name, args, THIRD) == []
