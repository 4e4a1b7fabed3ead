"""Runs tests on the artifacts of another folder: `python -m tests.contracts.mutants.run FOLDER TEST ...`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from contracts import artifacts


def main(folder: str, *tests: str) -> int:
    """Exit code of pytest: 0 where every test passed."""
    artifacts.FOLDER = Path(folder)
    options = ["-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
    return int(pytest.main([*options, *tests]))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
