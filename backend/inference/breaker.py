"""When to leave a failing upstream alone, and in which order to try those that are well. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FAILURES_TO_OPEN: Final = 3
FIRST_REST: Final = 2.0
LONGEST_REST: Final = 60.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """State of one upstream: failures in a row, and until when (monotonic seconds) it is left alone.

    After the rest one request may try it; the others wait for its verdict.
    """

    failures: int = 0
    rests_until: float = 0.0

    def admits(self, now: float) -> bool:
        """Whether a request may be sent."""
        return now >= self.rests_until

    @property
    def opened(self) -> bool:
        """Whether it failed so often that a request to it is a trial."""
        return self.failures >= FAILURES_TO_OPEN

    def trying(self, now: float) -> "Breaker":
        """A request is being sent; where it is the one after a rest, the rest goes on for the others."""
        return Breaker(self.failures, now + _rest(self.failures)) if self.opened else self

    def undecided(self, now: float) -> "Breaker":
        """The trial's request was refused for its own sake, which says nothing: the next one tries."""
        return Breaker(self.failures, now)

    def failed(self, now: float) -> "Breaker":
        """One more failure in a row; from the third on each rest is twice the last."""
        failures = self.failures + 1
        return Breaker(failures, now + _rest(failures) if failures >= FAILURES_TO_OPEN else 0.0)


CLOSED: Final = Breaker()
"""After a success."""


def _rest(failures: int) -> float:
    return min(FIRST_REST * 2.0 ** min(failures - FAILURES_TO_OPEN, 10), LONGEST_REST)


def order(weights: Sequence[int], rolls: Sequence[float]) -> list[int]:
    """Indexes in random order, each first with a chance in proportion to its weight.

    `rolls` are uniform in (0, 1], one each (Efraimidis and Spirakis, "Weighted random sampling", 2006).
    """
    keys = [-math.log(roll) / weight for weight, roll in zip(weights, rolls, strict=True)]
    return sorted(range(len(keys)), key=keys.__getitem__)
