"""The numbered laws under random callers, in forge.

the laws
├── every law has an invariant named after it, and each of them ran
└── each is kept after every call
the actions
├── each of them succeeds somewhere in a long walk: a law that nothing tries to break proves nothing
└── a currency and a shareholder that act as one credit nobody with what is not there
the reader of forge's answer
└── a broken law is told with its reason and the calls that broke it
"""

from __future__ import annotations

import re

import pytest

from scripts.campaigns import LAWS, SAME_SEED, campaigns_in, run_all, scenes

RUNS, DEPTH = 4, 60
SCENES = {
    "test_EveryActionSucceedsSomewhere",
    "test_DistributionInsideARelease",
    "test_ReleaseInsideADistribution",
    "test_ClaimInsideARelease",
    "test_FlushInsideARelease",
}


@pytest.mark.timeout(500)
def test_laws() -> None:
    """One test: forge compiles handlers that changed, and two processes would both do it."""
    campaigns = list(run_all("small", SAME_SEED, range(1, LAWS + 1)))
    named = [re.fullmatch(r"invariant_Law(\d\d)_\w+", one.name) for one in campaigns]
    assert sorted(int(name[1]) for name in named if name) == list(range(1, LAWS + 1))
    assert {(one.runs, one.calls) for one in campaigns} == {(RUNS, RUNS * DEPTH)}
    assert [(one.name, one.reason) for one in campaigns if not one.passed] == []
    told = scenes()
    assert {name: reason for name, reason in told.items() if reason} == {}
    assert told.keys() >= SCENES


class TestCampaignsIn:
    def test_broken_law(self) -> None:
        kind = {"Invariant": {"runs": 1, "calls": 7, "reverts": 0}}
        result = {"status": "Failure", "reason": "lost", "counterexample": {"Sequence": []}, "kind": kind}
        (found,) = campaigns_in({"Laws": {"test_results": {"invariant_Law05_X()": result}}}, 3)
        assert (found.name, found.passed, found.calls, found.seed) == ("invariant_Law05_X", False, 7, 3)
        assert found.reason.startswith("lost\n")
        assert "Sequence" in found.reason
