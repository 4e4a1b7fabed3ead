"""What a mutant is."""

from __future__ import annotations

from typing import NamedTuple

from contracts import sources


class Mutant(NamedTuple):
    """One deliberate fault: `old`, found once in the source, becomes `new`; `tests` must notice."""

    name: str
    contract: str
    old: str
    new: str
    tests: str


def places(mutant: Mutant) -> dict[str, str]:
    """The sources with the fault in them, by name: the contract's or an abstract's, one if it applies."""
    texts = sources.closure(f"src/{mutant.contract}.sol")
    own = {n: t for n, t in texts.items() if n.startswith(("src/abstracts/", f"src/{mutant.contract}."))}
    return {n: t.replace(mutant.old, mutant.new) for n, t in own.items() if t.count(mutant.old) == 1}
