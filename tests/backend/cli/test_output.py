"""What commands print.

money: base units as people write them, exact
show: fields in lines for people, without exact amounts; JSON for programs, with them
show_rows: a table, a word where there is nothing, JSON whatever there is
working: one line where nobody watches
"""

import json
from typing import Final

import pytest

from backend.cli.output import money, show, show_rows, working

FACTS: Final = {
    "cost": "20 tUSD",
    "cost_base_units": 20_000_000,
    "open": True,
    "scopes": ["a", "b"],
    "none": None,
}


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "decimals", "told"),
        [
            (0, 6, "0 X"),
            (1, 6, "0.000001 X"),
            (1_500_000, 6, "1.5 X"),
            (12_345_000_000, 6, "12,345 X"),
            (7, 0, "7 X"),
            (2**96, 18, "79,228,162,514.264337593543950336 X"),
        ],
    )
    def test_is_exact(self, amount: int, decimals: int, told: str) -> None:
        assert money(amount, decimals, "X") == told


class TestShow:
    def test_tells_people_in_words(self, capsys: pytest.CaptureFixture[str]) -> None:
        show(FACTS, as_json=False)
        lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
        assert [[name, said.strip()] for name, said in lines] == [
            ["cost", "20 tUSD"],
            ["open", "yes"],
            ["scopes", "a, b"],
            ["none", "-"],
        ]

    def test_tells_programs_all(self, capsys: pytest.CaptureFixture[str]) -> None:
        show(FACTS, as_json=True)
        assert json.loads(capsys.readouterr().out) == FACTS

    def test_tells_programs_any_number_and_bytes(self, capsys: pytest.CaptureFixture[str]) -> None:
        show({"much": 2**256, "hash": b"\x01\xff"}, as_json=True)
        assert json.loads(capsys.readouterr().out) == {"much": 2**256, "hash": "0x01ff"}

    def test_folds_nothing_where_nobody_watches(self, capsys: pytest.CaptureFixture[str]) -> None:
        show({"long": "x" * 300}, as_json=False)
        assert "x" * 300 in capsys.readouterr().out


class TestShowRows:
    def test_is_a_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        show_rows([{"plan_id": 1, "kind": "pass"}, {"plan_id": 22, "kind": None}], as_json=False)
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert lines == [["plan", "id", "kind"], ["1", "pass"], ["22", "-"]]

    def test_leaves_exact_amounts_to_programs(self, capsys: pytest.CaptureFixture[str]) -> None:
        rows = [{"price": "1 X", "price_base_units": "1000000"}]
        show_rows(rows, as_json=False)
        assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["price"], ["1", "X"]]
        show_rows(rows, as_json=True)
        assert json.loads(capsys.readouterr().out) == rows

    def test_says_that_there_is_nothing_beside_the_output(self, capsys: pytest.CaptureFixture[str]) -> None:
        show_rows([], as_json=False, empty="no keys")
        assert capsys.readouterr() == ("", "no keys\n")

    def test_is_a_list_for_programs(self, capsys: pytest.CaptureFixture[str]) -> None:
        show_rows([], as_json=True)
        assert json.loads(capsys.readouterr().out) == []


class TestWorking:
    def test_says_so_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        with working("deploying"):
            pass
        assert capsys.readouterr() == ("", "deploying\n")
