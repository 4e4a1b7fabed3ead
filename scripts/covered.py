"""What share of each package's lines and branches the last `run.py coverage` came by."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coverage import Coverage

COUNTS = ("covered_lines", "num_statements", "covered_branches", "num_branches")


def package(path: str) -> str:
    """The package of a file: `backend/meter/service.py` is of `backend.meter`."""
    parts = Path(path).with_suffix("").parts
    return ".".join(parts[:2]) if parts[0] == "backend" and len(parts) > 2 else parts[0]


def totals(files: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Counts by package, sorted, and over all as `total`; takes `files` of coverage's JSON report."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for path, entry in files.items():
        for name in (package(path), "total"):
            for count in COUNTS:
                sums[name][count] += entry["summary"][count]
    return {name: sums[name] for name in sorted(sums, key=lambda name: (name == "total", name))}


def lines(sums: Mapping[str, Mapping[str, int]]) -> list[str]:
    """One line a package: how many lines and branches there are, and the percentage of both together."""
    shown = [f"{'package':<24}{'lines':>8}{'branches':>10}{'covered':>9}"]
    for name, counts in sums.items():
        there = counts["num_statements"] + counts["num_branches"]
        hit = counts["covered_lines"] + counts["covered_branches"]
        share = f"{1000 * hit // there / 10:.1f} %" if there else "-"
        shown.append(f"{name:<24}{counts['num_statements']:>8}{counts['num_branches']:>10}{share:>9}")
    return shown


def main() -> None:
    """Print the table of the data in `.coverage`."""
    measured = Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        measured.json_report(outfile=str(report))
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    print("\n".join(lines(totals(files))))


if __name__ == "__main__":
    main()
