"""Checking values against providers' schemas.

check_schema
├── no JSON Schema, a reference that leads out, work without bound, a pattern for back-tracking: refused
├── nested deeper than can be walked, or naming another validator inside: refused
└── otherwise: given back as it is
problems
├── says where and which rule, never the value
├── references that multiply, or run in circles: told, soon
├── messages that repeat a large value without end: told, soon
├── a value nested deep: told
├── all of these where the interpreter's own limit is too high to help: told, and the process lives
├── `$schema` at the top: checked by the same rules as without
└── a pattern that would back-track for ever elsewhere: answered at once
"""

import subprocess
import sys
import time

import pytest

from backend.metadata.json_schemas import JsonSchema, check_schema

DEEP = """
import sys
sys.setrecursionlimit(10**9)
from backend.metadata.json_schemas import JsonSchema, check_schema
from tests.backend.metadata.test_json_schemas import nested

circles = [{"$ref": "#"}, {"allOf": [{"not": {"$ref": "#"}}]}]
told = sum("more work" in JsonSchema(check_schema(one)).problems(1)[0]["problem"] for one in circles)
value = nested(200_000)
schemas = {}, {"items": {"$ref": "#"}}
deep = sum("deeper" in JsonSchema(one).problems(value)[0]["problem"] for one in schemas)
try:
    check_schema({"const": value})
except ValueError as error:
    print(told, deep, int("deeper" in str(error)), flush=True)
import os
os._exit(0)
"""


def nested(times: int) -> object:
    """Lists in lists."""
    value: list[object] = []
    for _ in range(times):
        value = [value]
    return value


class TestCheckSchema:
    @pytest.mark.parametrize(
        "schema",
        [
            {"type": "nothing"},
            {"$ref": "https://example.com/schema"},
            {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
            {"patternProperties": {"^a": {}}},
            {"uniqueItems": True},
            {"pattern": "(?=a)b"},
            {"unevaluatedItems": False, "allOf": [{"$ref": "#"}]},
            {"items": {"$schema": "http://json-schema.org/draft-07/schema#"}},
            {"$dynamicRef": "https://example.com/schema"},
        ],
    )
    def test_refuses(self, schema: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="."):
            check_schema(schema)

    def test_refuses_a_deep_one(self) -> None:
        schema: dict[str, object] = {}
        for _ in range(50):
            schema = {"not": schema}
        with pytest.raises(ValueError, match="deeper"):
            check_schema(schema)

    def test_refuses_one_too_deep_to_be_walked(self) -> None:
        schema: object = {}
        for _ in range(200_000):
            schema = {"not": schema}
        with pytest.raises(ValueError, match="deeper"):
            check_schema({"not": schema})
        while isinstance(schema, dict) and schema:  # freed one by one: the collector recurses too
            schema = schema.pop("not")

    def test_gives_a_good_one_back(self) -> None:
        schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {}}}
        assert check_schema(schema) is schema


class TestProblems:
    def test_says_where_and_never_the_value(self) -> None:
        schema = JsonSchema({"properties": {"a": {"items": {"type": "integer"}}}, "required": ["b"]})
        said = schema.problems({"a": [1, "secret"]})
        assert {problem["path"] for problem in said} == {"a/1", ""}
        assert "secret" not in str(said)

    @pytest.mark.parametrize("circle", [True, False])
    def test_ends_soon(self, circle: bool) -> None:
        twice = [[{"$ref": f"#/$defs/l{at + 1}"}] * 2 for at in range(30)]
        levels: dict[str, object] = {f"l{at}": {"allOf": both} for at, both in enumerate(twice)}
        levels["l30"] = {"$ref": "#/$defs/l0"} if circle else {}
        started = time.monotonic()
        said = JsonSchema({"$ref": "#/$defs/l0", "$defs": levels}).problems(1)
        assert "more work" in said[0]["problem"]
        assert time.monotonic() - started < 10

    def test_follows_no_circle_of_dynamic_references(self) -> None:
        said = JsonSchema(check_schema({"allOf": [{"$dynamicRef": "#"}]})).problems(1)
        assert "more work" in said[0]["problem"]

    def test_counts_what_messages_repeat(self) -> None:
        schema = check_schema({"oneOf": [{}, *([{"type": "string"}] * 5_000)]})
        said = JsonSchema(schema).problems(["x" * 100_000])
        assert "more work" in said[0]["problem"]

    @pytest.mark.parametrize("schema", [{}, {"items": {"$ref": "#"}}, {"type": "string"}, {"const": [[]]}])
    def test_tells_a_deep_value(self, schema: dict[str, object]) -> None:
        said = JsonSchema(schema).problems(nested(101))
        assert "nested deeper" in said[0]["problem"]

    def test_lives_where_the_interpreter_stops_no_recursion(self) -> None:
        """A library raised the limit: without one of our own the C stack ends, and the process with it."""
        done = subprocess.run(
            [sys.executable, "-c", DEEP], capture_output=True, text=True, check=False, timeout=120
        )
        assert (done.returncode, done.stdout.split()) == (0, ["2", "2", "1"]), done.stderr

    @pytest.mark.parametrize("draft", ["2020-12", "2019-09"])
    def test_named_draft_changes_no_rule(self, draft: str) -> None:
        named = f"https://json-schema.org/draft/{draft}/schema"
        schema = check_schema({"$schema": named, "items": {"$ref": "#"}, "pattern": "^(a+)+$"})
        assert JsonSchema(schema).problems(["a" * 50_000 + "b"]) == [
            {"path": "0", "problem": "breaks `pattern`"}
        ]

    def test_runs_patterns_in_linear_time(self) -> None:
        schema = JsonSchema(check_schema({"pattern": "^(a+)+$"}))
        assert schema.problems("a" * 50_000 + "b")
        assert not schema.problems("a" * 50_000)
