"""What a long run says of itself.

Course
├── given no terminal: a line every so many done, every so many seconds, and at the end; each failure at once
├── given a terminal: a bar that is drawn over itself; failures stay above it
└── counts failures, rate and time left
`run.py simulate`
├── lives every seed, in one process or several, and leaves with 0
├── given a seed that fails, or that falls over: names it, goes on, leaves with 1
└── with --kills: kills a process so often and tells what it met
"""

import io
import os
import pty
from contextlib import suppress

import pytest

from scripts import simulate
from scripts.course import EVERY_DONE, EVERY_SECONDS, Course


class Clock:
    """Moves when told."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def ran(course: Course, clock: Clock, count: int, seconds: float, failing: int = -1) -> None:
    for at in range(count):
        clock.time += seconds
        course.count("seed 3 failed: plans" if at == failing else "")


def everything_of(terminal: int) -> str:
    """What was written to a terminal whose other end is closed."""
    shown = b""
    with suppress(OSError):
        while some := os.read(terminal, 4_096):
            shown += some
    os.close(terminal)
    return shown.decode()


class TestCourse:
    def test_says_a_line_every_so_many(self) -> None:
        out, clock = io.StringIO(), Clock()
        ran(Course("seeds", 60, out, clock), clock, 60, 1.0, failing=30)
        assert out.getvalue().splitlines() == [
            "25 of 60 seeds, 0 failed, 1.00 a second, 0:00:35 left",
            "seed 3 failed: plans",
            "50 of 60 seeds, 1 failed, 1.00 a second, 0:00:10 left",
            "60 of 60 seeds, 1 failed, 1.00 a second, 0:00:00 left",
        ]

    def test_says_a_line_every_so_long(self) -> None:
        out, clock = io.StringIO(), Clock()
        ran(Course("seeds", 1_000, out, clock), clock, EVERY_DONE - 1, EVERY_SECONDS / 2)
        lines = out.getvalue().splitlines()
        assert len(lines) == (EVERY_DONE - 1) // 2
        assert lines[0] == "2 of 1000 seeds, 0 failed, 0.07 a second, 4:09:30 left"

    def test_draws_a_bar_in_a_terminal(self) -> None:
        ours, theirs = pty.openpty()
        clock = Clock()
        with os.fdopen(theirs, "w") as terminal:
            course = Course("seeds", 4, terminal, clock)
            ran(course, clock, 4, 1.0, failing=1)
            course.finish()
        drawn = everything_of(ours).split("\r\x1b[2K")
        bar = "[" + "#" * 7 + "-" * 23 + "]"
        assert drawn[1] == f"{bar} 1 of 4 seeds, 0 failed, 1.00 a second, 0:00:03 left"
        assert drawn[2] == "seed 3 failed: plans\r\n"
        assert drawn[-2].startswith("[" + "#" * 30 + "] 4 of 4 seeds, 1 failed")
        assert drawn[-1] == ""


@pytest.mark.integration
class TestSimulate:
    @pytest.mark.parametrize("jobs", ["1", "2"])
    def test_lives_every_seed(self, capfd: pytest.CaptureFixture[str], jobs: str) -> None:
        assert simulate.main(["--seeds", "2", "--acts", "1", "--first", "7", "--jobs", jobs]) == 0
        shown = capfd.readouterr()
        assert shown.out.startswith("2 seeds, 0 failed, ")
        assert shown.err.startswith("2 of 2 seeds, 0 failed, ")

    def test_names_those_that_fail_and_goes_on(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def simulated(seed: int, acts: int, postgres: str) -> str:
            if seed == 1:
                raise RuntimeError("fell over")
            return "plans" if seed == 2 else ""

        monkeypatch.setattr(simulate, "simulate", simulated)
        assert simulate.main(["--seeds", "4"]) == 1
        shown = capsys.readouterr()
        assert "seed 1 failed: RuntimeError: fell over\nseed 2 failed: plans\n" in shown.err
        assert shown.out.startswith("4 seeds, 2 failed, ")

    def test_kills(self, capfd: pytest.CaptureFixture[str]) -> None:
        assert simulate.main(["--kills", "2", "--first", "3"]) == 0
        shown = capfd.readouterr()
        assert shown.out.startswith("seed 3: 2 kills: ")
        assert shown.out.endswith("rows that differ from a clean pass: none\n")
        assert shown.err.startswith("2 of 2 kills, 0 failed, ")
