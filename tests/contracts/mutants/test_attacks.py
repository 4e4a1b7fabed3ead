"""Every attack has a test by its name, and the test fails on a contract that falls to the attack.

each attack
├── names a test that is there, and a fault that can be put into a contract
└── with the fault in it, its test fails (a few here, all of them in the deep profile and by
    `python -m scripts.mutants attacks`)
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import settings

from scripts import mutants
from tests.contracts.mutants.attacks import ATTACKS, Attack
from tests.contracts.mutants.table import MUTANTS

TESTS = Path(__file__).resolve().parents[1]
DEEP = settings().max_examples >= 1_000
TRIED = ATTACKS if DEEP else [a for a in ATTACKS if a.name in {"increase with a day left", "dust"}]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_an_attack_names_its_test_and_its_fault(attack: Attack) -> None:
    file, _, function = attack.test.split("::")
    assert re.search(rf"^    def {function}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert attack.fault in {mutant.name for mutant in MUTANTS}


@pytest.mark.integration
@pytest.mark.hypothesis
@pytest.mark.parametrize("attack", TRIED, ids=lambda a: a.name)
def test_an_attack_is_noticed(attack: Attack) -> None:
    assert mutants.noticed(attack) == "killed"
