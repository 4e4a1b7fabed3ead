"""Puts faults into the money paths of the contracts, one at a time, and counts how many the tests notice.

    python -m scripts.mutate [--sample 60] [--seed 1] [--contract NAME] [--seeds 8] [--steps 100]
        [--model-only] [--json FILE] [--again FILE]

A fault is a flipped comparison, plus for minus, a dropped statement, an off by one, another rounding. Each is
compiled alone and put first to random play against the model (`tests/model`), then to the contract's tests.
`scripts/mutants.py` does the same with faults written by hand, each for a test that must notice it.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from random import Random

from contracts import sources
from scripts.mutation.compiler import Compiler
from scripts.mutation.faults import FUNCTIONS, Fault, faults
from scripts.mutation.verdict import Verdict, judged


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 where a fault survived."""
    options = _options(arguments)
    verdicts = []
    with Compiler() as compiler:
        for verdict in _judged(options, compiler):
            print(f"{verdict.outcome:<10}{verdict.fault}  {verdict.detail[:100]}", flush=True)
            verdicts.append(verdict)
            if options.json:
                _write(options.json, verdicts)
    counts = Counter(verdict.outcome for verdict in verdicts)
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())))
    return int(counts["survived"] > 0)


def _write(file: Path, verdicts: Sequence[Verdict]) -> None:
    """After each verdict, so that a run that is stopped leaves what it found."""
    records = [{**asdict(v.fault), "outcome": v.outcome, "detail": v.detail} for v in verdicts]
    file.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.mutate", description="Mutation testing.")
    parser.add_argument("--sample", type=int, default=60, help="faults that compile, evenly over contracts")
    parser.add_argument("--seed", type=int, default=1, help="which faults")
    parser.add_argument("--contract", choices=sorted(FUNCTIONS), help="of one contract only")
    parser.add_argument("--seeds", type=int, default=8, help="random plays for each fault")
    parser.add_argument("--steps", type=int, default=100, help="transactions of a play")
    parser.add_argument("--model-only", action="store_true", help="ask the model, not the tests")
    parser.add_argument("--json", type=Path, help="file for the verdicts")
    parser.add_argument("--again", type=Path, help="only what survived a run, whose --json this is")
    return parser.parse_args(arguments)


def _judged(options: argparse.Namespace, compiler: Compiler) -> Iterator[Verdict]:
    plays, ask_tests = (options.seeds, options.steps), not options.model_only
    if options.again:
        for fault in _survivors(options.again):
            yield judged(fault, _source(fault.contract), compiler, plays, ask_tests=ask_tests)
        return
    chosen = [options.contract] if options.contract else list(FUNCTIONS)
    waiting = {contract: _shuffled(contract, _source(contract), options.seed) for contract in chosen}
    wanted = dict.fromkeys(chosen, options.sample // len(chosen))
    # By turns, so that a run that is stopped has tried as many of each.
    while rest := [contract for contract in chosen if waiting[contract] and wanted[contract]]:
        for contract in rest:
            fault = waiting[contract].pop()
            verdict = judged(fault, _source(contract), compiler, plays, ask_tests=ask_tests)
            wanted[contract] -= verdict.outcome != "stillborn"
            yield verdict


def _source(contract: str) -> str:
    return sources.closure(f"src/{contract}.sol")[f"src/{contract}.sol"]


def _survivors(file: Path) -> list[Fault]:
    records = json.loads(file.read_text(encoding="utf-8"))
    names = [field.name for field in fields(Fault)]
    return [Fault(**{n: r[n] for n in names}) for r in records if r["outcome"] == "survived"]


def _shuffled(contract: str, source: str, seed: int) -> list[Fault]:
    found = faults(contract, source)
    Random(f"{contract} {seed}").shuffle(found)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
