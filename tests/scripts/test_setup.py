"""The set-up: what it asks of the machine, and that a broken-off step is done again.

require_node
├── refuses an old one, and an answer that is no version, each with the fix
└── accepts the oldest that works
find_npm
└── names what is not on the PATH
Stamps
├── a finished step holds for its stamp only
├── a step that raised, or whose process died, counts as broken off
└── a damaged file counts as nothing done
ensure
├── does nothing while the stamp holds
└── tells the work to repair what a broken-off attempt left
ensure_venv
└── builds again what does not work, and what was moved
complete
└── writes into the lock the packages for other systems, once
"""

import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.environment import Environment, Step, ensure, ensure_venv
from scripts.npm_lock import complete
from scripts.progress import SetupError
from scripts.stamps import Stamps, digest, exclusive
from scripts.toolchain import find_npm, require_node


class TestRequireNode:
    @pytest.mark.parametrize("version", ["v18.20.4", "v4.0.0", "", "node: not found"])
    def test_refuses_with_the_fix(self, version: str) -> None:
        with pytest.raises(SetupError, match="install Node 20"):
            require_node(version)

    def test_accepts_the_oldest(self) -> None:
        require_node("v20.0.0")


class TestFindNpm:
    def test_names_what_is_missing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(SetupError, match="node is not on the PATH"):
            find_npm()


class TestStamps:
    def test_hold_for_their_stamp_only(self, tmp_path: Path) -> None:
        stamps = Stamps(tmp_path / "s.json")
        with stamps.step("npm", "a"):
            pass
        again = Stamps(tmp_path / "s.json")
        assert again.holds("npm", "a")
        assert not again.holds("npm", "b")
        assert not again.holds("dev", "a")

    def test_remember_what_broke_off(self, tmp_path: Path) -> None:
        stamps = Stamps(tmp_path / "s.json")
        with pytest.raises(KeyboardInterrupt), stamps.step("npm", "a"):
            raise KeyboardInterrupt
        again = Stamps(tmp_path / "s.json")
        assert again.broken_off == "npm"
        assert not again.holds("npm", "a")

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"done": 3, "begun": null}'])
    def test_begin_anew_over_a_damaged_file(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "s.json").write_text(content)
        assert not Stamps(tmp_path / "s.json").holds("npm", "a")

    def test_change_with_a_file(self, tmp_path: Path) -> None:
        lock = tmp_path / "a.lock"
        absent = digest(lock)
        lock.write_text("a==1")
        assert digest(lock) != absent

    def test_are_guarded_by_a_lock_that_is_given_back(self, tmp_path: Path) -> None:
        for _ in range(2):
            with exclusive(tmp_path / "new" / "lock"):
                assert (tmp_path / "new" / "lock").exists()


class TestEnsure:
    def test_does_nothing_while_the_stamp_holds(self, tmp_path: Path) -> None:
        done: list[bool] = []
        step = Step("x", "Trying", "1", done.append)
        stamps = Stamps(tmp_path / "s.json")
        ensure(step, stamps)
        ensure(step, stamps)
        assert done == [False]

    def test_repairs_what_broke_off(self, tmp_path: Path) -> None:
        done: list[bool] = []
        file = tmp_path / "s.json"
        with pytest.raises(SetupError), Stamps(file).step("x", "1"):
            raise SetupError("the registry is gone", "wait")
        ensure(Step("x", "Trying", "1", done.append), Stamps(file))
        assert done == [True]


class Recorded(Environment):
    """An environment that counts its creations instead of making them."""

    def create(self) -> None:
        file = self.root / "created"
        file.write_text("x" * (self.creations + 1))
        program = self.program("python")
        program.parent.mkdir(parents=True, exist_ok=True)
        program.unlink(missing_ok=True)
        program.symlink_to(sys.executable)

    def works(self) -> bool:
        return self.program("python").exists()

    @property
    def creations(self) -> int:
        file = self.root / "created"
        return len(file.read_text()) if file.exists() else 0


class TestEnsureVenv:
    def test_builds_once(self, tmp_path: Path) -> None:
        environment = Recorded(tmp_path)
        ensure_venv(environment)
        ensure_venv(environment)
        assert environment.creations == 1

    def test_builds_again_what_does_not_work(self, tmp_path: Path) -> None:
        environment = Recorded(tmp_path)
        ensure_venv(environment)
        environment.program("python").unlink()
        ensure_venv(environment)
        assert environment.creations == 2

    def test_builds_again_what_was_moved(self, tmp_path: Path) -> None:
        (tmp_path / "old").mkdir()
        ensure_venv(Recorded(tmp_path / "old"))
        (tmp_path / "old").rename(tmp_path / "new")
        moved = Recorded(tmp_path / "new")
        ensure_venv(moved)
        assert moved.creations == 2


class TestComplete:
    def test_adds_the_packages_of_other_systems_once(self) -> None:
        packages: dict[str, dict[str, Any]] = {
            "node_modules/anvil": {
                "optionalDependencies": {"anvil-darwin-arm64": "1.7.1", "anvil-linux-amd64": "1.7.1"}
            },
            "node_modules/anvil-linux-amd64": {"version": "1.7.1", "integrity": "sha512-x"},
        }
        complete(packages)
        first = dict(packages)
        complete(packages)
        assert packages == first
        assert packages["node_modules/anvil-linux-amd64"]["integrity"] == "sha512-x"
        added = packages["node_modules/anvil-darwin-arm64"]
        assert (added["os"], added["cpu"], added["optional"]) == (["darwin"], ["arm64"], True)
