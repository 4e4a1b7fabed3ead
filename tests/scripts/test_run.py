"""The command line of the scripts.

main
├── without a target, or for help: every target and what it is for
└── a target nobody knows: named, with the list, and status 2
the Makefile
├── calls scripts/run.py and nothing else, once for each target
└── tells what each target is for
the locks
└── name no address, and every package has its hashes
"""

import re
from pathlib import Path

import pytest

from scripts.locks import LOCKS
from scripts.targets import TARGETS, main

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


class TestMain:
    @pytest.mark.parametrize("arguments", [[], ["help"], ["--help"]])
    def test_lists_the_targets(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(arguments) == 0
        shown = capsys.readouterr().out
        assert all(f"  {name} " in shown and target.help in shown for name, target in TARGETS.items())

    def test_refuses_an_unknown_target(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["dmeo"]) == 2
        assert "there is no target 'dmeo'" in capsys.readouterr().err


class TestMakefile:
    def test_has_every_target_with_its_help(self) -> None:
        assert set(re.findall(r"^([a-z-]+): ## \S+", MAKEFILE, re.MULTILINE)) == {*TARGETS, "help"}

    def test_calls_only_the_script(self) -> None:
        recipes = re.findall(r"^\t(.*)$", MAKEFILE, re.MULTILINE)
        assert all(recipe.startswith("@$(RUN) ") for recipe in recipes if "awk" not in recipe)


class TestLocks:
    @pytest.mark.parametrize("file", [*(lock.file for lock in LOCKS), "contracts/package-lock.json"])
    def test_name_no_address(self, file: str) -> None:
        text = (ROOT / file).read_text()
        assert '"resolved"' not in text
        assert not re.search(r"://(?!github\.com/sponsors/)|--(extra-)?index-url|--find-links", text)

    @pytest.mark.parametrize("file", [lock.file for lock in LOCKS])
    def test_hash_every_package(self, file: str) -> None:
        entries = (ROOT / file).read_text().replace("\\\n", " ").splitlines()
        assert entries
        assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
