"""Caps on functions, modules, contracts and the README, and names that say nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.rules import (
    BANNED_NAMES,
    CONTRACT_LINES,
    FUNCTION_LINES,
    LONG_IN,
    MODULE_LINES,
    PACKAGES,
    README_LINES,
    SHORT_FUNCTION_LINES,
    TREES,
)
from tests.architecture.sources import Module, Violation, files, modules

Function = ast.FunctionDef | ast.AsyncFunctionDef


def check_functions(root: Path) -> list[Violation]:
    """Functions over the cap."""
    return [
        module.violation(
            function.lineno, "function size", f"{function.name} has {size} lines of {FUNCTION_LINES}"
        )
        for module in modules(root, *TREES)
        for function, size in functions(module)
        if size > FUNCTION_LINES
    ]


def check_share(root: Path) -> list[Violation]:
    """The longest functions, when fewer than nine in ten are short."""
    sized = [
        (size, module, function)
        for module in modules(root, *PACKAGES)
        for function, size in functions(module)
    ]
    long = sorted(
        ((size, module, function) for size, module, function in sized if size >= SHORT_FUNCTION_LINES),
        key=lambda entry: -entry[0],
    )
    if len(long) * LONG_IN <= len(sized):
        return []
    message = f"{len(long)} of {len(sized)} functions have {SHORT_FUNCTION_LINES} lines or more"
    return [
        module.violation(function.lineno, "function share", f"{function.name} has {size} lines; {message}")
        for size, module, function in long[:10]
    ]


def functions(module: Module) -> Iterator[tuple[Function, int]]:
    """Every function with its lines, from `def` to the end, without docstring and inner functions."""
    for node in ast.walk(module.tree):
        if isinstance(node, Function):
            inside = sum(lines(inner, from_decorators=True) for inner in nested(node))
            yield node, lines(node) - docstring_lines(node) - inside


def nested(node: ast.AST) -> Iterator[Function]:
    """The functions directly inside, at whatever depth of blocks; theirs are their own."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield child
        else:
            yield from nested(child)


def lines(node: Function, *, from_decorators: bool = False) -> int:
    """The lines of a function, docstring and all."""
    assert node.end_lineno is not None
    starts = [node.lineno, *(decorator.lineno for decorator in node.decorator_list if from_decorators)]
    return node.end_lineno - min(starts) + 1


def docstring_lines(node: Function) -> int:
    """The lines of its docstring, 0 without one."""
    first = node.body[0]
    if ast.get_docstring(node) is None or first.end_lineno is None:
        return 0
    return first.end_lineno - first.lineno + 1


def check_files(root: Path) -> list[Violation]:
    """Modules, contracts and a README over their caps."""
    capped = [(file, MODULE_LINES) for file in files(root, "*.py", *TREES) if "migrations" not in file.parts]
    capped += [(file, CONTRACT_LINES) for file in files(root, "*.sol", "contracts/src")]
    capped += [(root / "README.md", README_LINES)] if (root / "README.md").exists() else []
    sized = [(file, len(file.read_text(encoding="utf-8").splitlines()), cap) for file, cap in capped]
    return [
        Violation(
            file.relative_to(root).as_posix(), cap, "file size", f"{size} lines; fewer than {cap} are allowed"
        )
        for file, size, cap in sized
        if size >= cap
    ]


def check_names(root: Path) -> list[Violation]:
    """Modules and folders whose name says nothing about their content."""
    return [
        module.violation(1, "names", f"{part!r} says nothing about what is in it")
        for module in modules(root, *TREES)
        for part in module.name.split(".")
        if part.strip("_") in BANNED_NAMES
    ]
