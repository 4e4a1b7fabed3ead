"""What a projection is."""

from collections.abc import Callable

from backend.chain.events import DecodedEvent
from indexer.rows import Rows

Handler = Callable[[DecodedEvent, Rows], None]
"""Folds one event into rows. It runs twice, the first time over blank rows: the keys it asks for hang on the
event alone, and it does nothing but change rows.
"""
