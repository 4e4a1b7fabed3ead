"""Bodies of `multipart/form-data` (RFC 7578): where each field lies, so that one can be replaced. Pure.

Strict on purpose: what two parsers may read differently (a field named twice, a name in another spelling, an
encoded part) is refused, else a body could name one model here and another one at the upstream.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from backend.core.errors import MalformedRequest, UnsupportedMediaType

MOST_PARTS: Final = 64
MOST_HEADERS: Final = 8
MOST_HEADER_BYTES: Final = 2_048
_TYPE: Final = re.compile(
    r"multipart/form-data *; *boundary=(?:\"([0-9A-Za-z'()+_,./:=? -]{1,70})\"|([0-9A-Za-z'+_.-]{1,70})) *",
    re.IGNORECASE,
)
_DISPOSITION: Final = re.compile(
    rb"form-data; *name=\"([^\"\\]{1,200})\"((?:; *filename=\"[^\"]*\")?(?:; *filename\*=[^;\"]+)?) *",
    re.IGNORECASE,
)
_PLAIN: Final = frozenset({b"binary", b"7bit", b"8bit"})


@dataclass(frozen=True, slots=True)
class Part:
    """A part: its name, where its content lies in the body, whether it is a file."""

    name: str
    start: int
    end: int
    is_file: bool


@dataclass(frozen=True, slots=True)
class Form:
    """A body and its parts, in their order."""

    body: bytes
    parts: tuple[Part, ...]

    def text(self, name: str, most: int) -> str | None:
        """A field's text, None where it is absent. Raises MalformedRequest for a file, one sent twice, over
        `most` bytes or no UTF-8.
        """
        part = self._only(name)
        if part is None:
            return None
        if part.is_file or part.end - part.start > most:
            raise MalformedRequest(f"the field `{name}` must be text of at most {most} bytes", field=name)
        try:
            return self.body[part.start : part.end].decode()
        except UnicodeDecodeError:
            raise MalformedRequest(f"the field `{name}` must be text in UTF-8", field=name) from None

    def replaced(self, name: str, value: bytes) -> bytes:
        """The body with another content of one field, and every other byte as it came."""
        part = self._only(name)
        if part is None:
            return self.body
        return b"".join((self.body[: part.start], value, self.body[part.end :]))

    def _only(self, name: str) -> Part | None:
        found = [part for part in self.parts if part.name.lower() == name]
        if len(found) > 1 or any(part.name != name for part in found):
            raise MalformedRequest(f"the field `{name}` must be sent once, in this spelling", field=name)
        return found[0] if found else None


def read_form(content_type: str | None, body: bytes) -> Form:
    """Find the parts of a body. Raises UnsupportedMediaType, MalformedRequest."""
    told = _TYPE.fullmatch(content_type or "")
    if told is None:
        raise UnsupportedMediaType("send multipart/form-data; boundary=... as the content type")
    boundary = (told[1] or told[2]).encode()
    reader = _Reader(body)
    parser = MultipartParser(
        boundary, reader.callbacks(), max_header_count=MOST_HEADERS, max_header_size=MOST_HEADER_BYTES
    )
    try:
        if not body.startswith(b"--" + boundary):
            raise MalformedRequest("the body does not begin with its boundary")
        parser.write(body)
    except FormParserError:
        raise MalformedRequest("the body is not multipart/form-data as its boundary says") from None
    if not reader.ended:
        raise MalformedRequest("the body ends before its last boundary")
    return Form(body, tuple(reader.parts))


class _Reader:
    """What the parser tells, put together. The body is parsed in one piece, so places in it are absolute."""

    def __init__(self, body: bytes) -> None:
        self.parts: list[Part] = []
        self.ended = False
        self._body = body
        self._headers: list[tuple[bytes, bytes]] = []
        self._field = b""
        self._span: tuple[int, int] | None = None

    def callbacks(self) -> Any:
        """By the parser's names for them."""
        found: dict[str, Callable[..., None]] = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }
        return found

    def _begin(self) -> None:
        if len(self.parts) == MOST_PARTS:
            raise MalformedRequest(f"the body has more than {MOST_PARTS} parts")
        self._headers, self._span = [], None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field = data[start:end].lower()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._headers.append((self._field, data[start:end]))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if data is not self._body or self._span is not None:
            raise MalformedRequest("a part's content holds the boundary")
        self._span = (start, end)

    def _end(self) -> None:
        name, is_file = _named(self._headers)
        start, end = self._span or (0, 0)
        self.parts.append(Part(name, start, end, is_file))

    def _finish(self) -> None:
        self.ended = True


def _named(headers: list[tuple[bytes, bytes]]) -> tuple[str, bool]:
    """A part's name, and whether it is a file."""
    said = [value for field, value in headers if field == b"content-disposition"]
    told = _DISPOSITION.fullmatch(said[0]) if len(said) == 1 else None
    if told is None or any(b"\n" in value for _, value in headers):
        raise MalformedRequest('each part needs one header `Content-Disposition: form-data; name="..."`')
    encodings = [value.strip().lower() for field, value in headers if field == b"content-transfer-encoding"]
    if any(encoding not in _PLAIN for encoding in encodings):
        raise MalformedRequest("a part's content must be sent as it is, not encoded")
    try:
        return told[1].decode(), bool(told[2])
    except UnicodeDecodeError:
        raise MalformedRequest("a part's name must be in UTF-8") from None
