"""Command line of the benchmarks: `run.py bench [--json FILE] [NAME ...]`."""

import argparse
import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from scripts.bench import meter, model
from scripts.bench.figures import Measure

BENCHMARKS: dict[str, Callable[[Path], AsyncIterator[Measure]]] = {
    "meter": meter.measure,
    "model": model.measure,
}


async def run(names: list[str]) -> list[Measure]:
    """Run the named benchmarks, each in a folder of its own, and print each figure when it is there."""
    measures = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="emporion-bench-") as home:
            async for found in BENCHMARKS[name](Path(home)):
                print(found.told(), flush=True)
                measures.append(found)
    return measures


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all if none")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    measures = asyncio.run(run(arguments.names or list(BENCHMARKS)))
    if arguments.json:
        arguments.json.write_text(json.dumps([found.as_json() for found in measures], indent=2) + "\n")


if __name__ == "__main__":
    main()
