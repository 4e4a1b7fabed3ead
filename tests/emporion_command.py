"""The command line as a person types it, run in this process."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

from typer.testing import CliRunner

from backend.cli.main import build


@dataclass(frozen=True)
class Said:
    """What a command printed on either stream, and its status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which holds nothing but JSON."""
        return json.loads(self.out)


class Emporion(Protocol):
    """`emporion ARGUMENT...`; `answers` go to its prompts."""

    def __call__(self, *arguments: str, answers: str | None = None) -> Said:
        """Run it."""
        ...


def run_emporion(*arguments: str, answers: str | None = None) -> Said:
    """Run a command; an error that is no error of ours is raised."""
    command = build(arguments[0] if arguments else None)
    result = CliRunner().invoke(command, list(arguments), input=answers)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)
