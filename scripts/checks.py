"""`run.py check`: everything that judges the code without running it, and the campaigns against the laws."""

import subprocess
import time
from collections.abc import Sequence

from scripts.environment import Environment
from scripts.progress import say

CHECKS: dict[str, tuple[str, ...]] = {
    "lint": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
    "architecture and documents": ("pytest", "-q", "tests/test_architecture.py", "tests/test_docs.py"),
    "slither": ("scripts.slither",),
    "halmos": ("scripts.halmos", "conservation"),
    "campaigns": ("scripts.campaigns", "check"),
}


def check(environment: Environment, arguments: Sequence[str]) -> int:
    """Run every check, also after one has failed, and sum up; an argument picks checks by name.

    Returns:
        0 when all pass, otherwise 1.
    """
    picked = {name: command for name, command in CHECKS.items() if not arguments or name in arguments}
    failed = [name for name, command in picked.items() if not passes(environment, name, command)]
    say(f"check: {'failed: ' + ', '.join(failed) if failed else 'all ' + str(len(picked)) + ' passed'}")
    return 1 if failed or not picked else 0


def passes(environment: Environment, name: str, command: Sequence[str]) -> bool:
    """Run one check as a module of the environment."""
    say(f"[check] {name}: {' '.join(command)}")
    started = time.monotonic()
    python = str(environment.program("python"))
    status = subprocess.run([python, "-m", *command], cwd=environment.root, check=False).returncode
    say(f"[check] {name}: {'ok' if status == 0 else 'FAILED'} in {time.monotonic() - started:.1f} s")
    return status == 0
