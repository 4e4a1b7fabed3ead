"""The numbered laws under random callers, in forge.

the laws
├── every law has an invariant named after it, and each of them ran
└── each is kept after every call
the actions
└── each of them succeeds somewhere in a long walk: a law that nothing tries to break proves nothing
the reader of forge's answer
└── a broken law is told with its reason and the calls that broke it
"""

from __future__ import annotations

import re

import pytest

from scripts.campaigns import LAWS, SAME_SEED, Campaign, campaigns_in, run_all, walk

RUNS, DEPTH = 4, 60


@pytest.fixture(scope="module")
def campaigns() -> list[Campaign]:
    return run_all("small", SAME_SEED, range(1, LAWS + 1))


@pytest.mark.slow
@pytest.mark.timeout(400)
class TestLaws:
    """Compiling the handlers takes most of the time, and happens where they changed."""

    def test_every_law_is_asked(self, campaigns: list[Campaign]) -> None:
        numbers = [int(re.fullmatch(r"invariant_Law(\d\d)_\w+", c.name).group(1)) for c in campaigns]  # type: ignore[union-attr]
        assert sorted(numbers) == list(range(1, LAWS + 1))
        assert {(c.runs, c.calls) for c in campaigns} == {(RUNS, RUNS * DEPTH)}

    def test_every_law_is_kept(self, campaigns: list[Campaign]) -> None:
        assert [(c.name, c.reason) for c in campaigns if not c.passed] == []

    def test_every_action_succeeds_somewhere(self, campaigns: list[Campaign]) -> None:
        assert campaigns
        passed, reason = walk()
        assert passed, reason


class TestCampaignsIn:
    def test_broken_law(self) -> None:
        kind = {"Invariant": {"runs": 1, "calls": 7, "reverts": 0}}
        result = {"status": "Failure", "reason": "lost", "counterexample": {"Sequence": []}, "kind": kind}
        (found,) = campaigns_in({"Laws": {"test_results": {"invariant_Law05_X()": result}}}, 3)
        assert (found.name, found.passed, found.calls, found.seed) == ("invariant_Law05_X", False, 7, 3)
        assert found.reason.startswith("lost\n")
        assert "Sequence" in found.reason
