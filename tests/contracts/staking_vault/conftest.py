"""A vault with EMP, two currencies, and the parts around it played by accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from web3.contract.contract import Contract

from tests.contracts.stage import MAX_UINT256, Stage

DAY = 86_400
EMP = 10**18
EMP_INDEX, USD_INDEX, HOSTILE_INDEX = 0, 1, 2
USD = 10**6
MIN, MAX, STREAM = 7 * DAY, 365 * DAY, 7 * DAY


def score_down(amount: int, duration: int) -> int:
    """The multiplier as the specification words it."""
    return amount + amount * 3 * (duration - MIN) // (MAX - MIN)


@dataclass(frozen=True)
class VaultStage:
    """The vault and its actors; `revenue` stands for `RevenueShares`."""

    stage: Stage
    vault: Contract
    emp: Contract
    usd: Contract
    hostile: Contract
    revenue: str
    staker: str
    other: str
    stranger: str

    def lock(self, amount: int, duration: int, staker: str | None = None) -> dict[str, Any]:
        return self.send("lock", amount, duration, sender=staker or self.staker)

    def send(self, function: str, *arguments: Any, sender: str) -> dict[str, Any]:
        return self.stage.send(self.vault.functions[function](*arguments), sender)

    def read(self, function: str, *arguments: Any) -> Any:
        return self.vault.functions[function](*arguments).call(block_identifier="pending")

    def stream(self, amount: int, currency: int = USD_INDEX) -> dict[str, Any]:
        """Money arrives, and the stream begins, as `RevenueShares.flushFees` does it."""
        token = [self.emp, self.usd, self.hostile][currency]
        self.stage.send(token.functions.transfer(self.vault.address, amount), self.revenue)
        return self.send("stream", currency, amount, sender=self.revenue)

    def claimed(self, currency: int, owner: str) -> int:
        """What a claim pays to an empty pocket."""
        token = [self.emp, self.usd, self.hostile][currency]
        before = token.functions.balanceOf(owner).call()
        self.send("claim", [currency], owner, sender=owner)
        return int(token.functions.balanceOf(owner).call()) - int(before)

    def only(self, receipt: dict[str, Any], event: str) -> dict[str, Any]:
        """The one event of that name."""
        found = self.stage.events(receipt, self.vault, event)
        assert len(found) == 1, f"{len(found)} events {event}"
        return found[0]


@pytest.fixture(scope="package")
def built() -> VaultStage:
    stage = Stage()
    deployer, revenue, staker, other, stranger = (stage.account(number) for number in range(5))
    emp = stage.deploy("EmporionToken", deployer, 10**9 * EMP, revenue, 10**6 * EMP)
    usd, hostile, table = (stage.deploy(name) for name in ("TestDollar", "HostileCurrency", "CurrencyTable"))
    for token in (emp, usd, hostile):
        stage.send(table.functions.add(token.address), deployer)
    vault = stage.deploy("StakingVault", emp.address, table.address, revenue, (MIN, MAX, STREAM))
    for account in (staker, other):
        stage.send(emp.functions.transfer(account, 10**6 * EMP), deployer)
        stage.send(emp.functions.approve(vault.address, MAX_UINT256), account)
    for token in (usd, hostile):
        stage.send(token.functions.mint(revenue, 10**30), deployer)
    return VaultStage(stage, vault, emp, usd, hostile, revenue, staker, other, stranger)


@pytest.fixture
def v(built: VaultStage) -> Iterator[VaultStage]:
    point = built.stage.snapshot()
    yield built
    built.stage.revert(point)
