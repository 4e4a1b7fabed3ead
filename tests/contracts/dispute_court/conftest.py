"""A court over a service that sells one plan of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contracts.governed import COURT_PERIOD, Governed, deploy_governed
from tests.contracts.protocol import HASH, METERED, PASS, TIMED, URI
from tests.contracts.stage import Stage


@dataclass(frozen=True)
class CourtStage:
    """The court, and what a dispute needs; the provider's bond is 1,000 EMP."""

    g: Governed
    pass_plan: int
    timed: int
    metered: int
    free: int

    def open(self, amount: int, plan: int | None = None, sender: str | None = None) -> dict[str, Any]:
        chosen = plan if plan is not None else self.metered
        return self.g.send(
            self.g.court, "open", chosen, amount, HASH, URI, sender=sender or self.g.p.buyer
        )  # fmt: skip

    def vote(self, uphold: bool, voter: str, dispute: int = 1) -> dict[str, Any]:
        return self.g.send(self.g.court, "vote", dispute, uphold, sender=voter)

    def resolve(self, dispute: int = 1) -> dict[str, Any]:
        """Waits for the end of the vote and ends the dispute."""
        self.g.stage.advance(COURT_PERIOD)
        receipt = self.g.send(self.g.court, "resolve", dispute, sender=self.g.p.stranger)
        assert self.g.p.money(self.g.court, self.g.p.emp) == sum(
            self.dispute(i)[5] for i in range(1, self.count() + 1) if self.dispute(i)[3] == 0
        ), "the court holds the bonds of open disputes and nothing else"
        return self.g.p.only(receipt, self.g.court, "DisputeResolved")

    def dispute(self, dispute: int) -> Any:
        return self.g.court.functions.disputeOf(dispute).call()

    def count(self) -> int:
        return int(self.g.court.functions.disputeCount().call())

    def emp(self, account: str) -> int:
        return self.g.p.money(account, self.g.p.emp)

    def may_open(self, plan: int, account: str) -> bool:
        call = self.g.court.functions.mayOpen(plan, account)
        return bool(call.call(block_identifier="pending"))


@pytest.fixture(scope="package")
def built() -> CourtStage:
    g = deploy_governed(Stage())
    pass_plan, timed, metered = (g.p.create_plan(kind) for kind in (PASS, TIMED, METERED))
    return CourtStage(g, pass_plan, timed, metered, g.p.create_plan(METERED, unitPrice=0, accountCap=5))


@pytest.fixture
def c(built: CourtStage) -> Iterator[CourtStage]:
    point = built.g.stage.snapshot()
    yield built
    built.g.stage.revert(point)
