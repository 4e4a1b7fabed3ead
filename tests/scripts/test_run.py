"""The command line of the scripts.

main
├── without a target, or for help: every target and what it is for
└── a target nobody knows: named, with the list, and status 2
the Makefile
├── calls scripts/run.py and nothing else, once for each target
└── tells what each target is for
the locks
├── are all that the project has
├── name no address, and every package has its hashes
└── of npm are as `run.py lock` writes them, so that it changes nothing without a reason
"""

import re
from pathlib import Path

import pytest

from scripts.locks import LOCKS, NPM_FOLDERS
from scripts.npm_lock import tidied
from scripts.targets import TARGETS, main

ROOT = Path(__file__).resolve().parents[2]
NPM_LOCKS = [f"{folder}/package-lock.json" for folder in NPM_FOLDERS]
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
    def test_are_all(self) -> None:
        known = {lock.file for lock in LOCKS}
        found = [*ROOT.glob("*.lock"), *(ROOT / "examples").glob("*/*.lock")]
        assert {file.relative_to(ROOT).as_posix() for file in found} == known
        npm = [*ROOT.glob("*/package-lock.json"), *(ROOT / "examples").glob("*/package-lock.json")]
        assert {file.relative_to(ROOT).as_posix() for file in npm} == set(NPM_LOCKS)

    @pytest.mark.parametrize("file", NPM_LOCKS)
    def test_of_npm_are_as_they_would_be_written(self, file: str) -> None:
        text = (ROOT / file).read_text()
        assert tidied(text) == text
        assert '"funding"' not in text

    @pytest.mark.parametrize("file", [*(lock.file for lock in LOCKS), *NPM_LOCKS])
    def test_name_no_address(self, file: str) -> None:
        text = (ROOT / file).read_text()
        assert '"resolved"' not in text
        assert not re.search(r"://(?!github\.com/sponsors/)|--(extra-)?index-url|--find-links", text)

    @pytest.mark.parametrize("file", [lock.file for lock in LOCKS])
    def test_hash_every_package(self, file: str) -> None:
        entries = (ROOT / file).read_text().replace("\\\n", " ").splitlines()
        assert entries
        assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
