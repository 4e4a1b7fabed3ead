"""How far a long run is: a bar in a terminal, elsewhere a line every so many done or seconds."""

import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

EVERY_DONE: Final = 25
EVERY_SECONDS: Final = 30.0
WIDTH: Final = 30
_CLEAR: Final = "\r\x1b[2K"


class Course:
    """Counts what is done and failed of a whole, and says so; to standard error unless told otherwise."""

    def __init__(
        self, what: str, whole: int, out: TextIO | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._whole = what, whole
        self._out = out or sys.stderr
        self._draws = self._out.isatty()
        self._now = now
        self._began = self._said_at = now()
        self._done = self._failed = self._said = 0

    def count(self, failure: str = "") -> None:
        """One more is done; where it failed, a line says how."""
        self._done += 1
        if failure:
            self._failed += 1
            self._line(failure)
        if self._draws:
            self._write(f"{_CLEAR}{self._bar()} {self.told()}")
        elif self._is_due():
            self._said, self._said_at = self._done, self._now()
            self._line(self.told())

    def finish(self) -> None:
        """Leave the terminal as it was."""
        if self._draws:
            self._write(_CLEAR)

    def told(self) -> str:
        """`75 of 1000 seeds, 0 failed, 1.5 a second, 10:17 left`."""
        spent = max(self._now() - self._began, 1e-9)
        left = round((self._whole - self._done) * spent / self._done) if self._done else 0
        rate = self._done / spent
        return (
            f"{self._done} of {self._whole} {self._what}, {self._failed} failed, {rate:.2f} a second, "
            f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02} left"
        )

    def _is_due(self) -> bool:
        enough = self._done - self._said >= EVERY_DONE or self._done == self._whole
        return enough or self._now() - self._said_at >= EVERY_SECONDS

    def _bar(self) -> str:
        full = WIDTH * self._done // max(self._whole, 1)
        return "[" + "#" * full + "-" * (WIDTH - full) + "]"

    def _line(self, text: str) -> None:
        self._write(f"{_CLEAR if self._draws else ''}{text}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
