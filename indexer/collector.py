"""Python's cyclic collector, made rare while rows by the hundred thousand come and go.

A step makes no cycles, but the collector walks all of its tuples and dicts again and again: a third of the
time of a backfill. What is found later is found all the same.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (100_000, 50, 100)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Raise the thresholds while the block runs."""
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
