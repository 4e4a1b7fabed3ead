"""The project's files as the checks see them: parsed, named, and with a place to point at."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

SKIPPED = frozenset({"node_modules", ".forge", "__pycache__"})


@dataclass(frozen=True)
class Violation:
    """A broken rule and where."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Import:
    """One imported name, dotted and absolute: `from a.b import c` is `a.b.c`."""

    target: str
    line: int
    for_types: bool
    """Under `if TYPE_CHECKING:`."""
    in_function: bool

    def of(self, name: str) -> bool:
        """Whether it lies in the module or package of this name."""
        return self.target == name or self.target.startswith(name + ".")


@dataclass(frozen=True)
class Module:
    """A Python file of a tree."""

    root: Path
    file: Path

    @property
    def path(self) -> str:
        """Relative to the root, with slashes on every system."""
        return self.file.relative_to(self.root).as_posix()

    @property
    def name(self) -> str:
        """The dotted name it is imported by."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        """The unit the arrows speak of: `backend.meter`, `contracts`, `indexer`."""
        parts = self.name.split(".")
        return ".".join(parts[:2]) if parts[0] == "backend" else parts[0]

    @cached_property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.file.read_text(encoding="utf-8").splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse("\n".join(self.lines), self.path)

    @cached_property
    def imports(self) -> list[Import]:
        """Every import, wherever it stands, `importlib.import_module("...")` included."""
        return list(self._imports(self.tree, for_types=False, in_function=False))

    def _imports(self, node: ast.AST, *, for_types: bool, in_function: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            for target in self._targets(child):
                yield Import(target, getattr(child, "lineno", 1), for_types, in_function)
            yield from self._imports(
                child,
                for_types=for_types or is_type_checking(child),
                in_function=in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef),
            )

    def _targets(self, node: ast.AST) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            base = self._absolute(node)
            return [base if alias.name == "*" else f"{base}.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Call) and called(node) in ("import_module", "__import__") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                return [first.value]
        return []

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.file.name == "__init__.py" else self.name.split(".")[:-1]
        kept = package[: len(package) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])

    def violation(self, line: int, rule: str, message: str) -> Violation:
        """A rule broken here."""
        return Violation(self.path, line, rule, message)


def modules(root: Path, *trees: str) -> list[Module]:
    """The Python files below these folders of the root, sorted."""
    return [_module(root, file) for file in files(root, "*.py", *trees)]


@cache
def _module(root: Path, file: Path) -> Module:
    """One for each file, so that it is parsed once for all checks."""
    return Module(root, file)


def files(root: Path, pattern: str, *trees: str) -> list[Path]:
    """The files of a pattern below these folders, without what tools have put there."""
    found = (file for tree in trees for file in sorted((root / tree).rglob(pattern)))
    return [file for file in found if not SKIPPED & set(file.relative_to(root).parts)]


def called(node: ast.Call) -> str:
    """The last part of what is called: `session.commit()` is `commit`."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def is_type_checking(node: ast.AST) -> bool:
    """Whether this is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
