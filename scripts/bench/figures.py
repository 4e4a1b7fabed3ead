"""A measurement and how it is told."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import quantiles


@dataclass
class Measure:
    """Operations of one kind: how many, how long together, what each took.

    CPU time is this process's, all threads; it says more than elapsed time where others share the machine.
    """

    name: str
    each: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the whole run."""
        elapsed, cpu = time.perf_counter(), time.process_time()
        yield
        self.elapsed, self.cpu = time.perf_counter() - elapsed, time.process_time() - cpu

    @contextmanager
    def one(self) -> Iterator[None]:
        """Time one operation."""
        begun = time.perf_counter()
        yield
        self.each.append(time.perf_counter() - begun)

    def percentile(self, share: int) -> float:
        """The time, in seconds, within which this share of a hundred operations finished."""
        return (
            quantiles(self.each, n=100, method="inclusive")[share - 1] if len(self.each) > 1 else self.each[0]
        )

    def told(self) -> str:
        """One line for people."""
        count = len(self.each)
        return (
            f"{self.name:<44} {count:>6} in {self.elapsed:6.2f} s  {count / self.elapsed:>8.0f}/s  "
            f"CPU {self.cpu / count * 1e3:7.3f} ms  p50 {self.percentile(50) * 1e3:8.2f}  "
            f"p99 {self.percentile(99) * 1e3:8.2f} ms"
        )

    def as_json(self) -> dict[str, object]:
        """The same for programs, times in milliseconds."""
        return {
            "name": self.name,
            "operations": len(self.each),
            "per_second": round(len(self.each) / self.elapsed, 1),
            "cpu_ms": round(self.cpu / len(self.each) * 1e3, 4),
            "p50_ms": round(self.percentile(50) * 1e3, 3),
            "p99_ms": round(self.percentile(99) * 1e3, 3),
        }
