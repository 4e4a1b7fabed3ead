"""Measuring.

Measure
├── counts operations, and gives their times within the whole
└── tells one operation as well as many
main
└── refuses a benchmark nobody knows, with the list
"""

import pytest

from scripts.bench.__main__ import main
from scripts.bench.figures import Measure


class TestMeasure:
    @pytest.mark.parametrize("operations", [1, 100])
    def test_counts_and_times(self, operations: int) -> None:
        found = Measure("adding")
        with found.running():
            for _ in range(operations):
                with found.one():
                    sum(range(100))
        told = found.as_json()
        assert told["operations"] == operations
        assert 0 < found.percentile(50) <= found.percentile(99) <= found.elapsed
        assert found.told().startswith("adding ")


class TestMain:
    def test_refuses_an_unknown_name(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("sys.argv", ["bench", "metre"])
        with pytest.raises(SystemExit):
            main()
        assert "no benchmark metre; there are gateway, meter, model" in capsys.readouterr().err
