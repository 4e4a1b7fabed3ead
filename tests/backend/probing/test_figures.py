"""Samples become figures

figures_of
├── given none: none
└── given some: the share that was up, medians of what has the measure, the span they cover
speed_down: thousandths of a token a second after the first; nothing where it cannot be told
served_samples: what delivered nothing was not up, and has no times
"""

from types import SimpleNamespace

import pytest

from backend.probing.figures import Figures, Sample, figures_of, speed_down
from backend.probing.service import served_samples


class TestFigures:
    def test_of_none_are_none(self) -> None:
        assert figures_of([]) is None

    def test_are_shares_and_medians(self) -> None:
        samples = [Sample(30, True, 100, 9_000), Sample(10, True, 301, None), Sample(20, False)]
        assert figures_of(samples) == Figures(10, 30, 3, 666_666, 200, 9_000)

    def test_have_no_medians_of_what_never_answered(self) -> None:
        assert figures_of([Sample(5, False)]) == Figures(5, 5, 1, 0, None, None)


class TestSpeed:
    @pytest.mark.parametrize(
        ("tokens", "first", "total", "speed"),
        [(11, 500, 1_500, 10_000), (2, 0, 3, 333_333), (1, 0, 9, None), (9, 7, 7, None), (0, 0, 5, None)],
    )
    def test_counts_what_came_after_the_first(
        self, tokens: int, first: int, total: int, speed: int | None
    ) -> None:
        assert speed_down(tokens, first, total) == speed


class TestServed:
    def test_failures_were_not_up(self) -> None:
        row = {"issued_at": 5, "units_out": 11, "first_byte_ms": 500, "duration_ms": 1_500}
        rows = [SimpleNamespace(outcome=outcome, **row) for outcome in ("completed", "partial", "failed")]
        rows.append(SimpleNamespace(outcome="completed", **{**row, "first_byte_ms": None}))
        assert served_samples(rows) == [
            Sample(5, True, 500, 10_000),
            Sample(5, True, 500, 10_000),
            Sample(5, False),
            Sample(5, True),
        ]
