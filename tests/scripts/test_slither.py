"""Findings of Slither and their reasons.

the reasons
├── a finding without one is named
├── a reason whose finding is gone is named
├── a detector explained as a whole needs no reason for each finding
└── those of the project can be read, and each has words
what Slither says
└── a finding is known by its detector and the function it points at, also where it points at a line of it
"""

from typing import Any

from scripts.slither import REASONS, Finding, Reasons, findings_in

CONTRACT = {"type": "contract", "name": "Shop"}
FUNCTION: dict[str, Any] = {"type": "function", "name": "buy", "type_specific_fields": {"parent": CONTRACT}}
LINE = {"type": "node", "name": "x = 0", "type_specific_fields": {"parent": FUNCTION}}
BUY = Finding("reentrancy", "Shop.buy")


class TestReasons:
    def test_unexplained(self) -> None:
        assert Reasons(frozenset(), frozenset()).unexplained([BUY, BUY]) == [BUY]
        assert Reasons(frozenset({"reentrancy"}), frozenset()).unexplained([BUY]) == []
        assert Reasons(frozenset(), frozenset({BUY})).unexplained([BUY]) == []

    def test_idle(self) -> None:
        assert Reasons(frozenset({"timestamp"}), frozenset({BUY})).idle([]) == [
            "reentrancy in Shop.buy",
            "timestamp",
        ]

    def test_of_the_project(self) -> None:
        reasons = Reasons.read(REASONS.read_text(encoding="utf-8"))
        assert reasons.detectors
        assert reasons.findings


class TestFindingsIn:
    def test_place(self) -> None:
        found = [
            {"check": "reentrancy", "elements": [element], "description": "why"}
            for element in (FUNCTION, LINE)
        ]
        assert findings_in({"results": {"detectors": found}}) == {BUY: "why"}
