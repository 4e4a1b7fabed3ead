"""Who notices a fault: first random play against the model, then the contract's own tests."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.artifacts import FOLDER, load
from scripts.mutation.compiler import Compiler, Stillborn
from scripts.mutation.faults import Fault
from tests.contracts.invariants.campaign import played
from tests.contracts.invariants.world import World
from tests.model.play import Dice

ROOT: Final = Path(__file__).resolve().parents[2]
TESTS: Final[Mapping[str, Sequence[str]]] = {
    "AccessToken": ("access_token", "attacks"),
    "UsageEscrow": ("usage_escrow", "attacks"),
    "RevenueShares": ("revenue_shares", "attacks"),
    "StakingVault": ("staking_vault",),
}
"""Folders of tests/contracts that are asked about a contract."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`outcome`: stillborn, same (the optimizer gives the same code), model, tests, or survived."""

    fault: Fault
    outcome: str
    detail: str = ""


def judged(
    fault: Fault, source: str, compiler: Compiler, plays: tuple[int, int], *, ask_tests: bool
) -> Verdict:
    """Try one fault, in `plays` of (seeds, steps); whatever a broken contract does is a verdict."""
    changed = fault.applied(source)
    try:
        quick = compiler.creation_code(fault.contract, changed, optimized=False)
    except Stillborn as error:
        return Verdict(fault, "stillborn", str(error))
    if noticed := noticed_by_model({fault.contract: quick}, *plays):
        return Verdict(fault, "model", noticed)
    code = compiler.creation_code(fault.contract, changed, optimized=True)
    if code == load(fault.contract).bytecode:
        return Verdict(fault, "same")
    if not ask_tests:
        return Verdict(fault, "survived")
    return Verdict(fault, "tests" if noticed_by_tests(fault.contract, code) else "survived")


def noticed_by_model(codes: Mapping[str, str], seeds: int, steps: int) -> str:
    """The first difference between model and bytecode in so many plays; empty where there is none."""
    try:
        world = World(codes)
        for seed in range(seeds):
            played(world, Dice(seed), steps)
    except Exception as error:  # noqa: BLE001 (a broken contract may break anything)
        return f"{type(error).__name__}: {str(error)[:200]}"
    return ""


def noticed_by_tests(contract: str, code: str) -> bool:
    """Whether one of the contract's own tests fails on this creation code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "artifacts"
        shutil.copytree(FOLDER, folder)
        record = json.loads((folder / f"{contract}.json").read_text(encoding="utf-8"))
        record["bytecode"] = code
        (folder / f"{contract}.json").write_text(json.dumps(record), encoding="utf-8")
        tests = [str(ROOT / "tests" / "contracts" / part) for part in TESTS[contract]]
        command = [sys.executable, "-m", "tests.contracts.mutants.run", str(folder), *tests]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the tests did not run: {done.stdout[-300:]}")
    return done.returncode == 1
