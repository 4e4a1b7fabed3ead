"""Gas is a reviewed file: `python scripts/run.py gas` rewrites `tests/contracts/gas.json`.

├── every figure should be the one in the file: a change shows in a diff, a rise is explained in its commit
├── every figure of the specification should be there, and stay under its limit
└── every contract should fit the size limit
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.artifacts import load, names
from tests.contracts.gas.limits import LIMITS, SIZE_LIMIT
from tests.contracts.gas.scenarios import Figures, measure
from tests.contracts.protocol import Protocol

REVIEWED = Path(__file__).resolve().parents[1] / "gas.json"


@pytest.fixture(scope="module")
def reviewed() -> Figures:
    return dict(json.loads(REVIEWED.read_text()))


def test_figures_are_the_reviewed_ones(p: Protocol, reviewed: Figures) -> None:
    measured = measure(p)
    moved = {k: (reviewed.get(k), v) for k, v in measured.items() if reviewed.get(k) != v}
    assert not moved, "explain the change, then run `python scripts/run.py gas`"
    assert set(reviewed) == set(measured)


@pytest.mark.parametrize("key", LIMITS)
def test_a_figure_stays_under_its_limit(reviewed: Figures, key: str) -> None:
    assert reviewed[key] < LIMITS[key]


@pytest.mark.parametrize("name", names())
def test_a_contract_fits(name: str) -> None:
    assert load(name).size < SIZE_LIMIT
