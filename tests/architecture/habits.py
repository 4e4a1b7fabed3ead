"""Habits the syntax tree shows: one reader of the environment, one committer, queries in repositories."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.architecture.rules import (
    BUILT_IN_ROOTS,
    COMMITTER,
    ENVIRONMENT_READER,
    NOT_STORED,
    PACKAGES,
    QUERY_HOMES,
    QUERY_LIBRARIES,
    QUERY_NAMES,
    TREES,
)
from tests.architecture.sources import Module, Violation, called, modules

Finder = Callable[[Module], Iterator[Violation]]


def check(root: Path, finder: Finder, *trees: str) -> list[Violation]:
    """What a finder of this module finds in the trees, those of the packages when none are named."""
    return [found for module in modules(root, *(trees or PACKAGES)) for found in finder(module)]


def environment_reads(module: Module) -> Iterator[Violation]:
    """`os.environ`, `os.getenv` and their kin outside the settings."""
    if module.path == ENVIRONMENT_READER:
        return
    message = f"the environment is read in {ENVIRONMENT_READER} only"
    for imported in module.imports:
        if imported.target in ("os.environ", "os.environb", "os.getenv", "os.putenv"):
            yield module.violation(imported.line, "environment", message)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in (
            "os.environ",
            "os.environb",
            "os.getenv",
        ):
            yield module.violation(node.lineno, "environment", message)


def commits(module: Module) -> Iterator[Violation]:
    """Calls of `.commit(` outside the session."""
    if module.path == COMMITTER:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            yield module.violation(node.lineno, "commit", f"only {COMMITTER} commits")


def queries(module: Module) -> Iterator[Violation]:
    """Query builders imported outside a repository, the database package and the indexer."""
    parts = module.path.removesuffix(".py").split("/")
    if module.path.startswith(QUERY_HOMES) or any(part.endswith("repository") for part in parts):
        return
    for imported in module.imports:
        library, _, name = imported.target.rpartition(".")
        if name in QUERY_NAMES and library.split(".")[0] in QUERY_LIBRARIES:
            yield module.violation(imported.line, "queries", f"{name}() belongs into a repository.py")


def bare_exceptions(module: Module) -> Iterator[Violation]:
    """`raise Exception`, which says nothing to anyone, and promises of later work."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Raise) or node.exc is None:
            continue
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if isinstance(raised, ast.Name) and raised.id in (
            "Exception",
            "BaseException",
            "NotImplementedError",
        ):
            yield module.violation(node.lineno, "exceptions", f"{raised.id} is raised; take one of the tree")


def built_at_import(module: Module) -> Iterator[Violation]:
    """Applications, engines, clients and settings made when a module is imported."""
    for statement in module.tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and called(node) in BUILT_IN_ROOTS:
                yield module.violation(node.lineno, "import", f"{called(node)}() runs at import")


def stored_fractions(module: Module) -> Iterator[Violation]:
    """Floats and decimals in the tables."""
    if not module.path.startswith("backend/db/tables/"):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id in NOT_STORED:
            yield module.violation(node.lineno, "storage", f"{node.id} in a table; store an integer")


def patched_modules(module: Module) -> Iterator[Violation]:
    """Tests that reach into our modules instead of handing in a fake."""
    for imported in module.imports:
        if imported.of("unittest.mock.patch"):
            yield module.violation(imported.line, "patching", "hand in a fake instead of patching")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and called(node) in ("setattr", "patch", "delattr") and node.args:
            first = node.args[0]
            path = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            if path.split(".")[0] in TREES:
                yield module.violation(node.lineno, "patching", f"{path} is replaced; hand in a fake instead")
