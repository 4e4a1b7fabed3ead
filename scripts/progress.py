"""What the scripts say while they work, and how they fail."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class SetupError(Exception):
    """The set-up cannot go on. Carries what is wrong and what to do about it, in that order."""

    def __init__(self, wrong: str, fix: str) -> None:
        super().__init__(f"{wrong}\n  -> {fix}")


def say(line: str) -> None:
    """Print one line at once, to standard error: standard output belongs to the target's own program."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def told(work: str) -> Iterator[None]:
    """Say what starts and how long it took."""
    say(f"[set-up] {work} ...")
    started = time.monotonic()
    yield
    say(f"[set-up] {work}: done in {time.monotonic() - started:.1f} s")


def is_terminal() -> bool:
    """Whether a person is watching, so that tools may draw their progress bars."""
    return sys.stderr.isatty()


def run(command: Sequence[str], *, cwd: Path, fix: str, env: Mapping[str, str] | None = None) -> None:
    """Run a step of the set-up, its output on ours.

    Raises:
        SetupError: it could not start or left with another status than 0; `fix` is the advice given.
    """
    try:
        status = subprocess.run(command, cwd=cwd, env=env, check=False, stdout=sys.stderr).returncode
    except OSError as error:
        raise SetupError(f"{command[0]} does not start: {error.strerror}", fix) from error
    if status != 0:
        raise SetupError(f"left with status {status}: {' '.join(command)}", fix)
