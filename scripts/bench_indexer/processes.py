"""What a process and its children cost: CPU seconds and resident memory, from /proc."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds so far, and the largest resident memory seen (MB)."""

    cpu: float
    rss: float


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            parents.setdefault(int(stat[1]), []).append(int(entry.name))
    found, rest = [], [root]
    while rest:
        found.append(rest[-1])
        rest += parents.get(rest.pop(), [])
    return found


def cost(root: int) -> Cost:
    """The cost of a process and its children; those that ended count in their parent's."""
    stats = [stat for pid in tree(root) if (stat := _stat(pid))]
    cpu = sum(sum(int(stat[field]) for field in (11, 12, 13, 14)) for stat in stats) / _TICK
    return Cost(cpu, sum(_peak(pid) for pid in tree(root)))


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty when it is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _peak(pid: int) -> float:
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
