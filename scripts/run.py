"""Run a developer target: `python scripts/run.py TARGET [arguments]`; `help` lists them.

Sets the project up first (environment, locked packages, Solidity toolchain), which costs nothing the second
time. Uses the standard library only, and stays readable to Python 3.6 so that they can be told what to do.
"""

import os
import shutil
import sys

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120


def with_newer_python() -> None:
    """Start again under a newer Python of this machine, or name what is missing and leave with status 1."""
    for name in ("python3.13", "python3.12", "python3.11", "python3.14"):
        found = shutil.which(name)
        if found:
            os.execv(found, [found, os.path.abspath(__file__), *sys.argv[1:]])  # noqa: PTH100, S606
    sys.stderr.write(
        f"Emporion needs Python 3.11 or newer; this one is {sys.version_info[0]}.{sys.version_info[1]} "
        f"({sys.executable}).\n"
        "Install one (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python;\n"
        "Windows: winget install Python.Python.3.13), then run it again\n"
    )
    raise SystemExit(1)


if __name__ == "__main__":
    if sys.version_info[:2] < OLDEST:
        with_newer_python()
    sys.path[0] = ROOT
    from scripts.targets import main

    raise SystemExit(main(sys.argv[1:]))
