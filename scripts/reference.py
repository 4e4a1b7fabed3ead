"""What the code offers to the outside, found in the code: settings, errors, routes and commands.

The tables of docs/ are made from it, and the docs test asks whether each entry is documented.
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VERBS = frozenset({"get", "post", "put", "patch", "delete", "websocket"})


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
    from backend.cli.main import app

    return sorted(_commands_of(typer.main.get_command(app), "emporion"))


def _commands_of(command: object, path: str) -> Iterator[Entry]:
    below = getattr(command, "commands", {})
    for name, child in below.items():
        if not getattr(child, "hidden", False):
            yield from _commands_of(child, f"{path} {name}")
    if not below or getattr(command, "invoke_without_command", False):
        help_text = (getattr(command, "help", None) or "").strip().split("\n")[0]
        yield Entry(path, (help_text,))


def routes(gateway: Path) -> list[Entry]:
    """Every HTTP route below the gateway's folder, read from its decorators: `GET /v1/models`.

    The application is not built for it: that would take a database and a deployment.
    """
    return sorted(
        {entry for file in gateway.rglob("*.py") for entry in _routes_of(ast.parse(file.read_text()))}
    )


def _routes_of(module: ast.Module) -> Iterator[Entry]:
    prefixes = {name: prefix for node in module.body for name, prefix in _router(node)}
    for node in ast.walk(module):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        meaning = (ast.get_docstring(node) or "").split("\n")[0]
        for verb, owner, path in _decorated(node):
            yield Entry(f"{verb.upper()} {prefixes.get(owner, '')}{path}", (meaning,))


def _router(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """The name and prefix of `router = APIRouter(prefix="/v1")`."""
    if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        for keyword in node.value.keywords:
            if keyword.arg == "prefix" and isinstance(keyword.value, ast.Constant):
                yield ast.unparse(target), str(keyword.value.value)


def _decorated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, str, str]]:
    """The verb, router and path of each `@router.get("/path")` of a function."""
    for decorator in node.decorator_list:
        if not (isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute)):
            continue
        path = decorator.args[0] if decorator.args else None
        if decorator.func.attr in VERBS and isinstance(path, ast.Constant) and isinstance(path.value, str):
            yield decorator.func.attr, ast.unparse(decorator.func.value), path.value
