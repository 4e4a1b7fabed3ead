"""Command line: `run.py bench-indexer [--pairs N] [--small] [--postgres URL] [--json FILE]`."""

import argparse
import asyncio
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from scripts import benchmarks_file
from scripts.bench_indexer import measures
from scripts.bench_indexer.chain import DENSE, MILLION, SPARSE, BenchChain, Load, bench_chain
from scripts.bench_indexer.contestants import Contestant, Ours, Ponder
from scripts.bench_indexer.measures import Figures
from scripts.bench_indexer.table import as_json, as_section, as_table

SMALL: Final = (Load("dense", 60, 50), Load("sparse", 120, 8), Load("million", 60, 100))
Measure = Callable[[Contestant, BenchChain, Path, str], Awaitable[Figures]]


class Bench:
    """The contestants in turns, and every figure they gave."""

    def __init__(self, options: argparse.Namespace, home: Path) -> None:
        self.runs: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.load: list[float] = []
        self._options = options
        self._home = home
        self._contestants: list[Contestant] = [Ours(), Ponder(options.ponder)]

    async def run(self, dense: Load, sparse: Load, million: Load) -> None:
        """All measures on all loads; what is seldom new is taken with the first pair alone."""
        await Ponder(self._options.ponder).install()
        (self._home / "sparse").mkdir()
        async with (
            bench_chain(self._home, dense) as full,
            bench_chain(self._home / "sparse", sparse) as thin,
        ):
            for pair in range(self._options.pairs):
                await self._pair(full, pair, measures.dense)
                await self._pair(thin, pair, measures.sparse if pair else measures.sparse_counted)
                if not pair:
                    await self._pair(full, pair, measures.polled)
                self._keep()
        async with bench_chain(self._home, million) as chain:
            self._take("ours", await measures.memory(chain, self._home, self._options.postgres))
        self._keep()

    def _keep(self) -> None:
        """Write what there is so far."""
        if self._options.json:
            text = json.dumps({"runs": self.runs, "load": self.load}, indent=2)
            self._options.json.write_text(text + "\n")

    async def _pair(self, chain: BenchChain, pair: int, measure: Measure) -> None:
        for contestant in self._contestants:
            home = self._home / f"{measure.__name__}-{pair}-{contestant.name}"
            self._take(contestant.name, await measure(contestant, chain, home, self._options.postgres))

    def _take(self, name: str, found: Figures) -> None:
        self.load.append(os.getloadavg()[0])
        for measure, value in found.items():
            self.runs[measure][name].append(value)
            print(f"{measure:<20} {name:<7} {value:10.2f}  load {self.load[-1]:.1f}", flush=True)


def main() -> None:
    """Read the arguments, run, print the table; a whole run writes docs/benchmarks.md and .json."""
    parser = argparse.ArgumentParser(prog="run.py bench-indexer", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="how often each is run, in turns")
    parser.add_argument("--small", action="store_true", help="a load of a few thousand events, to try it out")
    parser.add_argument(
        "--postgres", default="postgresql://postgres@127.0.0.1:5432", help="server, no database"
    )
    parser.add_argument("--ponder", type=Path, default=Path(tempfile.gettempdir()) / "emporion-ponder")
    parser.add_argument("--json", type=Path, help="also write every run's figures to this file")
    options = parser.parse_args()
    loads = SMALL if options.small else (DENSE, SPARSE, MILLION)
    with tempfile.TemporaryDirectory(prefix="emporion-bench-") as folder:
        bench = Bench(options, Path(folder))
        asyncio.run(bench.run(*loads))
    print(as_table(bench.runs))
    if not options.small:
        told = [load.told() for load in loads[:2]]
        text = as_section(bench.runs, options.pairs, told, bench.load)
        benchmarks_file.write("indexer", text, as_json(bench.runs))


if __name__ == "__main__":
    main()
