"""`emporion verify-receipt` refuses what is no receipt before it asks the chain.

verify
    given a file that is no JSON, no object, or has no plan: it says so
    given --rerun without both files: it names them
"""

from pathlib import Path

import pytest

from backend.cli.receipt_commands import _both, _json_of, _number
from backend.core.errors import MalformedRequest


class TestJsonOf:
    @pytest.mark.parametrize(("content", "words"), [("{", "not JSON"), ("[1]", "no JSON object")])
    def test_names_what_is_wrong(self, tmp_path: Path, content: str, words: str) -> None:
        path = tmp_path / "receipt.json"
        path.write_text(content)
        with pytest.raises(MalformedRequest, match=words):
            _json_of(path)


class TestNumber:
    @pytest.mark.parametrize("receipt", [{}, {"plan_id": "x"}, {"plan_id": -1}, {"plan_id": None}])
    def test_missing_or_strange_number_is_refused(self, receipt: dict[str, object]) -> None:
        with pytest.raises(MalformedRequest, match="no plan_id"):
            _number(receipt, "plan_id")

    def test_text_and_number_are_the_same(self) -> None:
        assert _number({"plan_id": "18"}, "plan_id") == _number({"plan_id": 18}, "plan_id") == 18


class TestBoth:
    @pytest.mark.parametrize("missing", [0, 1])
    def test_names_the_files_a_rerun_needs(self, tmp_path: Path, missing: int) -> None:
        path = tmp_path / "body.json"
        path.write_bytes(b"{}")
        given: list[Path | None] = [path, path]
        assert _both(*given) == (b"{}", b"{}")
        given[missing] = None
        with pytest.raises(MalformedRequest, match="--request and --response"):
            _both(*given)
