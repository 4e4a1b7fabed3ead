"""Command line of the benchmarks: `run.py bench [--rounds N] [--small] [--json FILE] [NAME ...]`.

`gateway`, what runs where nothing is named, is measured beside others and writes docs/benchmarks.md and
docs/benchmarks.json; the parts are measured alone.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from scripts import benchmarks_file
from scripts.bench import gateway, meter, model, report
from scripts.bench.figures import Measure

GATEWAY: Final = "gateway"
PARTS: dict[str, Callable[[Path], AsyncIterator[Measure]]] = {
    "meter": meter.measure,
    "model": model.measure,
}


async def run(names: list[str]) -> list[Measure]:
    """Measure the named parts, each in a folder of its own, and print each figure when it is there."""
    measures = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="emporion-bench-") as home:
            async for found in PARTS[name](Path(home)):
                print(found.told(), flush=True)
                measures.append(found)
    return measures


def beside_others(rounds: int, small: bool) -> None:
    """Measure the gateway, print the table, write the page; a small run writes nothing."""
    found = asyncio.run(gateway.measure(rounds, 10 if small else 1))
    print(f"{report.table(found)}\n\n{report.details(found)}", flush=True)
    if not small:
        benchmarks_file.write(GATEWAY, report.page(found), report.figures(found))


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    known = (GATEWAY, *PARTS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; {GATEWAY} if none")
    parser.add_argument("--rounds", type=int, default=gateway.LEAST_ROUNDS, help="of the gateway, in turns")
    parser.add_argument("--small", action="store_true", help="fewer requests, to try it out; writes nothing")
    parser.add_argument("--json", type=Path, help="also write the parts' figures to this file")
    arguments = parser.parse_args()
    names = arguments.names or [GATEWAY]
    unknown = set(names) - set(known)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if GATEWAY in names:
        beside_others(max(arguments.rounds, 1), arguments.small)
    measures = asyncio.run(run([name for name in names if name in PARTS]))
    if arguments.json:
        arguments.json.write_text(json.dumps([found.as_json() for found in measures], indent=2) + "\n")


if __name__ == "__main__":
    main()
