"""The words in an answer of OpenAI's shapes, for our own count where the upstream reports none. Pure."""

from typing import Any


def words_of(document: dict[str, Any]) -> str:
    """The text one event, or one whole answer, holds: content, reasoning, tool calls."""
    if isinstance(document.get("delta"), str):
        return str(document["delta"])
    parts = [part for choice in dicts(document.get("choices")) for part in _of_choice(choice)]
    parts += [
        part.get("text") for item in dicts(document.get("output")) for part in dicts(item.get("content"))
    ]
    return "".join(part for part in parts if isinstance(part, str))


def dicts(value: object) -> list[dict[str, Any]]:
    """The objects of a list; none when it is no list."""
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _of_choice(choice: dict[str, Any]) -> list[object]:
    found = choice.get("delta") or choice.get("message")
    said = found if isinstance(found, dict) else {}
    functions = dicts([call.get("function") for call in dicts(said.get("tool_calls"))])
    functions += dicts([said.get("function_call")])
    called = [function.get(key) for function in functions for key in ("name", "arguments")]
    return [choice.get("text"), said.get("content"), said.get("reasoning_content"), *called]
