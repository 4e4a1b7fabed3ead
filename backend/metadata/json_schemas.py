"""Checking JSON against a provider's JSON Schema (2020-12) without giving the provider our time or network.

Nothing is fetched for a `$ref`; patterns run in linear time (the Rust engine of pydantic); what a schema
costs is counted, since references can multiply its work without end.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from pydantic import StringConstraints, TypeAdapter
from pydantic import ValidationError as PydanticError
from pydantic_core import SchemaError as PatternError
from referencing import Registry
from referencing.exceptions import Unresolvable

PROBLEMS_SHOWN: Final = 20
MOST_STEPS: Final = 20_000
"""References followed in one check."""
MOST_DEPTH: Final = 40
SLOW_KEYWORDS: Final = frozenset({"patternProperties", "uniqueItems", "unevaluatedProperties"})
"""Python's own patterns, or work that grows with the square of the value."""


class TooMuchWork(ValueError):
    """The schema follows more references than are allowed."""


class JsonSchema:
    """A schema ready to check values."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._steps = 0
        own = {"pattern": _pattern, "$ref": self._ref}
        kind: Any = extend(Draft202012Validator, own)  # type: ignore[no-untyped-call]
        # An empty registry: what is not in the document itself resolves to nothing, and nothing is fetched.
        self._validator = kind(schema, registry=Registry())

    def problems(self, value: object) -> list[dict[str, str]]:
        """What is wrong with a value, and where; empty where nothing is."""
        self._steps = 0
        try:
            return [_told(error) for error in islice(self._validator.iter_errors(value), PROBLEMS_SHOWN)]
        except (TooMuchWork, RecursionError):
            return [{"path": "", "problem": "checking it takes more work than is allowed"}]
        except Unresolvable as error:
            return [{"path": "", "problem": f"the schema refers to what it does not hold: {error}"[:200]}]

    def _ref(self, validator: Any, ref: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooMuchWork
        yield from Draft202012Validator.VALIDATORS["$ref"](validator, ref, instance, schema) or ()


def check_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as it is. Raises ValueError where it is none, or uses what is not served here."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"no JSON Schema 2020-12: {error.message[:200]}") from None
    for keyword, value in _keywords(schema, 0):
        if keyword in SLOW_KEYWORDS:
            raise ValueError(f"`{keyword}` is not served: its work has no bound")
        if keyword == "pattern" and isinstance(value, str):
            _compiled(value)
        if keyword in ("$ref", "$dynamicRef") and isinstance(value, str) and not value.startswith("#"):
            raise ValueError("a reference must stay inside the document (#...)")
    return schema


def _keywords(value: object, depth: int) -> Iterator[tuple[str, object]]:
    if depth > MOST_DEPTH:
        raise ValueError(f"the schema is nested deeper than {MOST_DEPTH}")
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from _keywords(inner, depth + 1)
    if isinstance(value, list):
        for inner in value:
            yield from _keywords(inner, depth + 1)


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> TypeAdapter[str]:
    """Raises ValueError for a pattern the linear engine does not know (look-arounds, back references)."""
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])
    except PatternError:
        raise ValueError(f"the pattern {pattern[:80]!r} cannot be run in linear time") from None


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, str):
        return
    try:
        _compiled(pattern).validate_python(instance)
    except PydanticError:
        yield ValidationError(f"does not match {pattern!r}")


def _told(error: ValidationError) -> dict[str, str]:
    """Where and what; never the value itself, which may be long or secret."""
    path = "/".join(str(part) for part in error.absolute_path)
    words = {"required": error.message, "additionalProperties": "holds fields that are not known"}
    problem = words.get(str(error.validator), f"breaks `{error.validator}`")
    return {"path": path[:200], "problem": problem[:200]}
