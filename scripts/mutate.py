"""Puts faults into the money paths of the contracts, one at a time, and counts how many the tests notice.

    python -m scripts.mutate [--sample 60] [--seed 1] [--contract NAME] [--seeds 8] [--steps 100]
        [--model-only] [--json FILE]

A fault is a flipped comparison, plus for minus, a dropped statement, an off by one, another rounding. Each is
compiled alone and put first to random play against the model (`tests/model`), then to the contract's tests.
`scripts/mutants.py` does the same with faults written by hand, each for a test that must notice it.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
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
    counts = Counter(verdict.outcome for verdict in verdicts)
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())))
    if options.json:
        records = [{**asdict(v.fault), "outcome": v.outcome, "detail": v.detail} for v in verdicts]
        options.json.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    return int(counts["survived"] > 0)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.mutate", description="Mutation testing.")
    parser.add_argument("--sample", type=int, default=60, help="faults that compile, evenly over contracts")
    parser.add_argument("--seed", type=int, default=1, help="which faults")
    parser.add_argument("--contract", choices=sorted(FUNCTIONS), help="of one contract only")
    parser.add_argument("--seeds", type=int, default=8, help="random plays for each fault")
    parser.add_argument("--steps", type=int, default=100, help="transactions of a play")
    parser.add_argument("--model-only", action="store_true", help="ask the model, not the tests")
    parser.add_argument("--json", type=Path, help="file for the verdicts")
    return parser.parse_args(arguments)


def _judged(options: argparse.Namespace, compiler: Compiler) -> Iterator[Verdict]:
    chosen = [options.contract] if options.contract else list(FUNCTIONS)
    for contract in chosen:
        source = sources.closure(f"src/{contract}.sol")[f"src/{contract}.sol"]
        waiting, wanted = _shuffled(contract, source, options.seed), options.sample // len(chosen)
        while waiting and wanted:
            plays = (options.seeds, options.steps)
            ask_tests = not options.model_only
            verdict = judged(waiting.pop(), source, compiler, plays, ask_tests=ask_tests)
            wanted -= verdict.outcome != "stillborn"
            yield verdict


def _shuffled(contract: str, source: str, seed: int) -> list[Fault]:
    found = faults(contract, source)
    Random(f"{contract} {seed}").shuffle(found)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
