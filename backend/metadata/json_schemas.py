"""Checking JSON against a provider's JSON Schema (2020-12) without giving the provider our time or network.

Nothing is fetched for a `$ref`; patterns run in linear time (the Rust engine of pydantic); what a schema
costs is counted, since references can multiply its work without end. Depth is counted here too, for schema
and value: the interpreter's own limit may be raised by any library, and then the C stack ends first.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
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

from backend.core.nesting import is_deeper

PROBLEMS_SHOWN: Final = 20
MOST_STEPS: Final = 20_000
"""References followed in one check."""
MOST_DEPTH: Final = 40
"""Of a schema as it is written."""
MOST_NESTED: Final = 120
"""Keywords within keywords in one check; each is three frames of Python."""
MOST_VALUE_DEPTH: Final = 100
MOST_TEXT: Final = 100_000_000
"""Characters of all messages made in one check: each repeats the value it is about."""
SLOW_KEYWORDS: Final = frozenset(
    {"patternProperties", "uniqueItems", "unevaluatedProperties", "unevaluatedItems"}
)
"""Python's own patterns, work that grows with the square of the value, or references followed uncounted."""
REFERENCES: Final = frozenset({"$ref", "$dynamicRef"})
Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


class TooMuchWork(ValueError):
    """The schema follows more references, or deeper, than is allowed."""


class JsonSchema:
    """A schema ready to check values, one at a time."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._steps = self._nested = self._text = 0
        known: dict[str, Keyword] = {**Draft202012Validator.VALIDATORS, "pattern": _pattern}
        counted = {name: partial(self._counted, name, keyword) for name, keyword in known.items()}
        kind: Any = extend(Draft202012Validator, counted)  # type: ignore[no-untyped-call]
        # An empty registry: what is not in the document itself resolves to nothing, and nothing is fetched.
        # Without `$schema`: the library would take its own validator where that is named, and count nothing.
        self._validator = kind(
            {name: inner for name, inner in schema.items() if name != "$schema"}, registry=Registry()
        )

    def problems(self, value: object) -> list[dict[str, str]]:
        """What is wrong with a value, and where; empty where nothing is."""
        self._steps = self._nested = self._text = 0
        if is_deeper(value, MOST_VALUE_DEPTH):
            return [{"path": "", "problem": f"it is nested deeper than {MOST_VALUE_DEPTH}"}]
        try:
            return [_told(error) for error in islice(self._validator.iter_errors(value), PROBLEMS_SHOWN)]
        except (TooMuchWork, RecursionError):
            return [{"path": "", "problem": "checking it takes more work than is allowed"}]
        except Unresolvable as error:
            return [{"path": "", "problem": f"the schema refers to what it does not hold: {error}"[:200]}]

    def _counted(
        self, name: str, keyword: Keyword, validator: Any, wanted: Any, instance: Any, schema: Any
    ) -> Iterator[ValidationError]:
        """What a keyword finds. Raises TooMuchWork."""
        self._steps += name in REFERENCES
        self._nested += 1
        if self._steps > MOST_STEPS or self._nested > MOST_NESTED:
            raise TooMuchWork
        try:
            for error in keyword(validator, wanted, instance, schema) or ():
                self._text += len(error.message)
                if self._text > MOST_TEXT:
                    raise TooMuchWork
                yield error
        finally:
            self._nested -= 1


def check_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as it is. Raises ValueError where it is none, or uses what is not served here."""
    if is_deeper(schema, MOST_DEPTH):  # first: what checks the rest recurses
        raise ValueError(f"the schema is nested deeper than {MOST_DEPTH}")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"no JSON Schema 2020-12: {error.message[:200]}") from None
    for keyword, value in _keywords({name: inner for name, inner in schema.items() if name != "$schema"}):
        if keyword in SLOW_KEYWORDS:
            raise ValueError(f"`{keyword}` is not served: its work has no bound")
        if keyword == "$schema" and isinstance(value, str):
            raise ValueError("`$schema` is served at the top alone: all of it is read as 2020-12")
        if keyword == "pattern" and isinstance(value, str):
            _compiled(value)
        if keyword in REFERENCES and isinstance(value, str) and not value.startswith("#"):
            raise ValueError("a reference must stay inside the document (#...)")
    return schema


def _keywords(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from _keywords(inner)
    if isinstance(value, list):
        for inner in value:
            yield from _keywords(inner)


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
