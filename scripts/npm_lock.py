"""Locks of npm packages, made complete for every system.

`npm` leaves a package for another system out of the lock when the mirror at hand does not carry it, and
`npm ci` then refuses that lock. Such packages are named by the ones that do carry them, with exact versions:
they are written in from there, without an integrity that nobody here could have computed.
"""

import json
from pathlib import Path
from typing import Any

from scripts.environment import AGAIN
from scripts.progress import run
from scripts.toolchain import find_npm

PROCESSORS = {"amd64": "x64", "arm64": "arm64"}


def write(folder: Path) -> None:
    """Write package-lock.json of this folder again.

    Raises:
        SetupError: npm is missing or failed.
    """
    run([find_npm(), "install", "--package-lock-only", "--loglevel=error"], cwd=folder, fix=AGAIN)
    file = folder / "package-lock.json"
    file.write_text(tidied(file.read_text()))


def tidied(text: str) -> str:
    """A lock complete for every system, in order, without addresses; what it makes it leaves as it is."""
    lock = json.loads(text)
    complete(lock["packages"])
    for entry in lock["packages"].values():
        # An address of the registry at hand, and advertisements.
        entry.pop("resolved", None)
        entry.pop("funding", None)
    lock["packages"] = dict(sorted(lock["packages"].items()))
    return json.dumps(lock, indent=2) + "\n"


def complete(packages: dict[str, Any]) -> None:
    """Add, in place, each optional package that is asked for and not listed."""
    for entry in list(packages.values()):
        for name, version in entry.get("optionalDependencies", {}).items():
            packages.setdefault(f"node_modules/{name}", elsewhere(name, version))


def elsewhere(name: str, version: str) -> dict[str, Any]:
    """The entry of a package for another system; name ends in `-SYSTEM-PROCESSOR`."""
    _, system, processor = name.rsplit("-", 2)
    return {
        "version": version,
        "cpu": [PROCESSORS[processor]],
        "dev": True,
        "optional": True,
        "os": [system],
    }
