"""What the code offers to the outside, found in the code: settings, errors, routes and commands.

The tables of docs/ are made from it, and the docs test asks whether each entry is documented.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

VERBS = frozenset({"get", "post", "put", "patch", "delete"})


@dataclass(frozen=True, order=True)
class Entry:
    """A row: the name that the documentation must contain, and what else there is to say."""

    name: str
    columns: tuple[str, ...]


def settings() -> list[Entry]:
    """Every environment variable with its default and meaning, in the order of the source."""
    from pydantic import SecretStr

    from backend.core.settings import PREFIX, Settings

    entries = []
    for name, field in Settings.model_fields.items():
        default = field.get_default()
        shown = default.get_secret_value() if isinstance(default, SecretStr) else default
        entries.append(Entry(PREFIX + name.upper(), (spelled(shown), field.description or "")))
    return entries


def spelled(value: object) -> str:
    """A default as one would write it into the variable; empty for nothing."""
    if value is None or value in ("", []):
        return ""
    if isinstance(value, list):
        return f"`{','.join(map(str, value))}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def errors() -> list[Entry]:
    """Every error code with its status, whether the same call may work later, and its meaning."""
    from backend.core.errors import all_errors

    entries = []
    for kind in all_errors():
        meaning = (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")
        entries.append(Entry(kind.code, (str(kind.status), "yes" if kind.retryable else "", meaning)))
    return entries


def commands() -> list[Entry]:
    """Every command of `emporion` that does something, with its first line of help."""
    import typer.main

    from backend.cli.main import build

    return sorted(_commands_of(typer.main.get_command(build()), "emporion"))


def _commands_of(command: object, path: str) -> Iterator[Entry]:
    below = getattr(command, "commands", {})
    for name, child in below.items():
        if not getattr(child, "hidden", False):
            yield from _commands_of(child, f"{path} {name}")
    if not below or getattr(command, "invoke_without_command", False):
        help_text = (getattr(command, "help", None) or "").strip().split("\n")[0]
        yield Entry(path, (help_text,))


def routes() -> list[Entry]:
    """Every HTTP route as the OpenAPI document has it: `GET /v1/models`, with the first sentence about it.

    The routers are put together without what they work on: that would take a database and a deployment.
    """
    from fastapi import FastAPI

    from backend.gateway import routes as package
    from backend.gateway.openapi import describe_model_routes

    api = FastAPI()
    for module in pkgutil.iter_modules(package.__path__):
        api.include_router(importlib.import_module(f"{package.__name__}.{module.name}").router())
    describe_model_routes(api)
    return _routes_of(api.openapi())


def _routes_of(document: dict[str, Any]) -> list[Entry]:
    """The operations of an OpenAPI document, sorted by path."""
    return [
        Entry(f"{verb.upper()} {path}", (first_sentence(operation.get("description", "")),))
        for path, operations in sorted(document["paths"].items())
        for verb, operation in operations.items()
        if verb in VERBS
    ]


def first_sentence(text: str) -> str:
    """Up to the first full stop, on one line."""
    flat = " ".join(text.split("\n\n")[0].split())
    sentence, stop, _ = flat.partition(". ")
    return sentence + "." if stop else flat
