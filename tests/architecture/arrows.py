"""Who may import whom, and which library belongs to which package."""

from collections.abc import Iterator
from pathlib import Path

from tests.architecture.rules import ARROWS, AS_TYPE_ANYWHERE, INSIDE_FUNCTIONS, OWNERS, PACKAGES, TREES
from tests.architecture.sources import Import, Module, Violation, modules


def check_arrows(root: Path) -> list[Violation]:
    """Imports between our packages that the table does not allow, and packages it does not know."""
    return [found for module in modules(root, *PACKAGES) for found in _arrows_of(module)]


def check_owners(root: Path) -> list[Violation]:
    """Libraries imported outside the package that owns them."""
    return [found for module in modules(root, *PACKAGES) for found in _owners_of(module)]


def _arrows_of(module: Module) -> Iterator[Violation]:
    if module.name == "backend":
        allowed: frozenset[str] = frozenset()
    elif module.package not in ARROWS:
        yield module.violation(
            1, "arrows", f"{module.package} is not in the table of tests/architecture/rules.py"
        )
        return
    else:
        allowed = ARROWS[module.package] | {module.package}
    # The root package holds nothing but its name, which tells where the project lies.
    for imported in module.imports:
        ours = imported.target.split(".")[0] in TREES and imported.target != "backend"
        if ours and not any(imported.of(name) for name in allowed):
            yield module.violation(
                imported.line, "arrows", f"{module.package} may not import {imported.target}"
            )


def _owners_of(module: Module) -> Iterator[Violation]:
    for imported in module.imports:
        for library, owners in OWNERS.items():
            if imported.of(library):
                yield from _owned(module, imported, library, owners)


def _owned(module: Module, imported: Import, library: str, owners: tuple[str, ...]) -> Iterator[Violation]:
    if imported.for_types and library in AS_TYPE_ANYWHERE:
        return
    if not any(module.name == owner or module.name.startswith(owner + ".") for owner in owners):
        where = " or ".join(owners) or "tests"
        yield module.violation(imported.line, "owners", f"{library} belongs to {where}")
    elif library in INSIDE_FUNCTIONS and not (imported.in_function or imported.for_types):
        yield module.violation(
            imported.line, "owners", f"{library} is imported inside the function that needs it"
        )
