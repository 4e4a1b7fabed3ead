"""Byte ranges of a file (RFC 9110, 14). Pure."""

import re
from dataclasses import dataclass
from typing import Final

from backend.core.errors import RangeUnsatisfiable

_ONE: Final = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`length` bytes from `start`; `partial` where a range was asked for."""

    start: int
    length: int
    partial: bool

    def content_range(self, size: int) -> str:
        """`Content-Range` of its answer."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def range_of(asked: str | None, size: int) -> ByteRange:
    """The bytes a `Range` header asks for; all of them where it is absent or one we do not serve (several
    ranges, another unit), as the RFC allows. Raises RangeUnsatisfiable.
    """
    found = None if asked is None else _ONE.fullmatch(asked.strip())
    if found is None:
        return ByteRange(0, size, partial=False)
    first, last, suffix = found.groups()
    if suffix is not None:
        start, end = max(size - int(suffix), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last is not None else size
    if start >= end:
        raise RangeUnsatisfiable(f"the file has {size} bytes; ask for a range inside it", size=size)
    return ByteRange(start, end - start, partial=True)
