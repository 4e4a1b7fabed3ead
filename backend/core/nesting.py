"""How deep a JSON value is nested, told without recursion: what walks it later recurses."""

from typing import Any


def is_deeper(value: object, most: int) -> bool:
    """Whether lists and objects are nested in a value more than `most` times."""
    level = [value]
    for _ in range(most + 1):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(outer: dict[str, Any] | list[Any]) -> list[Any]:
    inner = outer.values() if isinstance(outer, dict) else outer
    return [value for value in inner if isinstance(value, dict | list)]
