"""The command line as a person types it, run in this process."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
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


@contextmanager
def logs_left_alone() -> Iterator[None]:
    """A command sets up the logs of its process, here to a stream that is closed after it."""
    handlers = list(logging.root.handlers)
    try:
        yield
    finally:
        structlog.reset_defaults()
        logging.root.handlers[:] = handlers


def run_emporion(*arguments: str, answers: str | None = None) -> Said:
    """Run a command; an error that is no error of ours is raised."""
    command = build(arguments[0] if arguments else None)
    with logs_left_alone():
        result = CliRunner().invoke(command, list(arguments), input=answers)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)
