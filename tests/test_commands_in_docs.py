"""Commands that documents and deploy/ tell, parsed by the command line's own parser.

each line of a code block that begins with `emporion`, and each `emporion ...` in a sentence
├── names a command, with options it has and arguments it takes
└── in a block: with all that it needs
each command of compose.yaml and of a systemd unit
└── the same
a wrong one
└── is found
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.exceptions import TyperException

from backend.cli.main import build
from tests.compose_file import PARTS, ROOT

BLOCK = re.compile(r"^( *)```[a-z]*\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
WORDS = re.compile(r"`(emporion [^`]+)`")
STANDS_FOR = {"PLAN": "1", "PATH": str(ROOT), "FILE": str(ROOT / "pyproject.toml"), "COMMAND": "status"}
"""What a reader puts in the place of a word."""
INCOMPLETE = {"MissingParameter", "NoArgsIsHelpError", "BadOptionUsage"}
"""What a sentence may leave out: arguments, the command of a group, the value of an option."""
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")])


def in_blocks(page: Path) -> Iterator[list[str]]:
    """What stands alone on a line, whole: continued lines joined, comments and redirections off."""
    for _, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.match(r"\s*(?:ExecStart=\S*/)?emporion (.*)", line)
            if found:
                yield shlex.split(found[1].partition(" ... ")[0], comments=True)


def in_sentences(page: Path) -> Iterator[list[str]]:
    """What a sentence tells, maybe without its arguments; a line may end inside."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for found in WORDS.findall(text):
        yield shlex.split(" ".join(found.split()).removeprefix("emporion "))


def parse(words: list[str], *, whole: bool) -> None:
    """Raises TyperException for what the command line would refuse; `--help` is taken."""
    words = [STANDS_FOR.get(word, word) for word in words]
    command: Any = typer.main.get_command(build(words[0] if words else None))
    context = typer.Context(command, info_name="emporion")
    while words and hasattr(command, "resolve_command") and not words[0].startswith("-"):
        _, command, words = command.resolve_command(context, words)
    try:
        command.make_context(command.name, list(words), parent=context)
    except typer.Exit:
        pass
    except TyperException as error:
        if whole or type(error).__name__ not in INCOMPLETE:
            raise


def refusals(told: Iterable[list[str]], *, whole: bool) -> list[str]:
    found = []
    for words in told:
        try:
            parse(words, whole=whole)
        except TyperException as error:
            found.append(f"emporion {shlex.join(words)}: {error.format_message()}")
    return found


class TestTold:
    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
    def test_commands_are_taken(self, page: Path) -> None:
        assert not refusals(in_blocks(page), whole=True)
        assert not refusals(in_sentences(page), whole=False)

    def test_are_many(self) -> None:
        assert len([words for page in PAGES for words in in_blocks(page)]) > 15
        assert len([words for page in PAGES for words in in_sentences(page)]) > 60

    def test_commands_of_compose_are_taken(self) -> None:
        assert not refusals((part["command"] for part in PARTS.values()), whole=True)

    @pytest.mark.parametrize("wrong", ["settel", "settle --metrics-prot 1", "buyer buy", "keys new a b"])
    def test_wrong_ones_are_found(self, wrong: str) -> None:
        assert refusals(iter([wrong.split()]), whole=True)
