"""The figures as people and as programs read them."""

import os
import statistics
from collections.abc import Mapping, Sequence
from typing import Final

Runs = Mapping[str, Mapping[str, list[float]]]
"""Every run's figure by measure and contestant."""

MEASURES: Final = {
    "cold_wall_postgres": "cold backfill into PostgreSQL, seconds from start to readable rows",
    "cold_wall_sqlite": "the same into SQLite (Ponder: PostgreSQL)",
    "cold_cpu": "CPU seconds of the backfill into PostgreSQL, the database's own left out",
    "cold_cpu_sqlite": "CPU seconds of the backfill into SQLite, the database's own in it",
    "rss_mb": "largest resident memory of the backfill, MB",
    "rpc_dense": "HTTP requests of the backfill",
    "sparse_wall": "sparse backfill into PostgreSQL, seconds",
    "sparse_cpu": "its CPU seconds",
    "rpc_sparse": "its HTTP requests",
    "live_p50_ms": "mined block to visible row by WebSocket, p50, ms",
    "live_p95_ms": "the same, p95",
    "poll_p50_ms": "by polling every 100 ms, p50, ms",
    "poll_p95_ms": "the same, p95",
    "reorg_1_ms": "fork of 1 block to right tables, ms",
    "reorg_3_ms": "of 3 blocks",
    "reorg_8_ms": "of 8 blocks",
    "reorg_20_ms": "of 20 blocks",
    "restart_s": "`kill -9`, start, serving again (ours: a new block's row; Ponder: `/ready`), seconds",
    "reindex_wall": "all rows again from what is kept, seconds, the start of the program in it",
    "million_wall": "1,000,000 transfers into PostgreSQL, seconds",
    "million_cpu": "its CPU seconds",
    "million_rss_mb": "its largest resident memory, MB",
}
"""What each figure is, in the order of the table."""
HEAD: Final = """## Indexer, beside Ponder 0.16.10

`make bench-indexer` runs both as processes on the same anvil chain, in turns, {pairs} pairs. Dense is
{dense}, sparse {sparse} (ERC-1155). Both keep transfers and
balances; after live blocks and forks the balances must be the token's. Medians, in brackets the least
and the most; the ratio is Ponder's median by ours. {processors} cores, shared with anvil, PostgreSQL and the
reader; load of the machine {load}.
"""


def as_json(runs: Runs) -> dict[str, dict[str, float | None]]:
    """`{"measure": {"ours", "ponder", "ratio"}}`, of medians; ratio = ponder / ours, or None."""
    return {measure: _row(runs[measure]) for measure in _in_order(runs)}


def _in_order(runs: Runs) -> list[str]:
    return sorted(runs, key=lambda measure: list(MEASURES).index(measure))


def _row(found: Mapping[str, list[float]]) -> dict[str, float | None]:
    middle = {name: statistics.median(values) for name, values in found.items()}
    ours, ponder = middle.get("ours"), middle.get("ponder")
    ratio = round(ponder / ours, 2) if ours and ponder else None
    return {"ours": _short(ours), "ponder": _short(ponder), "ratio": ratio}


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def as_table(runs: Runs) -> str:
    """Markdown: a line a measure."""
    lines = ["| measure | ours | Ponder | ratio |", "|---|---|---|---|"]
    for measure, row in as_json(runs).items():
        cells = [_told(runs[measure].get(name, [])) for name in ("ours", "ponder")]
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:,.1f}"
        lines.append(f"| {MEASURES[measure]} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines)


def _told(values: list[float]) -> str:
    if not values:
        return "-"
    if min(values) == max(values):
        return _figure(values[0])
    return f"{_figure(statistics.median(values))} ({_figure(min(values))}–{_figure(max(values))})"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def as_section(runs: Runs, pairs: int, loads: Sequence[str], load: Sequence[float]) -> str:
    """The section of docs/benchmarks.md: what was done, and the table."""
    least, most = (f"{pick(load):.1f}" for pick in (min, max))
    told = {"pairs": pairs, "dense": loads[0], "sparse": loads[1], "load": f"{least} to {most}"}
    return f"{HEAD.format(processors=os.cpu_count(), **told)}\n{as_table(runs)}\n"
