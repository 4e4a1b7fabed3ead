"""What the demo says: a line a hop, and the report as JSON."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from backend.core.errors import EmporionError

Figures = dict[str, Any]


class HopFailed(EmporionError):
    """A hop came out otherwise than it must; says what was expected and what was found."""

    code = "hop_failed"


@dataclass(slots=True)
class Hop:
    """One hop: whether it came out right, how long it took, what it found."""

    name: str
    ok: bool
    seconds: float
    figures: Figures


@dataclass(slots=True)
class Report:
    """All hops so far."""

    hops: list[Hop] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @property
    def ok(self) -> bool:
        """Whether every hop came out right."""
        return bool(self.hops) and all(hop.ok for hop in self.hops)

    def to_json(self) -> dict[str, Any]:
        """`{"ok", "seconds", "hops": [{"name", "ok", "seconds", "figures"}]}`."""
        seconds = round(time.monotonic() - self.started, 2)
        return {"ok": self.ok, "seconds": seconds, "hops": [asdict(hop) for hop in self.hops]}

    def write(self, path: Path) -> None:
        """Write the report."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_json(), indent=2, default=str) + "\n", encoding="utf-8")


class Stage:
    """Runs hops, prints their lines and keeps the report."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.report = Report()
        self._say = say

    async def hop(self, name: str, work: Callable[[], Awaitable[Figures]]) -> None:
        """Run one hop. Raises what the work raised, after noting it."""
        start = time.monotonic()
        try:
            figures = await work()
        except BaseException as error:
            self._note(name, False, start, {"error": str(error) or type(error).__name__})
            raise
        self._note(name, True, start, figures)

    def _note(self, name: str, ok: bool, start: float, figures: Figures) -> None:
        hop = Hop(name, ok, round(time.monotonic() - start, 2), figures)
        self.report.hops.append(hop)
        told = "  ".join(f"{key}={value}" for key, value in figures.items())
        self._say(f"{'ok  ' if ok else 'FAIL'} {name:<22} {hop.seconds:6.2f} s  {told}")


def require(truth: bool, expected: str, **found: Any) -> None:
    """Raises HopFailed with what was found unless the truth holds."""
    if not truth:
        told = ", ".join(f"{name}={value}" for name, value in found.items())
        raise HopFailed(f"expected {expected}; found {told}", **{name: str(v) for name, v in found.items()})
