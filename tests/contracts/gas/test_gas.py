"""Gas is a reviewed file: `python scripts/run.py gas` rewrites `tests/contracts/gas.json`.

├── every figure should be the one in the file: a change shows in a diff, a rise is explained in its commit
├── every function of the interfaces that changes something should have a figure, or a reason for none
├── every figure of the specification should be there, and stay under its limit
├── every comparison should be in the README as it was measured
└── every contract should fit the size limit
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from contracts.artifacts import load, names
from tests.contracts.gas.limits import COMPARED, LIMITS, SIZE_LIMIT, UNMEASURED
from tests.contracts.gas.scenarios import Figures, measure
from tests.contracts.protocol import Protocol
from tests.contracts.test_natspec import INTERFACES, declared

README = Path(__file__).resolve().parents[3] / "contracts" / "README.md"
REVIEWED = Path(__file__).resolve().parents[1] / "gas.json"


@pytest.fixture(scope="module")
def reviewed() -> Figures:
    return dict(json.loads(REVIEWED.read_text()))


def test_figures_are_the_reviewed_ones(p: Protocol, reviewed: Figures) -> None:
    measured = measure(p)
    moved = {k: (reviewed.get(k), v) for k, v in measured.items() if reviewed.get(k) != v}
    assert not moved, "explain the change, then run `python scripts/run.py gas`"
    assert set(reviewed) == set(measured)


def entries() -> set[str]:
    """What the interfaces declare beside the standards, and is no view."""
    found = set()
    for path in INTERFACES:
        name = path.stem.removeprefix("I")
        for _, word, function, signature in declared(path):
            if word == "function" and not re.search(r"\b(view|pure)\b", signature):
                found.add(f"{name}.{function}")
    return {entry for entry in found if not entry.startswith("ERC3009.")}


def test_every_entry_has_a_figure_or_a_reason(reviewed: Figures) -> None:
    excused = {entry for names in UNMEASURED.values() for entry in names}
    measured = {key.partition(":")[0] for key in reviewed}
    assert entries() - measured == excused


@pytest.mark.parametrize(("ours", "peer", "reason"), COMPARED)
def test_a_comparison_is_told(reviewed: Figures, ours: str, peer: str, reason: str) -> None:
    line = f"| `{ours}` | {reviewed[ours]:,} | `{peer}` | {reviewed[peer]:,} | {reason} |"
    assert line in README.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("key", LIMITS)
def test_a_figure_stays_under_its_limit(reviewed: Figures, key: str) -> None:
    assert reviewed[key] < LIMITS[key]


@pytest.mark.parametrize("name", names())
def test_a_contract_fits(name: str) -> None:
    assert load(name).size < SIZE_LIMIT
