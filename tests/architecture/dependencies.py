"""Every package that is imported is one that pyproject.toml asks for, not one that happens to come along."""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from tests.architecture.rules import DEVELOPERS_MODULES, EXTRAS, MODEL_PACKAGE, PACKAGES, TREES
from tests.architecture.sources import Module, Violation, modules

NAME = re.compile(r"[A-Za-z0-9._-]+")


def check_dependencies(root: Path) -> list[Violation]:
    """Imports of packages that are not among the dependencies of where they stand."""
    file = root / "pyproject.toml"
    asked = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return [found for module in modules(root, *TREES) for found in _undeclared(module, asked)]


def _undeclared(module: Module, asked: dict[str, Any]) -> Iterator[Violation]:
    wanted = declared(module, asked)
    for imported in module.imports:
        top = imported.target.split(".")[0]
        if top in TREES or top in sys.stdlib_module_names or not top:
            continue
        homes = {normal(name) for name in _distributions().get(top, [top])}
        if not homes & wanted:
            text = f"{top} is of {' or '.join(sorted(homes))}, which pyproject.toml does not ask for here"
            yield module.violation(imported.line, "dependencies", text)


def declared(module: Module, asked: dict[str, Any]) -> set[str]:
    """Names of the packages that are installed wherever this module runs."""
    groups = asked.get("dependency-groups", {})
    names = set(_names(asked.get("project", {}).get("dependencies", [])))
    if module.name.split(".")[0] not in PACKAGES or module.name in DEVELOPERS_MODULES:
        names.update(_names([*groups.get("dev", []), *groups.get("model", [])]))
    elif module.package == MODEL_PACKAGE:
        names.update(_names(groups.get("model", [])))
    if module.name in EXTRAS:
        extras = asked.get("project", {}).get("optional-dependencies", {})
        names.update(_names(extras.get(EXTRAS[module.name], [])))
    return names


def normal(name: str) -> str:
    """The one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(requirements: Iterable[str]) -> Iterator[str]:
    for requirement in requirements:
        match = NAME.match(requirement)
        if match:
            yield normal(match[0])


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())
