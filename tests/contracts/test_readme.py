"""contracts/README.md keeps up with the laws, the attacks and the contracts.

the laws
└── each number should stand once in the table, and in the name of one invariant
the attacks
├── the file of each attack's test should stand in the table, or the folder it is in
└── each test named there should be there
the contracts
└── each that is deployed should have its line
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backend.chain.deploy_plan import COMPLETE, DEVNET_ONLY
from contracts.sources import ROOT
from scripts.campaigns import LAWS
from tests.contracts.mutants.attacks import ATTACKS, Attack

README = (ROOT / "README.md").read_text(encoding="utf-8")
INVARIANTS = (ROOT / "forge" / "test" / "Laws.t.sol").read_text(encoding="utf-8")
TESTS = Path(__file__).resolve().parent
NUMBERS = list(range(1, LAWS + 1))


def part(heading: str) -> str:
    """The text below a heading."""
    return README.split(f"\n## {heading}")[1].split("\n## ")[0]


def named_tests() -> list[str]:
    lines = "\n".join(line for line in part("Attacks").splitlines() if line.startswith("|"))
    return re.findall(r"`((?:\w+/)+(?:test_\w+\.py)?)`", lines)


class TestLaws:
    def test_stand_once_in_the_table(self) -> None:
        assert [int(number) for number in re.findall(r"^\| (\d+) \|", part("Laws"), re.MULTILINE)] == NUMBERS

    def test_are_one_invariant_each(self) -> None:
        assert [int(n) for n in re.findall(r"function invariant_Law(\d\d)_\w+", INVARIANTS)] == NUMBERS


class TestAttacks:
    @pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
    def test_have_their_test_in_the_table(self, attack: Attack) -> None:
        file = attack.test.split("::")[0]
        assert {file, f"{file.split('/')[0]}/"} & set(named_tests())

    def test_are_tried_where_the_table_says(self) -> None:
        found = named_tests()
        assert len(found) > len(ATTACKS) // 2
        assert [name for name in found if not (TESTS / name).exists()] == []


class TestContracts:
    @pytest.mark.parametrize("name", sorted(set(COMPLETE) - DEVNET_ONLY))
    def test_have_a_line(self, name: str) -> None:
        assert f"[{name}](src/{name}.sol)" in README
