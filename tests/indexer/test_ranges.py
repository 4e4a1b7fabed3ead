"""Which blocks to ask for

next_range
    it should begin after the head, end at the tip, and be no wider than asked; None at the tip
split
    it should cut anywhere, leaving an empty part outside
Width
    when a node refuses, it should take a narrower suggestion, else halve
    when the suggestion is what was asked for, it should be ignored
    when a single block is refused, it should say so
    when full ranges are answered, it should grow, and no more than once in a few answers
StepSize
    it should aim at a number of logs, and grow by no more than four at once
    when blocks are full from the start, its first step should not be larger than that
Pace
    it should say rate and time left every few seconds, and tell every step
"""

import pytest
import structlog

from backend.core.errors import NodeError
from indexer.backfill import SAY_SECONDS, Pace
from indexer.ranges import GROW_AFTER, WANTED_LOGS, Range, StepSize, Width, next_range, split

FULL_BLOCK = 500
"""ERC-1155 transfers in a block of 30 million gas, and some more."""


class TestNextRange:
    @pytest.mark.parametrize(
        ("head", "tip", "width", "expected"),
        [(5, 5, 10, None), (9, 5, 10, None), (5, 6, 10, Range(6, 6)), (5, 100, 10, Range(6, 15))],
    )
    def test_takes_what_is_missing(self, head: int, tip: int, width: int, expected: Range | None) -> None:
        assert next_range(head, tip, width) == expected


class TestSplit:
    @pytest.mark.parametrize(
        ("at", "widths"), [(0, (0, 11)), (10, (1, 10)), (15, (6, 5)), (20, (11, 0)), (99, (11, 0))]
    )
    def test_cuts_anywhere(self, at: int, widths: tuple[int, int]) -> None:
        low, high = split(Range(10, 20), at)
        assert (low.width, high.width) == widths
        assert low.last + 1 == high.first


class TestWidth:
    def test_halves_when_refused(self) -> None:
        width = Width(1_000)
        width.refused(Range(1, 1_000), None)
        assert width.blocks == 500

    def test_takes_a_narrower_suggestion(self) -> None:
        width = Width(1_000)
        width.refused(Range(1, 1_000), (1, 37))
        assert width.blocks == 37

    def test_ignores_a_suggestion_of_what_was_asked(self) -> None:
        width = Width(1_000)
        width.refused(Range(1, 1_000), (1, 1_000))
        assert width.blocks == 500

    def test_a_single_refused_block_is_an_error(self) -> None:
        with pytest.raises(NodeError, match="single block 7"):
            Width(1).refused(Range(7, 7), None)

    def test_grows_after_a_few_full_answers(self) -> None:
        width = Width(100, largest=150)
        for _ in range(GROW_AFTER):
            assert width.blocks == 100
            width.answered(Range(1, 100))
        assert width.blocks == 150

    def test_a_short_answer_teaches_nothing(self) -> None:
        width = Width(100)
        for _ in range(10):
            width.answered(Range(1, 99))
        assert width.blocks == 100


class TestStepSize:
    def test_aims_at_a_number_of_logs(self) -> None:
        size = StepSize(most=10_000)
        size.learn(blocks=200, logs=200 * 200)
        assert size.blocks == WANTED_LOGS // 200

    def test_a_first_step_of_full_blocks_is_not_larger(self) -> None:
        assert StepSize(most=10_000).blocks * FULL_BLOCK <= WANTED_LOGS

    def test_grows_by_four_at_most(self) -> None:
        size = StepSize(most=10_000)
        before = size.blocks
        size.learn(blocks=200, logs=0)
        assert size.blocks == 4 * before

    def test_takes_a_block_however_full(self) -> None:
        size = StepSize(most=10_000)
        size.learn(blocks=1, logs=10 * WANTED_LOGS)
        assert size.blocks == 1


class TestPace:
    def test_tells_rate_and_time_left(self) -> None:
        times, told = iter([0.0, 1.0, SAY_SECONDS, SAY_SECONDS + 1]), []
        pace = Pace(1, 0, 1_000, lambda: next(times), lambda number, last: told.append((number, last)))
        with structlog.testing.capture_logs() as lines:
            for number in (100, 500, 600):
                pace.at(number)
        assert told == [(100, 1_000), (500, 1_000), (600, 1_000)]
        assert [(line["number"], line["blocks_per_second"], line["seconds_left"]) for line in lines] == [
            (500, 100, 5)
        ]
