"""Checking values against providers' schemas.

check_schema
├── no JSON Schema, a reference that leads out, work without bound, a pattern for back-tracking: refused
└── otherwise: given back as it is
problems
├── says where and which rule, never the value
├── references that multiply, or run in circles: told, soon
└── a pattern that would back-track for ever elsewhere: answered at once
"""

import time

import pytest

from backend.metadata.json_schemas import JsonSchema, check_schema


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

    def test_runs_patterns_in_linear_time(self) -> None:
        schema = JsonSchema(check_schema({"pattern": "^(a+)+$"}))
        assert schema.problems("a" * 50_000 + "b")
        assert not schema.problems("a" * 50_000)
