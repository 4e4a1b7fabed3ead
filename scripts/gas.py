"""Measures gas on the real bytecode, rewrites `tests/contracts/gas.json`, and prints it beside its limits."""

from __future__ import annotations

import json
from pathlib import Path

from contracts.artifacts import load, names
from tests.contracts.gas.limits import COMPARED, LIMITS, SIZE_LIMIT
from tests.contracts.gas.scenarios import measure
from tests.contracts.protocol import deploy
from tests.contracts.stage import Stage

FILE = Path(__file__).resolve().parents[1] / "tests" / "contracts" / "gas.json"


def main() -> int:
    """Exit code 1 where a figure is over its limit."""
    before = json.loads(FILE.read_text()) if FILE.exists() else {}
    figures = measure(deploy(Stage()))
    FILE.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for key, gas in figures.items():
        limit, change = LIMITS.get(key), gas - before.get(key, gas)
        print(f"{key:<44}{gas:>9,}{f'{change:+,}' if change else '':>9}{f'< {limit:,}' if limit else '':>12}")
    for ours, peer, reason in COMPARED:
        print(f"{ours:<34}{figures[ours]:>9,}  {peer:<28}{figures[peer]:>9,}  {reason}")
    for name in names():
        if size := load(name).size:
            print(f"{name:<44}{size:>9,} bytes of {SIZE_LIMIT:,}")
    return int(any(figures[key] >= limit for key, limit in LIMITS.items()))


if __name__ == "__main__":
    raise SystemExit(main())
