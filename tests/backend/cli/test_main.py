"""The command as a whole.

build
├── given nothing: every command, each with help of its own
└── given a command's name: that part alone, which knows the same commands
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest
import typer.main

from backend.cli.main import PARTS, build
from tests.emporion_command import Emporion


def every(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command that does something, by its path."""
    for name, child in getattr(command, "commands", {}).items():
        yield (*path, name), child
        yield from every(child, *path, name)


COMMANDS: Final = dict(every(typer.main.get_command(build())))


class TestBuild:
    @pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
    def test_every_command_has_help(self, path: tuple[str, ...]) -> None:
        command = COMMANDS[path]
        assert command.help
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{' '.join(path)}: {parameter.name} has no help"

    @pytest.mark.parametrize("name", [name for names in PARTS.values() for name in names])
    def test_a_part_is_the_same_command(self, name: str) -> None:
        alone = dict(every(typer.main.get_command(build(name))))
        whole = {path for path in COMMANDS if path[0] == name}
        assert whole <= set(alone)

    def test_help_tells_the_commands(self, emporion: Emporion) -> None:
        said = emporion("--help")
        assert said.status == 0
        for name in ("devnet", "demo", "up", "deploy", "provider", "buyer", "stake", "search", "keys"):
            assert name in said.out
