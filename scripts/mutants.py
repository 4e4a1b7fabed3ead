"""Breaks the contracts in every way of `tests/contracts/mutants/table.py` and checks that the tests notice.

python -m scripts.mutants [WORD]     only mutants whose name or contract holds the word
python -m scripts.mutants attacks    each attack's own test on a contract that falls to it

Each of two workers keeps its compiler, which loads and warms up once.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import TypeVar

from contracts.artifacts import FOLDER
from contracts.compile import CompileError, Solc, compile_unit, find_compiler, pinned_version, render
from scripts.mutation.compiler import Compiler
from tests.contracts.mutants.attacks import ATTACKS, Attack
from tests.contracts.mutants.mutant import places
from tests.contracts.mutants.table import MUTANTS, Mutant

One = TypeVar("One")
ROOT = Path(__file__).resolve().parents[1]


def main(word: str = "") -> int:
    """Exit code 1 where a mutant survived or could not be made."""
    if word == "attacks":
        return _attacks()
    chosen = [m for m in MUTANTS if word in m.name or word in m.contract]
    verdicts = _each(_try, chosen)
    killed = verdicts.count("killed")
    print(f"{len(chosen)} mutants, {killed} killed, {len(chosen) - killed} not")
    return int(killed != len(chosen))


def _each(judge: Callable[[One, Solc], str], ones: Iterable[One]) -> list[str]:
    compilers: Queue[Compiler] = Queue()

    def judged(one: One) -> str:
        compiler = compilers.get()
        try:
            return judge(one, compiler.answered)
        finally:
            compilers.put(compiler)

    with Compiler() as first, Compiler() as second, ThreadPoolExecutor(max_workers=2) as pool:
        compilers.put(first)
        compilers.put(second)
        return list(pool.map(judged, ones))


def _try(mutant: Mutant, solc: Solc) -> str:
    verdict = _verdict(mutant, solc)
    print(f"{verdict:<10}{mutant.contract:<17}{mutant.name}", flush=True)
    return verdict


def _attacks() -> int:
    verdicts = _each(_try_attack, ATTACKS)
    killed = verdicts.count("killed")
    print(f"{len(ATTACKS)} attacks, {killed} noticed, {len(ATTACKS) - killed} not")
    return int(killed != len(ATTACKS))


def _try_attack(attack: Attack, solc: Solc) -> str:
    verdict = noticed(attack, solc)
    print(f"{verdict:<10}{attack.name}", flush=True)
    return verdict


def noticed(attack: Attack, solc: Path | Solc | None = None) -> str:
    """The verdict of an attack's test on the contract its fault is in."""
    fault = next(mutant for mutant in MUTANTS if mutant.name == attack.fault)
    return _verdict(fault, solc or find_compiler(pinned_version()), attack.test)


def _verdict(mutant: Mutant, solc: Path | Solc, tests: str = "") -> str:
    unit = f"src/{mutant.contract}.sol"
    changed = places(mutant)
    if len(changed) != 1:
        return "STALE"
    try:
        records = compile_unit(unit, solc, pinned_version(), changed)
    except CompileError as error:
        return f"INVALID {error}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "artifacts"
        shutil.copytree(FOLDER, folder)
        for path, record in records.items():
            (folder / path).write_text(render(record), encoding="utf-8")
        return _run(folder, f"tests/contracts/{tests or mutant.tests}")


def _run(folder: Path, tests: str) -> str:
    command = [sys.executable, "-m", "tests.contracts.mutants.run", str(folder), tests]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return {0: "SURVIVED", 1: "killed"}.get(done.returncode, f"FAILED {done.stdout[-300:]}")


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
