"""Which blocks to ask for next. Pure: numbers in, a range out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from backend.core.errors import NodeError

FIRST_WIDTH: Final = 2_000
LARGEST_WIDTH: Final = 100_000
GROWTH: Final = 2
GROW_AFTER: Final = 3
"""Answers in a row before a wider range is tried."""
WANTED_LOGS: Final = 8_000
"""Logs a step should hold: enough to spread its cost, few enough for its memory."""
FIRST_BLOCKS: Final = 16
"""Full blocks have some 500 transfers: a first step of no more than is wanted, whatever the chain."""
STEP_GROWTH: Final = 4


@dataclass(frozen=True, slots=True)
class Range:
    """Blocks first..last, both included."""

    first: int
    last: int

    @property
    def width(self) -> int:
        """How many blocks."""
        return self.last - self.first + 1


def next_range(head: int, tip: int, width: int) -> Range | None:
    """The blocks after `head`, at most `width` of them and none above `tip`; None when there are none."""
    return Range(head + 1, min(tip, head + width)) if tip > head else None


def halves(wanted: Range) -> tuple[Range, Range]:
    """The range in two."""
    middle = (wanted.first + wanted.last) // 2
    return Range(wanted.first, middle), Range(middle + 1, wanted.last)


def split(wanted: Range, at: int) -> tuple[Range, Range]:
    """Blocks up to `at`, and after: each may be empty (last < first)."""
    cut = min(max(at, wanted.first - 1), wanted.last)
    return Range(wanted.first, cut), Range(cut + 1, wanted.last)


def pieces(wanted: Range, width: int) -> Iterator[Range]:
    """The range in pieces of at most `width`."""
    for first in range(wanted.first, wanted.last + 1, width):
        yield Range(first, min(first + width - 1, wanted.last))


class Width:
    """How many blocks an endpoint answers at once, learned from its answers."""

    def __init__(self, first: int = FIRST_WIDTH, largest: int = LARGEST_WIDTH) -> None:
        self.blocks = first
        self._largest = largest
        self._good = 0

    def answered(self, asked: Range) -> None:
        """An answer came; after a few at full width, try wider."""
        if asked.width < self.blocks:
            return
        self._good += 1
        if self._good >= GROW_AFTER:
            self.blocks = min(self.blocks * GROWTH, self._largest)
            self._good = 0

    def refused(self, asked: Range, suggested: tuple[int, int] | None) -> None:
        """Too much at once: take the node's suggestion if it is narrower than what was asked, else halve.

        Raises NodeError when a single block is refused: no range is left to shrink.
        """
        self._good = 0
        if asked.width == 1:
            raise NodeError(f"the node refuses the logs of the single block {asked.first}; use another node")
        self.blocks = max(1, asked.width // 2)
        if suggested is not None and 0 < (fits := suggested[1] - suggested[0] + 1) < asked.width:
            self.blocks = fits


class StepSize:
    """Blocks a step takes, learned from how many logs they hold."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.blocks = min(FIRST_BLOCKS, most)

    def learn(self, blocks: int, logs: int) -> None:
        """Take what a range held as what the next ones will hold."""
        fitting = WANTED_LOGS * blocks // logs if logs else self._most
        self.blocks = max(1, min(fitting, self.blocks * STEP_GROWTH, self._most))
