"""What a mutant is."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """One deliberate fault: `old`, found once in the source, becomes `new`; `tests` must notice."""

    name: str
    contract: str
    old: str
    new: str
    tests: str
