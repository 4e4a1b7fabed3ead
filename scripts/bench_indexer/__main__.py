"""Command line: `run.py bench-indexer [--pairs N] [--small] [--postgres URL] [--json FILE]`."""

import argparse
import asyncio
import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from scripts.bench_indexer import measures
from scripts.bench_indexer.chain import DENSE, SPARSE, BenchChain, Load, bench_chain
from scripts.bench_indexer.contestants import Contestant, Ours, Ponder
from scripts.bench_indexer.table import as_json, as_table

Figures = dict[str, dict[str, list[float]]]
SERVER = "postgresql://postgres@127.0.0.1:5432"
SMALL = (Load("dense", 60, 50), Load("sparse", 120, 8))


async def run(options: argparse.Namespace) -> Figures:
    """All measures, the contestants in turns; figures by measure and contestant."""
    figures: Figures = defaultdict(lambda: defaultdict(list))
    ponder = Ponder(options.ponder)
    await ponder.install()
    dense, sparse = SMALL if options.small else (DENSE, SPARSE)
    with tempfile.TemporaryDirectory(prefix="emporion-bench-") as folder:
        home = Path(folder)
        for name in ("dense", "sparse"):
            (home / name).mkdir()
        async with bench_chain(home / "dense", dense) as chain:
            for pair in range(options.pairs):
                for contestant in (Ours(), ponder):
                    await _dense(contestant, chain, home / f"{pair}-{contestant.name}", options, figures)
            _take(figures, "ours", {"reindex_wall": await measures.reindexing(chain, home / "again")})
        async with bench_chain(home / "sparse", sparse) as chain:
            for pair in range(options.pairs):
                for contestant in (Ours(), ponder):
                    await _sparse(contestant, chain, home / f"{pair}-s-{contestant.name}", options, figures)
    return figures


async def _dense(
    contestant: Contestant, chain: BenchChain, home: Path, options: argparse.Namespace, figures: Figures
) -> None:
    found = await measures.backfill(contestant, chain, home, options.postgres)
    _take(figures, contestant.name, found)
    _take(figures, contestant.name, await measures.live(contestant, chain, home, options.postgres))
    count = await measures.requests(contestant, chain, home, options.postgres)
    _take(figures, contestant.name, {"rpc_dense": count})


async def _sparse(
    contestant: Contestant, chain: BenchChain, home: Path, options: argparse.Namespace, figures: Figures
) -> None:
    found = await measures.backfill(contestant, chain, home, options.postgres)
    sparse = {"sparse_wall": found["cold_wall_postgres"], "sparse_cpu": found["cold_cpu"]}
    sparse["rpc_sparse"] = await measures.requests(contestant, chain, home, options.postgres)
    _take(figures, contestant.name, sparse)


def _take(figures: Figures, name: str, found: Mapping[str, float]) -> None:
    for measure, value in found.items():
        figures[measure][name].append(value)
        print(f"{measure:<20} {name:<7} {value:10.2f}", flush=True)


def main() -> None:
    """Read the arguments, run, print the table."""
    parser = argparse.ArgumentParser(prog="run.py bench-indexer", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="how often each is run, in turns")
    parser.add_argument("--small", action="store_true", help="a load of a few thousand events, to try it out")
    parser.add_argument(
        "--postgres", default="postgresql://postgres@127.0.0.1:5432", help="server, no database"
    )
    parser.add_argument("--ponder", type=Path, default=Path(tempfile.gettempdir()) / "emporion-ponder")
    parser.add_argument("--json", type=Path, help="also write the figures to this file, under `indexer`")
    options = parser.parse_args()
    figures = asyncio.run(run(options))
    middle = {m: {name: statistics.median(v) for name, v in found.items()} for m, found in figures.items()}
    print(as_table(middle))
    if options.json:
        known = json.loads(options.json.read_text()) if options.json.exists() else {}
        options.json.write_text(json.dumps({**known, "indexer": as_json(middle)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
