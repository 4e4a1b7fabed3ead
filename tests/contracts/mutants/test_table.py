"""The table of mutants stays applicable.

├── every fault should be found exactly once in its source, and change it
├── every test it names should be there
└── no name should come twice
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.mutants.mutant import places
from tests.contracts.mutants.table import MUTANTS, Mutant

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_a_mutant_can_be_made(mutant: Mutant) -> None:
    assert len(places(mutant)) == 1
    assert mutant.old != mutant.new
    assert (TESTS / mutant.tests).is_file()


def test_names_come_once() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names))
