"""Texts that strangers put on the chain, made fit for every database."""

from typing import Final

LONGEST: Final = 100_000
"""Characters kept of a text; a document's address is far shorter."""


def storable(text: str) -> str:
    """The text without NUL, which PostgreSQL refuses, and cut to a bound."""
    return text[:LONGEST].replace("\0", "\ufffd")
