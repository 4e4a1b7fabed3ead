"""Cursors: where a page ended, opaque to callers. Pure."""

import base64
import binascii
from typing import Final

import orjson

from backend.catalog.schemas import Sort
from backend.core.errors import MalformedRequest

_LIMIT: Final = 400
_MOST: Final = {
    Sort.NEW: 2**63,
    Sort.PRICE: 2**256,
    Sort.NAME: 0,
    Sort.UPTIME: 2**63,
    Sort.FIRST_TOKEN: 2**63,
    Sort.SPEED: 2**63,
}
"""What each sort's column can compare with."""


def write_cursor(sort: Sort, after: tuple[int | str, int]) -> str:
    """A cursor after (sort value, service id)."""
    value, service_id = after
    return base64.urlsafe_b64encode(orjson.dumps([sort.value, str(value), service_id])).decode().rstrip("=")


def read_cursor(text: str, sort: Sort) -> tuple[int | str, int]:
    """The inverse. Raises MalformedRequest for what `write_cursor` did not write for this sort."""
    try:
        padded = text[:_LIMIT] + "=" * (-len(text) % 4)
        kind, value, service_id = orjson.loads(base64.urlsafe_b64decode(padded))
        after = (str(value) if sort is Sort.NAME else int(value), int(service_id))
    except (ValueError, TypeError, binascii.Error):
        kind, after = None, (0, 0)
    if kind != sort.value or not _fits(after, _MOST[sort]):
        raise MalformedRequest("the cursor is none of ours for this sort; start without one")
    return after


def _fits(after: tuple[int | str, int], most: int) -> bool:
    value, service_id = after
    return 0 <= service_id < 2**63 and ("\x00" not in value if isinstance(value, str) else 0 <= value < most)
