"""Runs Halmos: a purchase's money for all amounts at once (`conservation`), and how divisions round (`all`).

python -m scripts.halmos [conservation | all]

Bounds are the types of the parameters of each check in `contracts/forge/halmos`: prices of 96 bits and units
of 64 for conservation; 8 to 32 bits where a division is in the way, which the solver expands bit by bit.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.campaigns import ROOT, CampaignError, forge, forge_program

SELECTED = {"conservation": "^MoneyCheck$", "all": "Check$"}
CHECKS = {"conservation": 3, "all": 6}
TIMEOUT_MS = 300_000
# Halmos 0.3.0 pops a live display that newer versions of `rich` do not keep.
LAUNCH = """
from rich.console import Console
Console.clear_live = lambda console: None
from halmos.__main__ import main
main()
"""


def passed_in(output: str) -> list[str]:
    """Checks that hold within their bounds; one that timed out is none of them."""
    return re.findall(r"\[PASS\]\S* (check_\w+)\(", re.sub(r"\x1b\[\d*m", "", output))


def run(selection: str) -> tuple[list[str], str]:
    """The checks that passed, and what was printed. Raises CampaignError where the sources do not compile."""
    forge(["build", "--ast", "--extra-output", "storageLayout", "metadata"], profile="analysis")
    # It starts forge and the solver by their names.
    folders = (forge_program().parent, Path(sys.executable).parent, os.environ.get("PATH", ""))
    options = ["--root", ".", "--forge-build-out", ".forge/analysis/out", "--solver", "z3"]
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH, *options, "--match-contract", SELECTED[selection],
         "--solver-timeout-assertion", str(TIMEOUT_MS)],
        cwd=ROOT,
        env={**os.environ, "PATH": os.pathsep.join(map(str, folders)), "FOUNDRY_PROFILE": "analysis"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    return passed_in(done.stdout), done.stdout + done.stderr


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; exit code 1 where a check fails, times out or is missing."""
    parser = argparse.ArgumentParser(prog="python -m scripts.halmos", description="Prove within bounds.")
    parser.add_argument("selection", nargs="?", choices=tuple(SELECTED), default="all")
    selection = parser.parse_args(arguments).selection
    try:
        passed, output = run(selection)
    except CampaignError as error:
        print(error, file=sys.stderr)
        return 1
    print(output)
    print(f"halmos: {len(passed)} of {CHECKS[selection]} checks hold within their bounds")
    return 0 if len(passed) == CHECKS[selection] else 1


if __name__ == "__main__":
    raise SystemExit(main())
